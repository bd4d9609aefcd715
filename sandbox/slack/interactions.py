"""Block actions and view submissions as Slack sends them: a signed form with one field, without retries.

Source: docs.slack.dev, block_actions and view_submission payloads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests

from sandbox.slack.block_actions import as_action, find_button, find_element
from sandbox.slack.block_ids import with_ids
from sandbox.slack.records import App, Install, Message
from sandbox.slack.signing import signed_headers
from sandbox.slack.world import World

_TIMEOUT = 3.0
_HIDDEN = ("pings", "channel", "ephemeral_for")

Payload = dict[str, Any]


@dataclass(frozen=True)
class PressResult:
    """The result of a press: the status of the app's answer, None without one, and the trigger."""

    status: int | None
    trigger_id: str


@dataclass(frozen=True)
class ElementRef:
    """An element of a message; ``block_id`` is needed if several blocks have its ``action_id``.

    ``value`` is the chosen option's or thumb's; buttons need none.
    """

    channel_id: str
    ts: str
    action_id: str
    block_id: str = ""
    value: str = ""


def press(world: World, user_id: str, place: ElementRef) -> PressResult:
    """Press an element of a message, or choose one of its options, as a user.

    LookupError if there is no such message, element or option, or the user cannot see it.
    """
    message = world.find_message(place.channel_id, place.ts)
    if message is None or "app_id" not in message:
        raise LookupError("no such message of an app")
    if message.get("ephemeral_for", user_id) != user_id or not _sees(world, user_id, place.channel_id):
        raise LookupError("this person does not see the message")
    app, install = world.apps[message["app_id"]], install_of(world, message)
    element = find_element(message, place.action_id, place.block_id)
    action = {**as_action(element, place.value, user_id), "action_ts": f"{world.clock():.6f}"}
    payload = {
        **_head(world, app, install, user_id, "block_actions"),
        **_place(world, message),
        "actions": [action],
    }
    answer = send(world, app, payload)
    return PressResult(None if answer is None else answer.status_code, payload["trigger_id"])


def press_in_view(world: World, user_id: str, app_id: str, action_id: str, value: str) -> PressResult:
    """Press a button in the modal that is open for a user, or else on the app's Home tab.

    LookupError if neither has a button of this ``action_id`` and ``value``.
    """
    modal = world.surfaces.modal_of(user_id)
    app_id = modal.app_id if modal else app_id
    view = modal.view if modal else world.surfaces.home_views.get((app_id, user_id))
    if view is None:
        raise LookupError("no view is shown to this person")
    installs = [each for each in world.installs.all() if each.app_id == app_id and each.is_active]
    if not installs:
        raise LookupError("the app is not installed any more")
    button = find_button({**view, "blocks": with_ids(view["blocks"])}, action_id, value)
    app, action = world.apps[app_id], as_action(button, value, user_id)
    payload = {
        **_head(world, app, installs[0], user_id, "block_actions"),
        "container": {"type": "view", "view_id": view["id"]},
        "view": {"state": {"values": {}}, **view},
        "actions": [{**action, "action_ts": f"{world.clock():.6f}"}],
    }
    answer = send(world, app, payload)
    return PressResult(None if answer is None else answer.status_code, payload["trigger_id"])


def submission(world: World, app: App, install: Install, user_id: str, view: Payload) -> Payload:
    """Return the ``view_submission`` payload of a modal; ``view`` has its ``state``."""
    head = _head(world, app, install, user_id, "view_submission")
    return {**head, "view": view, "response_urls": []}


def install_of(world: World, message: Mapping[str, Any]) -> Install:
    """Return the install whose bot posted a message; LookupError if it is inactive."""
    bots = [each for each in world.installs.all() if each.bot_id == message.get("bot_id") and each.is_active]
    if not bots:
        raise LookupError("the app is not installed any more")
    return bots[0]


def send(world: World, app: App, payload: Payload) -> requests.Response | None:
    """Send a payload to an app, once, and return the answer; None if none came within three seconds."""
    if app.interactivity_url is None:
        raise LookupError("the app takes no interactions")
    body = urlencode({"payload": json.dumps(payload)}).encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        **signed_headers(app.signing_secret, int(world.clock()), body),
    }
    kind = headers["Content-Type"]
    number = world.traffic.begin("interaction", payload["type"], body, content_type=kind)
    try:
        answer = requests.post(app.interactivity_url, data=body, headers=headers, timeout=_TIMEOUT)
    except requests.RequestException:
        world.traffic.end(number, status=None)
        return None
    world.traffic.end(number, status=answer.status_code, response=answer.content)
    return answer


def _sees(world: World, user_id: str, channel_id: str) -> bool:
    return user_id in world.channels[channel_id].members


def _head(world: World, app: App, install: Install, user_id: str, kind: str) -> Payload:
    """Return the fields of all payloads: the user and the install.

    ``team`` is the install's, null for an org-wide one; Bolt reads it so too.
    """
    user = world.users[user_id]
    team = world.teams[install.team_id] if install.team_id else None
    enterprise = next(
        (each for each in world.teams.values() if each.enterprise_id == install.enterprise_id), None
    )
    of_org = {"id": install.enterprise_id, "name": enterprise.enterprise_name if enterprise else ""}
    in_org = {"enterprise_id": team.enterprise_id} if team and team.enterprise_id else {}
    return {
        "type": kind,
        "api_app_id": app.app_id,
        "token": app.verification_token,
        "team": {"id": team.id, "domain": team.domain, **in_org} if team else None,
        "enterprise": of_org if install.enterprise_id else None,
        "is_enterprise_install": install.team_id is None,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "trigger_id": world.surfaces.issue_trigger(app.app_id, user_id, install.tenant_id),
    }


def _place(world: World, message: Message) -> Payload:
    """Return the fields of the pressed message; an ephemeral one is not included itself."""
    channel, hidden = world.channels[message["channel"]], bool(message.get("is_ephemeral"))
    place = {"message_ts": message["ts"], "channel_id": channel.id, "is_ephemeral": hidden}
    in_thread = {"thread_ts": message["thread_ts"]} if "thread_ts" in message else {}
    shown = {name: value for name, value in message.items() if name not in _HIDDEN}
    if "blocks" in shown:
        shown["blocks"] = with_ids(shown["blocks"])
    return {
        "container": {"type": "message", **place, **in_thread},
        "channel": {"id": channel.id, "name": "directmessage" if channel.kind == "im" else channel.name},
        **({} if hidden else {"message": shown}),
        "state": {"values": {}},
    }
