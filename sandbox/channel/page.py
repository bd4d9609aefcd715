"""The pages of the fake Slack: a channel, or an app's DM and Home tab, as one user sees them.

``?as=`` names the user, by default the channel's first one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from sandbox.channel.feed import Feed
from sandbox.channel.page_actions import Stopped, add_actions
from sandbox.channel.request_args import bot_of, channel_of, chosen, json_response, reader_of
from sandbox.slack.records import Channel
from sandbox.slack.world import World

#: How long a page's long poll may stay open, in seconds.
_LONG_POLL_SECONDS = 25.0
#: How long to wait past the end of a status: clocks differ.
_MARGIN = 0.05
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

#: Called with the bot user, the user and ``home`` or ``messages`` when a user opens a tab of an app.
Opened = Callable[[str, str, str], None]


def channel_blueprint(world: World, *, opened: Opened, stopped: Stopped) -> Blueprint:
    """Build the pages of a world and the routes of their script."""
    page = Blueprint(
        "channel",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/channel/static",
    )
    _add_pages(page, world, opened)
    _add_redirects(page, world)
    _add_news(page, world)
    add_actions(page, world, stopped)
    page.add_app_template_filter(clock_time)
    page.add_app_template_filter(day_name)
    page.after_request(_guard)
    return page


def _add_pages(page: Blueprint, world: World, opened: Opened) -> None:
    @page.get("/")
    def home() -> BaseResponse:
        with world.lock:
            channels = [each for each in world.channels.values() if each.kind != "im"]
        first = next((each for each in channels if not each.is_archived), None)
        if first is None:
            abort(404)
        return redirect(url_for("channel.show", channel_id=first.id, **chosen()))

    @page.get("/channel/<channel_id>")
    def show(channel_id: str) -> str:
        channel = channel_of(world, channel_id)
        bot, reader = bot_of(world, channel), reader_of(world, channel)
        if bot is not None:
            opened(bot.id, reader.id, request.args.get("tab", "messages"))
        return render_template("channel/page.html", **_parts(world, channel, request.args.get("thread")))


def _add_redirects(page: Blueprint, world: World) -> None:
    @page.get("/app_redirect")
    def app_redirect() -> BaseResponse:
        """Open the DM with an app, as Slack's ``/app_redirect?app=&team=`` does."""
        install = world.installs.find(request.args.get("app", ""), request.args.get("team", ""))
        if install is None:
            abort(404)
        return redirect(url_for("channel.direct", user_id=install.bot_user_id, **chosen()))

    @page.get("/channel/with/<user_id>")
    def direct(user_id: str) -> BaseResponse:
        """Open the DM of ``?as=``, or of the first person of the bot's team, with a bot."""
        bot = world.users.get(user_id)
        if bot is None or not bot.is_bot:
            abort(404)
        with world.lock:
            people = [user for user in world.users.values() if not user.is_bot]
        wanted = request.args.get("as")
        reader = next(
            (user for user in people if (user.id == wanted if wanted else user.team_id == bot.team_id)), None
        )
        channel = world.open_dm((reader or abort(404)).id, bot.id)
        tab: dict[str, Any] = {"tab": "home"} if request.args.get("tab") == "home" else {}
        return redirect(url_for("channel.show", channel_id=channel.id, **chosen(), **tab))


def _add_news(page: Blueprint, world: World) -> None:
    @page.get("/channel/api/<channel_id>")
    def news(channel_id: str) -> Response:
        channel = channel_of(world, channel_id)
        reader_of(world, channel)
        # The end of a status is no change of the world, but changes the page.
        lapse = world.surfaces.seconds_to_next_end()
        timeout = _LONG_POLL_SECONDS if lapse is None else min(_LONG_POLL_SECONDS, lapse + _MARGIN)
        world.wait_for_change(request.args.get("since", -1, int), timeout)
        return json_response(_rendered(_parts(world, channel, request.args.get("thread"))))


def _parts(world: World, channel: Channel, thread: str | None) -> dict[str, Any]:
    """Return the templates' variables, a consistent snapshot."""
    with world.lock:
        feed = Feed(world, reader_of(world, channel))
        bot = bot_of(world, channel)
        tab = "home" if bot is not None and request.args.get("tab") == "home" else "messages"
        return {
            "version": world.version,
            "reader": feed.reader,
            "chosen": chosen(),
            "channel": channel,
            "bot": bot,
            "tab": tab,
            "team": world.teams[channel.team_id],
            "title": feed.title(channel),
            "titles": {each.id: feed.title(each) for each in feed.channels()},
            "places": feed.places(),
            "channels": feed.channels(),
            "people": feed.people(channel),
            "apps": feed.apps(),
            "members": list(feed.members()),
            "entries": feed.home(bot) if bot is not None and tab == "home" else feed.channel(channel),
            "thread": thread,
            "replies": feed.thread(channel, thread) if thread else [],
            "status": feed.status(channel, thread or ""),
            "working": feed.working(channel, thread or ""),
            "modal": feed.modal(),
        }


def _rendered(parts: dict[str, Any]) -> dict[str, Any]:
    """Render each part of the page that can change while it is open."""
    return {
        "version": parts["version"],
        "sidebar": render_template("channel/sidebar.html", **parts),
        "entries": [_render_entry(entry, parts, in_thread=False) for entry in parts["entries"]],
        "replies": [_render_entry(entry, parts, in_thread=True) for entry in parts["replies"]],
        "status": parts["status"],
        "working": render_template("channel/working.html", **parts).strip(),
        "modal": render_template("channel/modal.html", **parts).strip() if parts["modal"] else "",
        "guide": render_template("channel/guide.html", **parts).strip(),
        "members": parts["members"],
    }


def _render_entry(entry: Any, parts: dict[str, Any], *, in_thread: bool) -> dict[str, str]:
    html = render_template("channel/entry.html", **parts, entry=entry, in_thread=in_thread)
    return {"key": entry.key, "html": html.strip()}


def clock_time(time: datetime) -> str:
    """Return the time of day as Slack writes it: 3:04 PM."""
    return time.strftime("%-I:%M %p")


def day_name(time: datetime) -> str:
    """Return a day as Slack names it."""
    days = (datetime.now().astimezone().date() - time.date()).days
    return {0: "Today", 1: "Yesterday"}.get(days) or time.strftime("%A, %B %-d")


def _guard(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    return response
