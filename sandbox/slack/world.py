"""The state of the fake Slack: teams, users, channels, apps and messages, with listeners for changes.

Thread-safe: one lock around everything. Listeners are called outside it.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

from sandbox.slack.changes import Change, Versioned
from sandbox.slack.installs import Installs
from sandbox.slack.mentions import is_reply, mentioned_ids, pings
from sandbox.slack.records import App, Channel, Message, Team, User, new_id
from sandbox.slack.sessions import Sessions
from sandbox.slack.sharing import shared_files
from sandbox.slack.surfaces import Surfaces
from sandbox.traffic import Traffic


class World(Versioned):
    """All teams, users, channels, apps, installs and messages."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.clock = clock
        self.traffic = Traffic()
        self._last_ts = 0
        self._listeners: list[Callable[[Change], None]] = []
        self.clear()

    def clear(self) -> None:
        """Remove everything except the listeners."""
        with self.lock:
            self.teams: dict[str, Team] = {}
            self.users: dict[str, User] = {}
            self.channels: dict[str, Channel] = {}
            self.apps: dict[str, App] = {}
            self.installs = Installs(self)
            self.surfaces = Surfaces(self)
            self.sessions = Sessions(self)
            self._messages: dict[str, list[Message]] = {}
            #: The channel and ``ts`` of each app's first message with a ``client_msg_id``.
            self._client_msg_ids: dict[tuple[str, str], tuple[str, str]] = {}
            self.traffic.clear()
            self.touch()

    # Teams, users, channels and apps

    def add_team(self, team: Team) -> Team:
        """Add a workspace."""
        with self.lock:
            self.teams[team.id] = team
        return team

    def add_user(self, user: User) -> User:
        """Add a person or a bot user."""
        with self.lock:
            self.users[user.id] = user
        return user

    def add_channel(self, channel: Channel) -> Channel:
        """Add a channel."""
        with self.lock:
            self.channels[channel.id] = channel
            self._messages.setdefault(channel.id, [])
            self.touch()
        return channel

    def add_app(self, app: App) -> App:
        """Add a Slack app."""
        with self.lock:
            self.apps[app.app_id] = app
            self.touch()
        return app

    def open_dm(self, user_id: str, bot_user_id: str) -> Channel:
        """Return the DM of a user and a bot, created by the first call."""
        with self.lock:
            pair = {user_id, bot_user_id}
            for channel in self.channels.values():
                if channel.kind == "im" and channel.members == pair:
                    return channel
            team_id = self.users[user_id].team_id
            name = self.users[bot_user_id].real_name
            return self.add_channel(Channel(new_id("D"), team_id, name, kind="im", members=pair))

    def invite(
        self, app_id: str, channel_id: str, *, by: str | None = None, mention_ts: str | None = None
    ) -> None:
        """Add an app's bot to a channel.

        With ``mention_ts`` the invitation came from a mention, which is now sent to the app
        (docs.slack.dev, app_mention: also sent when the mention invites the app).
        """
        with self.lock:
            channel = self.channels[channel_id]
            install = self.installs.in_channel(app_id, channel)
            if install is None:
                raise LookupError("the app is not installed in a team of this channel")
            channel.members.add(install.bot_user_id)
            self.touch()
            mention = self.find_message(channel_id, mention_ts) if mention_ts else None
        if by is not None:
            text = f"<@{install.bot_user_id}> was added by <@{by}>."
            self.post_message(channel_id, user=install.bot_user_id, text=text, subtype="channel_join")
        if mention is not None:
            self._notify(Change("invited", {**mention, "invited_app_id": app_id}))

    def remove(self, app_id: str, channel_id: str) -> None:
        """Remove an app's bot from a channel."""
        with self.lock:
            install = self.installs.in_channel(app_id, self.channels[channel_id])
            if install is None:
                raise LookupError("the app is not installed in a team of this channel")
            self.channels[channel_id].members.discard(install.bot_user_id)
            self.touch()

    # Messages

    def post_message(
        self, channel_id: str, *, text: str = "", thread_ts: str | None = None, **rest: Any
    ) -> Message:
        """Store a message and notify listeners; ``rest`` are further fields of Slack's messages."""
        with self.lock:
            message: Message = {"type": "message", "ts": self._next_ts(), "channel": channel_id, "text": text}
            if thread_ts is not None:
                message["thread_ts"] = thread_ts
            message |= {name: value for name, value in rest.items() if value is not None}
            message["pings"] = pings(message)
            self._messages[channel_id].append(message)
            if "client_msg_id" in message and "bot_id" in message:
                key = message["bot_id"], message["client_msg_id"]
                self._client_msg_ids.setdefault(key, (channel_id, message["ts"]))
            if "bot_id" in message and not message.get("is_ephemeral"):
                self.surfaces.end_status(channel_id, thread_ts or "")
            self.touch()
            posted = copy.deepcopy(message)
        self._notify(Change("posted", posted))
        return posted

    def update_message(self, channel_id: str, ts: str, **changes: Any) -> Message:
        """Change a message's fields (None removes one) and mark it edited, unless ``edited`` is given."""
        with self.lock:
            message = self._stored(channel_id, ts)
            previous = copy.deepcopy(message)
            editor = {"user": message.get("user", ""), "ts": self._next_ts()}
            for name, value in {"edited": editor, **changes}.items():
                if value is None:
                    message.pop(name, None)
                else:
                    message[name] = value
            message["pings"] = pings(message)
            self.touch()
            changed = copy.deepcopy(message)
        self._notify(Change("changed", changed, previous))
        return changed

    def delete_message(self, channel_id: str, ts: str) -> None:
        """Remove a message."""
        with self.lock:
            message = self._stored(channel_id, ts)
            self._messages[channel_id].remove(message)
            self.touch()
        self._notify(Change("deleted", message, message))

    def ask(
        self,
        user_id: str,
        channel_id: str,
        text: str,
        thread_ts: str | None = None,
        files: tuple[str, ...] = (),
        **fields: Any,
    ) -> Message:
        """Post a message as a user, with files of these names; the apps get their events.

        ``fields`` are further fields of the message. LookupError if an app does not accept messages.
        """
        members = [self.users[id_] for id_ in self.channels[channel_id].members if id_ in self.users]
        apps = [self.apps[user.app_id] for user in members if user.app_id]
        if self.channels[channel_id].kind == "im" and not all(app.takes_messages for app in apps):
            raise LookupError("sending messages to this app has been turned off")
        mine = {"user": user_id, "team": self.users[user_id].team_id, "client_msg_id": new_id("m")}
        shared = {**shared_files(user_id, files), **fields}
        return self.post_message(channel_id, text=text, thread_ts=thread_ts, **mine, **shared)

    def messages(self, channel_id: str) -> list[Message]:
        """Return all messages of a channel, including replies, oldest first."""
        with self.lock:
            return copy.deepcopy(self._messages.get(channel_id, []))

    def channel_messages(self, channel_id: str) -> list[Message]:
        """Return a channel's messages, oldest first, each with its ``reply_count``.

        Of the replies only those that were also sent to the channel.
        """
        said = self.messages(channel_id)
        counts: dict[str, int] = {}
        for message in said:
            if is_reply(message) and not message.get("is_ephemeral"):
                counts[message["thread_ts"]] = counts.get(message["thread_ts"], 0) + 1
        return [
            {**each, "reply_count": counts.get(each["ts"], 0)}
            for each in said
            if not is_reply(each) or each.get("subtype") == "thread_broadcast"
        ]

    def thread(self, channel_id: str, ts: str) -> list[Message]:
        """Return a thread: its first message, then the replies, oldest first."""
        return [each for each in self.messages(channel_id) if ts in (each["ts"], each.get("thread_ts"))]

    def find_message(self, channel_id: str, ts: str) -> Message | None:
        """Return a message, or None."""
        return next((each for each in self.messages(channel_id) if each["ts"] == ts), None)

    def place_of(self, bot_id: str, client_msg_id: str) -> tuple[str, str] | None:
        """Return the channel and the ``ts`` of an app's first message with a ``client_msg_id``."""
        with self.lock:
            return self._client_msg_ids.get((bot_id, client_msg_id))

    def uninvited(self, message: Message) -> list[User]:
        """Return the apps' bots that a message mentions and that are not in its channel.

        Slack sends them no event, and suggests to the author to invite them.
        """
        with self.lock:
            members = self.channels[message["channel"]].members
            named = [self.users[id_] for id_ in mentioned_ids(message["text"]) if id_ in self.users]
            return [user for user in named if user.is_bot and user.id not in members]

    # Listeners

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Register a listener for every change of a message."""
        self._listeners.append(listener)

    def _notify(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)

    def _stored(self, channel_id: str, ts: str) -> Message:
        for message in self._messages[channel_id]:
            if message["ts"] == ts:
                return message
        raise LookupError("no such message")

    def _next_ts(self) -> str:
        """Generate a ``ts``: unique and increasing."""
        self._last_ts = max(int(self.clock() * 1_000_000) // 100 * 100, self._last_ts + 100)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"
