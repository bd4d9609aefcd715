"""The actions of the page's reader: messages, block actions, modals."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort

from sandbox.channel.composing import as_sent
from sandbox.channel.feed import Feed
from sandbox.channel.request_args import channel_of, json_response, read_json, reader_of, wanted_text
from sandbox.slack.interactions import ElementRef, press
from sandbox.slack.records import Channel, Message
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
    _add_block_actions(page, world)
    _add_stop(page, world, stopped)
    _add_modals(page, world)


def _add_messages(page: Blueprint, world: World) -> None:
    @page.post("/channel/api/<channel_id>/say")
    def say(channel_id: str) -> Response:
        return json_response({"ts": _say(world, channel_of(world, channel_id))["ts"]}, 201)

    @page.post("/channel/api/<channel_id>/invite")
    def invite(channel_id: str) -> Response:
        channel = channel_of(world, channel_id)
        bot = world.users.get(wanted_text("user"))
        if bot is None or bot.app_id is None or world.installs.in_channel(bot.app_id, channel) is None:
            abort(422)
        by, mention_ts = reader_of(world, channel).id, wanted_text("ts", "") or None
        world.invite(bot.app_id, channel.id, by=by, mention_ts=mention_ts)
        return json_response({})


def _add_block_actions(page: Blueprint, world: World) -> None:
    @page.post("/channel/api/<channel_id>/press")
    def pressed(channel_id: str) -> Response:
        """Press an element; 404 if there is none, 502 if the app did not accept it."""
        channel = channel_of(world, channel_id)
        place = ElementRef(
            channel.id,
            wanted_text("ts"),
            wanted_text("action_id"),
            wanted_text("block_id", ""),
            wanted_text("value", ""),
        )
        try:
            status = press(world, reader_of(world, channel).id, place).status
        except LookupError:
            abort(404)
        return json_response({}, 202 if status == 200 else 502)


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
        if not isinstance(values, dict) or not all(isinstance(each, str) for each in values.values()):
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


def _own_modal(world: World, channel_id: str) -> str:
    """Return the id of the modal that the body names, if it is open for the reader."""
    reader = reader_of(world, channel_of(world, channel_id))
    modal = world.surfaces.modal_of(reader.id)
    if modal is None or modal.view["id"] != wanted_text("view"):
        abort(404)
    return str(modal.view["id"])


def _say(world: World, channel: Channel) -> Message:
    text, thread = wanted_text("text").strip(), wanted_text("thread", "")
    if not text or len(text) > _LONGEST or channel.is_archived:
        abort(422)
    if thread and world.find_message(channel.id, thread) is None:
        abort(422)
    reader = reader_of(world, channel)
    with world.lock:
        members = Feed(world, reader).members()
    try:
        return world.ask(reader.id, channel.id, as_sent(text, members), thread or None)
    except LookupError:
        abort(422)
