"""Actions of users, with Slack's events and payloads that follow: messages, block actions, modals, tabs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, jsonify

from sandbox.control.base import control, read_body, read_install
from sandbox.slack.interactions import ElementRef, press, press_in_view
from sandbox.slack.posting import Attached, edit_message, share
from sandbox.slack.seed import SECTORFLOW_APP_ID
from sandbox.slack.view_submissions import submit
from sandbox.state import current_sandbox


@control.post("/ask")
def ask() -> Response:
    """Post a message as a user: ``user``, ``channel``, ``text``, ``thread_ts``, ``files`` (their names).

    ``{bot}`` in the text becomes the mention of ``app_id``'s bot (SectorFlow's by default). ``broadcast``
    sends a reply to the channel too, ``forward`` adds the message of a ``channel`` and a ``ts``, ``table``
    rows of texts, and ``blocks`` are added as they are.
    """
    world, body = current_sandbox().world, read_body()
    files = tuple(map(str, body.get("files", ())))
    thread_ts, channel = body.get("thread_ts"), body["channel"]
    shared = share(world, channel, thread_ts if body.get("broadcast") else None, _attached(body))
    shared["blocks"] = body.get("blocks")
    return jsonify(message=world.ask(body["user"], channel, _text(body), thread_ts, files, **shared))


@control.post("/edit")
def edit() -> Response:
    """Edit a user's message: ``user``, ``channel``, ``ts``, ``text`` (with ``{bot}`` as in ``ask``)."""
    body = read_body()
    changed = edit_message(current_sandbox().world, body["user"], (body["channel"], body["ts"]), _text(body))
    return jsonify(message=changed)


def _text(body: dict[str, Any]) -> str:
    text = str(body["text"])
    return text.replace("{bot}", f"<@{read_install(body).bot_user_id}>") if "{bot}" in text else text


def _attached(body: dict[str, Any]) -> Attached:
    forward = body.get("forward")
    return Attached((forward["channel"], forward["ts"]) if forward else None, body.get("table"))


@control.post("/press")
def press_button() -> Response:
    """Press an element as a user: ``user``, ``channel``, ``ts``, ``action_id``.

    ``block_id`` tells equal ``action_id`` apart; ``value`` is the chosen option's or thumb's. Return the
    ``status`` of the app's answer (null without one) and the ``trigger_id``.
    """
    body = read_body()
    named = {name: str(body.get(name, "")) for name in ("block_id", "value")}
    place = ElementRef(body["channel"], body["ts"], body["action_id"], **named)
    return jsonify(asdict(press(current_sandbox().world, body["user"], place)))


@control.post("/press-in-view")
def press_in_view_button() -> Response:
    """Press a button in ``user``'s open modal, or on ``app_id``'s Home tab: ``action_id``, ``value``.

    Return the same as ``press``.
    """
    body = read_body()
    app_id = body.get("app_id", SECTORFLOW_APP_ID)
    named = str(body["action_id"]), str(body.get("value", ""))
    return jsonify(asdict(press_in_view(current_sandbox().world, body["user"], app_id, *named)))


@control.post("/submit")
def submit_modal() -> Response:
    """Submit the modal ``view_id`` with ``values``, texts (or lists of them, of checkboxes) by ``block_id``.

    Return the ``status`` of the app's answer, ``is_closed`` and ``errors`` by ``block_id``.
    """
    body = read_body()
    return jsonify(asdict(submit(current_sandbox().world, body["view_id"], body["values"])))


@control.post("/close-modal")
def close_modal() -> Response:
    """Close the modal ``view_id``, as a user who cancels."""
    current_sandbox().world.surfaces.close_modal(read_body()["view_id"])
    return jsonify(ok=True)


@control.post("/open-dm")
def open_dm() -> Response:
    """Open the DM of ``user`` with the bot of ``app_id``, without an event."""
    body = read_body()
    channel = current_sandbox().world.open_dm(body["user"], read_install(body).bot_user_id)
    return jsonify(channel=channel.id)


@control.post("/open-home")
def open_home() -> Response:
    """Open the ``home`` or the ``messages`` tab of ``app_id`` as ``user``, with the event; return the DM."""
    body = read_body()
    channel = current_sandbox().events.open_home(
        read_install(body), body["user"], body.get("tab", "messages")
    )
    return jsonify(channel=channel.id)


@control.post("/stop")
def stop() -> Response:
    """Press the Stop button of ``app_id``'s session in ``thread_ts`` of ``channel``, as ``user``."""
    sandbox, body = current_sandbox(), read_body()
    app_id = body.get("app_id", SECTORFLOW_APP_ID)
    for session in sandbox.world.sessions.all(body["channel"], body["thread_ts"]):
        if session.app_id == app_id:
            sandbox.events.stop_session(session, body["user"])
            return jsonify(ok=True)
    raise LookupError("no such session")


@control.post("/uninstall")
def uninstall() -> Response:
    """Uninstall an app from a team, with the events that follow."""
    current_sandbox().events.uninstall(read_install(read_body()))
    return jsonify(ok=True)


@control.post("/event")
def send_event() -> Response:
    """Send any ``event`` to ``app_id``, with any fields of the ``envelope``."""
    body = read_body()
    envelope = body.get("envelope", {})
    event_id = current_sandbox().events.send_event(read_install(body), body["event"], **envelope)
    return jsonify(event_id=event_id)


@control.post("/replay")
def replay() -> Response:
    """Send an event again: ``event_id``."""
    current_sandbox().events.replay(read_body()["event_id"])
    return jsonify(ok=True)
