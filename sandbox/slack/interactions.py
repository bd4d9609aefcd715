"""Button presses as Slack sends them: a signed form with one field, never sent again."""

from __future__ import annotations

import json
import secrets
from typing import Any
from urllib.parse import urlencode

import requests

from sandbox.slack.records import App, Message
from sandbox.slack.signing import signed_headers
from sandbox.slack.world import World

_TIMEOUT = 3.0
_HIDDEN = ("pings", "channel")


def press(world: World, user_id: str, channel_id: str, ts: str, *, action_id: str) -> int:
    """Press the element ``action_id`` of a message as a person; give the status of the app's answer.

    LookupError where there is no such message or element (docs.slack.dev, block_actions payload).
    """
    message = world.find_message(channel_id, ts)
    if message is None or "app_id" not in message:
        raise LookupError("no such message of an app")
    app = world.apps[message["app_id"]]
    payload = _payload(world, app, user_id, message)
    payload["actions"] = [{**_element(message, action_id), "action_ts": f"{world.clock():.6f}"}]
    return _send(app, payload, int(world.clock()))


def _send(app: App, payload: dict[str, Any], timestamp: int) -> int:
    if app.interactivity_url is None:
        raise LookupError("the app takes no interactions")
    body = urlencode({"payload": json.dumps(payload)}).encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        **signed_headers(app.signing_secret, timestamp, body),
    }
    return requests.post(app.interactivity_url, data=body, headers=headers, timeout=_TIMEOUT).status_code


def _element(message: Message, action_id: str) -> dict[str, Any]:
    """Give the element as an action: what identifies it and what it carries."""
    inner = [child for block in message.get("blocks", []) for child in block.get("child_blocks", [])]
    for block in [*message.get("blocks", []), *inner]:
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if element.get("action_id") == action_id:
                return {**element, "block_id": block.get("block_id", "")}
    raise LookupError("no such element")


def _payload(world: World, app: App, user_id: str, message: Message) -> dict[str, Any]:
    user, channel = world.users[user_id], world.channels[message["channel"]]
    team = world.teams[user.team_id]
    place = {"message_ts": message["ts"], "channel_id": channel.id, "is_ephemeral": False}
    in_thread = {"thread_ts": message["thread_ts"]} if "thread_ts" in message else {}
    return {
        "type": "block_actions",
        "api_app_id": app.app_id,
        "token": app.verification_token,
        "team": {"id": team.id, "domain": team.domain},
        "enterprise": {"id": team.enterprise_id, "name": team.enterprise_name}
        if team.enterprise_id
        else None,
        "is_enterprise_install": False,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "container": {"type": "message", **place, **in_thread},
        "channel": {"id": channel.id, "name": "directmessage" if channel.kind == "im" else channel.name},
        "message": {name: value for name, value in message.items() if name not in _HIDDEN},
        "state": {"values": {}},
        "trigger_id": f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}",
    }
