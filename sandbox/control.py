"""The switches under ``/_control``: faults on order, and what happened so far, for other processes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from sandbox.faults import Fault
from sandbox.slack.codes import Codes
from sandbox.slack.config_tokens import ConfigTokens
from sandbox.slack.interactions import press
from sandbox.slack.records import Channel, Install, Team, User, new_id
from sandbox.slack.seed import SECTORFLOW_APP_ID, TEAM_ID, seed
from sandbox.state import current_sandbox

control = Blueprint("control", __name__, url_prefix="/_control")


@control.errorhandler(TypeError)
@control.errorhandler(LookupError)
def refuse(error: Exception) -> tuple[Response, int]:
    """Answer 400 to a body that lacks a field or has one too many."""
    return jsonify(error=f"{type(error).__name__}: {error}"), 400


@control.post("/faults")
def add_fault() -> Response:
    """Ask for a fault: ``service`` is ``slack`` or ``sectorflow``, the rest are the fields of a fault."""
    body = _body()
    sandbox = current_sandbox()
    plans = {"slack": sandbox.slack_faults, "sectorflow": sandbox.sectorflow_faults}
    plans[body.pop("service")].add(Fault(**body))
    return jsonify(ok=True)


@control.delete("/faults")
def clear_faults() -> Response:
    """Forget every fault."""
    current_sandbox().slack_faults.clear()
    current_sandbox().sectorflow_faults.clear()
    return jsonify(ok=True)


@control.post("/settings")
def change_settings() -> Response:
    """Change settings of the sandbox while it runs."""
    settings = current_sandbox().settings
    for name, value in _body().items():
        if not hasattr(settings, name):
            raise KeyError(name)
        setattr(settings, name, value)
    return jsonify(asdict(settings))


@control.get("/messages")
def messages() -> Response:
    """Give the messages of ``?channel=``, or of every channel, oldest first."""
    world = current_sandbox().world
    channels = [request.args["channel"]] if "channel" in request.args else list(world.channels)
    return jsonify(messages=[each for channel in channels for each in world.messages(channel)])


@control.get("/deliveries")
def deliveries() -> Response:
    """Give every attempt to deliver an event, oldest first."""
    return jsonify(deliveries=[asdict(each) for each in current_sandbox().events.log()])


@control.get("/requests")
def requests_seen() -> Response:
    """Give the completions requests that SectorFlow took, oldest first."""
    return jsonify(requests=current_sandbox().sectorflow.requests_seen())


@control.get("/installs")
def installs() -> Response:
    """Give every install; tokens are left out."""
    return jsonify(installs=[_shown(each) for each in current_sandbox().world.installs.all()])


@control.post("/ask")
def ask() -> Response:
    """Say something as a person: ``user``, ``channel``, ``text``, ``thread_ts``.

    ``{bot}`` in the text becomes the mention of ``app_id``'s bot (SectorFlow's by default).
    """
    body = _body()
    text = body["text"]
    if "{bot}" in text:
        install = _install(body)
        text = text.replace("{bot}", f"<@{install.bot_user_id}>")
    said = current_sandbox().world.ask(body["user"], body["channel"], text, body.get("thread_ts"))
    return jsonify(message=said)


@control.post("/install-app")
def install_app() -> Response:
    """Install an app without consent: ``app_id``, ``team_id``; its bot joins ``channels``."""
    world, body = current_sandbox().world, _body()
    app_id = body.get("app_id", SECTORFLOW_APP_ID)
    install = world.installs.install(app_id, body.get("team_id", TEAM_ID), by=body.get("user", ""))
    for channel_id in body.get("channels", []):
        world.invite(app_id, channel_id)
    return jsonify(install={**_shown(install), "bot_token": install.bot_token})


@control.post("/invite")
def invite() -> Response:
    """Put an app's bot into a channel: ``app_id``, ``channel``, perhaps ``by`` and ``mention_ts``."""
    body = _body()
    app_id = body.get("app_id", SECTORFLOW_APP_ID)
    current_sandbox().world.invite(
        app_id, body["channel"], by=body.get("by"), mention_ts=body.get("mention_ts")
    )
    return jsonify(ok=True)


@control.post("/team")
def add_team() -> Response:
    """Add a workspace with a person and a channel: ``name``, one word; give their ids."""
    world, name = current_sandbox().world, _body()["name"]
    team = world.add_team(Team(new_id("T"), name.title(), name))
    person = world.add_user(User(new_id("U"), team.id, f"{name}-person", f"{name.title()} Person"))
    channel = world.add_channel(Channel(new_id("C"), team.id, "general", members={person.id}))
    return jsonify(team=team.id, user=person.id, channel=channel.id)


@control.post("/channel")
def add_channel() -> Response:
    """Add a channel of ``team_id`` with all its people: ``name``; give its id."""
    world, body = current_sandbox().world, _body()
    team_id = body.get("team_id", TEAM_ID)
    people = {user.id for user in world.users.values() if user.team_id == team_id and not user.is_bot}
    channel = world.add_channel(Channel(new_id("C"), team_id, body["name"], members=people))
    return jsonify(channel=channel.id)


@control.post("/open-dm")
def open_dm() -> Response:
    """Open the DM of ``user`` with the bot of ``app_id``."""
    body = _body()
    channel = current_sandbox().world.open_dm(body["user"], _install(body).bot_user_id)
    return jsonify(channel=channel.id)


@control.post("/uninstall")
def uninstall() -> Response:
    """Uninstall an app from a team, with the events that follow."""
    current_sandbox().events.uninstall(_install(_body()))
    return jsonify(ok=True)


@control.post("/event")
def send_event() -> Response:
    """Send any ``event`` to ``app_id``, with any fields of the ``envelope``."""
    body = _body()
    event_id = current_sandbox().events.send_event(_install(body), body["event"], **body.get("envelope", {}))
    return jsonify(event_id=event_id)


@control.post("/press")
def press_button() -> Response:
    """Press a button as a person: ``user``, ``channel``, ``ts``, ``action_id``; give the app's status."""
    body = _body()
    place = body["user"], body["channel"], body["ts"]
    return jsonify(status=press(current_sandbox().world, *place, action_id=body["action_id"]))


@control.post("/replay")
def replay() -> Response:
    """Send an event again: ``event_id``."""
    current_sandbox().events.replay(_body()["event_id"])
    return jsonify(ok=True)


@control.post("/reset")
def reset() -> Response:
    """Start over: the seeded world, no faults, no requests seen."""
    sandbox = current_sandbox()
    sandbox.world.clear()
    seed(sandbox.world, sandbox.settings.events_url)
    sandbox.slack_faults.clear()
    sandbox.sectorflow_faults.clear()
    sandbox.sectorflow.clear()
    sandbox.limits.clear()
    sandbox.codes = Codes(sandbox.world.clock)
    sandbox.config_tokens = ConfigTokens(TEAM_ID, sandbox.world.clock)
    return jsonify(ok=True)


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        abort(400)
    return dict(body)


def _install(body: dict[str, Any]) -> Install:
    """Give the active install that a body names by ``app_id`` and ``team_id``."""
    installs_ = current_sandbox().world.installs
    install = installs_.find(body.get("app_id", SECTORFLOW_APP_ID), body.get("team_id", TEAM_ID))
    if install is None:
        abort(404)
    return install


def _shown(install: Install) -> dict[str, Any]:
    fields = asdict(install)
    return {name: value for name, value in fields.items() if name not in ("bot_token", "refresh_token")}
