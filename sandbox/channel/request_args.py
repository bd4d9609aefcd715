"""The arguments of the page's requests: the channel, the reader, texts."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, abort, request

from sandbox.slack.records import Channel, User
from sandbox.slack.world import World


def channel_of(world: World, channel_id: str) -> Channel:
    """Return a channel; 404 if there is none."""
    return world.channels.get(channel_id) or abort(404)


def reader_of(world: World, channel: Channel) -> User:
    """Return the page's reader: ``?as=``, or the channel's first user; 404 if there is none."""
    with world.lock:
        people = [user for user in world.users.values() if not user.is_bot and user.id in channel.members]
    wanted = request.args.get("as")
    found = [user for user in people if wanted in (None, user.id)]
    return found[0] if found else abort(404)


def chosen() -> dict[str, Any]:
    """Return the query arguments with which links keep the reader."""
    return {"as": request.args["as"]} if "as" in request.args else {}


def bot_of(world: World, channel: Channel) -> User | None:
    """Return the bot of a DM with an app; None for any other channel."""
    users = [world.users[id_] for id_ in channel.members if id_ in world.users]
    return next((user for user in users if user.is_bot), None) if channel.kind == "im" else None


def read_json() -> dict[str, Any]:
    """Return the JSON body; a body of another kind, as other sites' forms send, is refused."""
    body = request.get_json() if request.is_json else abort(415)
    return body if isinstance(body, dict) else abort(422)


def wanted_text(name: str, default: str | None = None) -> str:
    """Return a text of the JSON body."""
    value = read_json().get(name, default)
    return value if isinstance(value, str) else abort(422)


def json_response(body: dict[str, Any], status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(json.dumps(body), status, mimetype="application/json")
