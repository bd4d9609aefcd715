"""The actions of the page's reader: messages, block actions, modals."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort

from sandbox.channel.composing import as_sent
from sandbox.channel.feed import Feed
from sandbox.channel.request_args import (
    channel_of,
    json_response,
    read_json,
    reader_of,
    wanted_table,
    wanted_text,
    wanted_texts,
)
from sandbox.slack.interactions import ElementRef, press, press_in_view
from sandbox.slack.posting import Attached, delete_message, edit_message, share
from sandbox.slack.records import Channel, Message, User
from sandbox.slack.sessions import Session
from sandbox.slack.view_submissions import submit
from sandbox.slack.world import World

#: Slack refuses longer messages (docs.slack.dev, chat.postMessage).
_LONGEST = 40_000


#: Called with the session and the user when a user presses the Stop button of an agent's session.
Stopped = Callable[[Session, str], None]


def add_actions(page: Blueprint, world: World, stopped: Stopped) -> None:
    """Add the routes that the page's script posts to."""
    _add_messages(page, world)
    _add_own_messages(page, world)
    _add_forwards(page, world)
    _add_block_actions(page, world)
    _add_stop(page, world, stopped)
    _add_modals(page, world)


def _add_messages(page: Blueprint, world: World) -> None:
    @page.post("/channel/api/<channel_id>/say")
    def say(channel_id: str) -> Response:
        channel = channel_of(world, channel_id)
        invited = _invited(world, channel)
        if invited:
            world.invite(invited, channel.id, by=reader_of(world, channel).id)
            return json_response({}, 201)
        return json_response({"ts": _say(world, channel)["ts"]}, 201)

    @page.post("/channel/api/<channel_id>/invite")
    def invite(channel_id: str) -> Response:
        channel = channel_of(world, channel_id)
        bot = world.users.get(wanted_text("user"))
        if bot is None or bot.app_id is None or world.installs.in_channel(bot.app_id, channel) is None:
            abort(422)
        by, mention_ts = reader_of(world, channel).id, wanted_text("ts", "") or None
        world.invite(bot.app_id, channel.id, by=by, mention_ts=mention_ts)
        return json_response({})


def _add_own_messages(page: Blueprint, world: World) -> None:
    @page.post("/channel/api/<channel_id>/edit")
    def edit(channel_id: str) -> Response:
        channel, text = channel_of(world, channel_id), wanted_text("text").strip()
        reader = reader_of(world, channel)
        if not text:
            abort(422)
        try:
            edit_message(world, reader.id, (channel.id, wanted_text("ts")), _sent(world, reader, text))
        except LookupError:
            abort(404)
        return json_response({})

    @page.post("/channel/api/<channel_id>/delete")
    def delete(channel_id: str) -> Response:
        channel = channel_of(world, channel_id)
        try:
            delete_message(world, reader_of(world, channel).id, (channel.id, wanted_text("ts")))
        except LookupError:
            abort(404)
        return json_response({})


def _add_forwards(page: Blueprint, world: World) -> None:
    @page.post("/channel/api/<channel_id>/forward")
    def forward(channel_id: str) -> Response:
        """Forward a message to another channel, with a comment."""
        channel, target = channel_of(world, channel_id), channel_of(world, wanted_text("to"))
        reader = reader_of(world, channel)
        if reader.id not in target.members or target.is_archived:
            abort(422)
        text = _sent(world, reader, wanted_text("text", "").strip())
        try:
            fields = share(world, target.id, None, Attached((channel.id, wanted_text("ts"))))
            said = world.ask(reader.id, target.id, text, **fields)
        except LookupError:
            abort(404)
        return json_response({"ts": said["ts"]}, 201)


def _add_block_actions(page: Blueprint, world: World) -> None:
    @page.post("/channel/api/<channel_id>/press")
    def pressed(channel_id: str) -> Response:
        """Press an element of a message; the ``ts`` of the modal is "", that of the Home tab "home".

        404 if there is none, 502 if the app did not accept it.
        """
        channel = channel_of(world, channel_id)
        reader, ts = reader_of(world, channel), wanted_text("ts", "")
        place = ElementRef(
            channel.id,
            ts,
            wanted_text("action_id"),
            wanted_text("block_id", ""),
            wanted_text("value", ""),
        )
        try:
            if ts in ("", "home"):
                done = press_in_view(world, reader.id, _app_of(world, channel), place.action_id, place.value)
            else:
                done = press(world, reader.id, place)
        except LookupError:
            abort(404)
        return json_response({}, 202 if done.status == 200 else 502)


def _app_of(world: World, channel: Channel) -> str:
    """Return the app that a DM is with; "" for any other channel."""
    return next((app_id for each in channel.members if (app_id := world.users[each].app_id)), "")


def _add_stop(page: Blueprint, world: World, stopped: Stopped) -> None:
    @page.post("/channel/api/<channel_id>/stop")
    def stop(channel_id: str) -> Response:
        """Press the Stop button of an agent's session; 404 if there is none."""
        channel = channel_of(world, channel_id)
        app_id, reader = wanted_text("app"), reader_of(world, channel)
        found = [
            each for each in world.sessions.all(channel.id, wanted_text("thread")) if each.app_id == app_id
        ]
        if not found:
            abort(404)
        try:
            stopped(found[0], reader.id)
        except LookupError:
            abort(404)
        return json_response({}, 202)


def _add_modals(page: Blueprint, world: World) -> None:
    @page.post("/channel/api/<channel_id>/submit")
    def submitted(channel_id: str) -> Response:
        """Submit the modal; 502 if the app did not accept it."""
        view_id, values = _own_modal(world, channel_id), read_json().get("values")
        if not isinstance(values, dict) or not all(map(_is_value, values.values())):
            abort(422)
        try:
            done = submit(world, view_id, values)
        except LookupError:
            abort(404)
        is_taken = done.is_closed or bool(done.errors) or done.status == 200
        return json_response({"closed": done.is_closed, "errors": done.errors}, 200 if is_taken else 502)

    @page.post("/channel/api/<channel_id>/close")
    def closed(channel_id: str) -> Response:
        world.surfaces.close_modal(_own_modal(world, channel_id))
        return json_response({})


def _is_value(value: object) -> bool:
    """Whether this may be in an input: a text, or the values of ticked boxes."""
    texts = value if isinstance(value, list) else [value]
    return all(isinstance(each, str) for each in texts)


def _own_modal(world: World, channel_id: str) -> str:
    """Return the id of the modal that the body names, if it is open for the reader."""
    reader = reader_of(world, channel_of(world, channel_id))
    modal = world.surfaces.modal_of(reader.id)
    if modal is None or modal.view["id"] != wanted_text("view"):
        abort(404)
    return str(modal.view["id"])


def _say(world: World, channel: Channel) -> Message:
    text, thread = wanted_text("text").strip(), wanted_text("thread", "")
    files, table = wanted_texts("files"), wanted_table()
    if not (text or files or table) or len(text) > _LONGEST or channel.is_archived:
        abort(422)
    reader = reader_of(world, channel)
    root = thread if thread and read_json().get("broadcast") is True else None
    try:
        if thread and world.find_message(channel.id, thread) is None:
            raise LookupError("no such thread")
        shared = share(world, channel.id, root, Attached(table=table))
        text = _sent(world, reader, text)
        return world.ask(reader.id, channel.id, text, thread or None, tuple(files), **shared)
    except LookupError:
        abort(422)


def _sent(world: World, reader: User, text: str) -> str:
    with world.lock:
        feed = Feed(world, reader)
        return as_sent(text, feed.handles() | feed.members())


def _invited(world: World, channel: Channel) -> str:
    """Return the id of the app that the text ``/invite @name`` names; "" for any other text."""
    command, _, name = wanted_text("text").strip().partition(" ")
    if command != "/invite":
        return ""
    with world.lock:
        apps = Feed(world, reader_of(world, channel)).apps()
    wanted = name.strip().removeprefix("@").lower()
    bot = next((each for each in apps if wanted in (each.name, each.real_name.lower())), None)
    return (bot.app_id if bot else None) or abort(422)
