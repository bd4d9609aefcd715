"""The channel and the thread of a call, if the app may post there."""

from __future__ import annotations

import re

from sandbox.slack.calls import Call, SlackError
from sandbox.slack.mentions import is_reply
from sandbox.slack.records import Channel

_TS = re.compile(r"\d{10}\.\d{6}")


def find_channel(call: Call, name: str) -> Channel:
    """Return the channel by id or by name, or a user's DM by the user's id; the app must be able to post."""
    world, install = call.world, call.install
    user = world.users.get(name)
    if user is not None and not user.is_bot and _serves(call, user.team_id):
        return world.open_dm(user.id, install.bot_user_id)
    channel = world.channels.get(name) or _by_name(call, name.removeprefix("#"))
    if channel is None or not _sees(call, channel):
        raise SlackError("channel_not_found")
    if channel.is_archived:
        raise SlackError("is_archived")
    if install.bot_user_id not in channel.members and "chat:write.public" not in install.scopes:
        raise SlackError("not_in_channel")
    return channel


def find_parent(call: Call, channel: Channel, argument: str = "thread_ts") -> str | None:
    """Return the ``ts`` of the call's thread, if any; replies have no threads."""
    thread_ts = call.optional_text(argument)
    if not thread_ts:
        return None
    if not _TS.fullmatch(thread_ts):
        raise SlackError("invalid_thread_ts")
    parent = call.world.find_message(channel.id, thread_ts)
    if parent is None:
        raise SlackError("thread_not_found")
    if is_reply(parent) or parent.get("is_ephemeral"):
        raise SlackError("cannot_reply_to_message")
    return thread_ts


def _by_name(call: Call, name: str) -> Channel | None:
    channels = call.world.channels.values()
    return next((each for each in channels if each.kind != "im" and each.name == name), None)


def _sees(call: Call, channel: Channel) -> bool:
    """Whether a channel is visible to an app: a public one of its teams, or one its bot is in."""
    if call.install.bot_user_id in channel.members:
        return True
    teams = {each.id for each in call.world.teams.values() if _serves(call, each.id)}
    return channel.kind == "channel" and bool(teams & channel.team_ids)


def _serves(call: Call, team_id: str) -> bool:
    install = call.install
    enterprise_id = call.world.teams[team_id].enterprise_id
    return team_id == install.team_id or (install.team_id is None and enterprise_id == install.enterprise_id)
