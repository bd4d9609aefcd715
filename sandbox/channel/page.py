"""The page at ``/``: a channel of the made-up Slack that a person can ask in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from sandbox.channel.composing import typed
from sandbox.channel.feed import Feed
from sandbox.slack.records import Channel, Message, User
from sandbox.slack.world import World

#: How long a page's question for news may stay open, in seconds.
_PATIENCE = 25.0
#: Slack refuses longer messages (docs.slack.dev, chat.postMessage).
_LONGEST = 40_000
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


#: Presses a button: the presser's id, the channel's, the message's ``ts``, the block's and the action's id.
Press = Callable[[str, str, str, str, str], None]


def channel_blueprint(world: World, *, press: Press | None = None, patience: float = _PATIENCE) -> Blueprint:
    """Make the pages of a world and what their script asks for.

    Without ``press`` a press of a message's button is answered 501.
    """
    page = Blueprint(
        "channel",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/channel/static",
    )
    _add_pages(page, world)
    _add_api(page, world, patience)
    _add_press(page, world, press)
    page.add_app_template_filter(clock_time)
    page.add_app_template_filter(day_name)
    page.after_request(_guard)
    return page


def _add_pages(page: Blueprint, world: World) -> None:
    @page.get("/")
    def home() -> BaseResponse:
        with world.lock:
            channels = [each for each in world.channels.values() if each.kind != "im"]
        first = next((each for each in channels if not each.is_archived), None)
        if first is None:
            abort(404)
        return redirect(url_for("channel.show", channel_id=first.id))

    @page.get("/channel/<channel_id>")
    def show(channel_id: str) -> str:
        channel = _channel(world, channel_id)
        return render_template("channel/page.html", **_parts(world, channel, request.args.get("thread")))

    @page.get("/app_redirect")
    def app_redirect() -> BaseResponse:
        """Open the DM with an app, as Slack's ``/app_redirect?app=&team=`` does."""
        install = world.installs.find(request.args.get("app", ""), request.args.get("team", ""))
        if install is None:
            abort(404)
        return redirect(url_for("channel.direct", user_id=install.bot_user_id))

    @page.get("/channel/with/<user_id>")
    def direct(user_id: str) -> BaseResponse:
        bot = world.users.get(user_id)
        if bot is None or not bot.is_bot:
            abort(404)
        with world.lock:
            people = [user for user in world.users.values() if not user.is_bot]
        reader = next((user for user in people if user.team_id == bot.team_id), None) or abort(404)
        return redirect(url_for("channel.show", channel_id=world.open_dm(reader.id, bot.id).id))


def _add_api(page: Blueprint, world: World, patience: float) -> None:
    @page.get("/channel/api/<channel_id>")
    def news(channel_id: str) -> Response:
        channel = _channel(world, channel_id)
        world.wait_for_change(request.args.get("since", -1, int), patience)
        return _json(_drawn(_parts(world, channel, request.args.get("thread"))))

    @page.post("/channel/api/<channel_id>/say")
    def say(channel_id: str) -> Response:
        return _json({"ts": _say(world, _channel(world, channel_id))["ts"]}, 201)

    @page.post("/channel/api/<channel_id>/invite")
    def invite(channel_id: str) -> Response:
        channel = _channel(world, channel_id)
        bot = world.users.get(_wanted("user"))
        if bot is None or bot.app_id is None or world.installs.in_channel(bot.app_id, channel) is None:
            abort(422)
        world.invite(
            bot.app_id, channel.id, by=_reader(world, channel).id, mention_ts=_wanted("ts", "") or None
        )
        return _json({}, 200)


def _add_press(page: Blueprint, world: World, press: Press | None) -> None:
    @page.post("/channel/api/<channel_id>/press")
    def pressed(channel_id: str) -> Response:
        channel = _channel(world, channel_id)
        if press is None:
            abort(501)
        ts, block_id, action_id = _wanted("ts"), _wanted("block_id"), _wanted("action_id")
        if world.find_message(channel.id, ts) is None:
            abort(404)
        press(_reader(world, channel).id, channel.id, ts, block_id, action_id)
        return _json({}, 202)


def _say(world: World, channel: Channel) -> Message:
    text, thread = _wanted("text").strip(), _wanted("thread", "")
    if not text or len(text) > _LONGEST or channel.is_archived:
        abort(422)
    if thread and world.find_message(channel.id, thread) is None:
        abort(422)
    reader = _reader(world, channel)
    with world.lock:
        members = Feed(world, reader).members()
    return world.ask(reader.id, channel.id, typed(text, members), thread or None)


def _channel(world: World, channel_id: str) -> Channel:
    return world.channels.get(channel_id) or abort(404)


def _reader(world: World, channel: Channel) -> User:
    """Give the person who sits before the page: the first one in the channel."""
    with world.lock:
        people = [user for user in world.users.values() if not user.is_bot and user.id in channel.members]
    return people[0] if people else abort(404)


def _wanted(name: str, default: str | None = None) -> str:
    """Give a text of the JSON body; a body of another kind, as other sites' forms send, is refused."""
    body = request.get_json() if request.is_json else abort(415)
    value = body.get(name, default) if isinstance(body, dict) else None
    return value if isinstance(value, str) else abort(422)


def _parts(world: World, channel: Channel, thread: str | None) -> dict[str, Any]:
    """Give all that the templates need, as it was at one moment."""
    with world.lock:
        feed = Feed(world, _reader(world, channel))
        return {
            "version": world.version,
            "reader": feed.reader,
            "channel": channel,
            "team": world.teams[channel.team_id],
            "channels": feed.channels(),
            "people": feed.people(),
            "apps": feed.apps(),
            "members": list(feed.members()),
            "entries": feed.channel(channel),
            "thread": thread,
            "replies": feed.thread(channel, thread) if thread else [],
            "status": world.statuses.get((channel.id, thread or ""), ""),
        }


def _drawn(parts: dict[str, Any]) -> dict[str, Any]:
    """Draw each part of the page that can change while it is open."""
    return {
        "version": parts["version"],
        "sidebar": render_template("channel/sidebar.html", **parts),
        "entries": [_draw_entry(entry, parts, in_thread=False) for entry in parts["entries"]],
        "replies": [_draw_entry(entry, parts, in_thread=True) for entry in parts["replies"]],
        "status": parts["status"],
        "members": parts["members"],
    }


def _draw_entry(entry: Any, parts: dict[str, Any], *, in_thread: bool) -> dict[str, str]:
    html = render_template("channel/entry.html", **parts, entry=entry, in_thread=in_thread)
    return {"key": entry.key, "html": html.strip()}


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")


def clock_time(time: datetime) -> str:
    """Give the time of day as Slack writes it: 3:04 PM."""
    return time.strftime("%-I:%M %p")


def day_name(time: datetime) -> str:
    """Give a day as Slack names it."""
    days = (datetime.now().astimezone().date() - time.date()).days
    return {0: "Today", 1: "Yesterday"}.get(days) or time.strftime("%A, %B %-d")


def _guard(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    return response
