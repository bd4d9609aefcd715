"""The arguments of the page's requests: the channel, the reader, texts."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, abort, request

from sandbox.slack.records import Channel, User
from sandbox.slack.world import World

#: Docs.slack.dev, table block.
_MOST_ROWS = 100
_MOST_COLUMNS = 20


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


def wanted_texts(name: str) -> list[str]:
    """Return a list of texts of the JSON body, [] by default."""
    value: list[str] = read_json().get(name, [])
    return value if _is_list(value, str) else abort(422)


def wanted_table() -> list[list[str]] | None:
    """Return the rows of the JSON body's ``table``, if it has one: texts, all rows equally long."""
    rows: list[list[str]] | None = read_json().get("table")
    if rows is None:
        return None
    if not _is_list(rows, list) or not all(_is_list(row, str) for row in rows):
        abort(422)
    is_even = len({len(row) for row in rows}) == 1
    return rows if is_even and len(rows) <= _MOST_ROWS and len(rows[0]) <= _MOST_COLUMNS else abort(422)


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(each, kind) for each in value)


def json_response(body: dict[str, Any], status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(json.dumps(body), status, mimetype="application/json")
