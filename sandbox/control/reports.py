"""Reports of the sandbox's state and of what happened so far."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response, jsonify, request

from sandbox.control.base import control, shown
from sandbox.slack.records import App
from sandbox.state import current_sandbox


@control.get("/messages")
def messages() -> Response:
    """Return the messages of ``?channel=``, or of every channel, oldest first."""
    world = current_sandbox().world
    channels = [request.args["channel"]] if "channel" in request.args else list(world.channels)
    return jsonify(messages=[each for channel in channels for each in world.messages(channel)])


@control.get("/deliveries")
def deliveries() -> Response:
    """Return every attempt to deliver an event, oldest first."""
    return jsonify(deliveries=[asdict(each) for each in current_sandbox().events.log()])


@control.get("/requests")
def requests_seen() -> Response:
    """Return the completions requests that SectorFlow received, oldest first."""
    return jsonify(requests=current_sandbox().sectorflow.requests_seen())


@control.get("/installs")
def installs() -> Response:
    """Return every install without its tokens."""
    return jsonify(installs=[shown(each) for each in current_sandbox().world.installs.all()])


@control.get("/apps")
def apps() -> Response:
    """Return every app without its credentials."""
    return jsonify(apps=[_app(each) for each in current_sandbox().world.apps.values()])


@control.get("/modals")
def modals() -> Response:
    """Return the modals that are open, each with its ``user_id``, ``view`` and ``errors``."""
    world = current_sandbox().world
    with world.lock:
        return jsonify(modals=[asdict(each) for each in world.surfaces.modals.values()])


@control.get("/home")
def home() -> Response:
    """Return the view on the Home tab of ``?user=`` for ``?app_id=``; null if there is none."""
    views = current_sandbox().world.surfaces.home_views
    return jsonify(view=views.get((request.args["app_id"], request.args["user"])))


@control.get("/prompts")
def prompts() -> Response:
    """Return the suggested prompts in the DM ``?channel=``: null or ``prompts``, ``title`` and ``set_at``."""
    found = current_sandbox().world.surfaces.prompts(request.args["channel"])
    return jsonify(prompts=asdict(found) if found else None)


@control.get("/status")
def status() -> Response:
    """Return the status in the thread ``?thread_ts=`` of ``?channel=``; null if there is none."""
    place = request.args["channel"], request.args["thread_ts"]
    found = current_sandbox().world.surfaces.status(*place)
    return jsonify(status=asdict(found) if found else None)


@control.get("/sessions")
def sessions() -> Response:
    """Return the agent sessions of ``?channel=``, or of its thread ``?thread_ts=``."""
    found = current_sandbox().world.sessions.all(request.args["channel"], request.args.get("thread_ts"))
    return jsonify(sessions=[asdict(each) for each in found])


def _app(app: App) -> dict[str, object]:
    return {
        "app_id": app.app_id,
        "name": app.name,
        "home_team_id": app.home_team_id,
        "client_id": app.client_id,
        "events_url": app.events_url,
        "interactivity_url": app.interactivity_url,
        "is_deleted": app.is_deleted,
        "is_distributed": app.is_distributed,
        "org_deploy": app.org_deploy,
        "token_rotation": app.token_rotation,
        "manifest": app.manifest,
    }
