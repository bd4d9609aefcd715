"""The page's view of the world, ready for its templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.channel.blocks import read_blocks
from sandbox.channel.composing import as_typed
from sandbox.channel.modal import ModalView, read_modal
from sandbox.channel.nodes import Names
from sandbox.channel.rendering import render_message, render_nodes
from sandbox.slack.block_ids import with_ids
from sandbox.slack.records import Channel, Message, User
from sandbox.slack.world import World

#: Messages of one author within so many seconds are grouped below one name.
_GROUP_WITHIN = 300
#: How many of a channel's last messages the page shows.
_SHOWN = 200
#: Slack shows each loading message for some seconds.
_LOADING_SECONDS = 3.0
_UNKNOWN_USER = User("", "", "unknown", "Unknown", "#616061")


@dataclass(frozen=True)
class Working:
    """An agent at work in a thread, and whether it can be stopped."""

    app_id: str
    name: str
    thread_ts: str
    can_stop: bool


@dataclass(frozen=True)
class Entry:
    """One line of a channel or thread: a message, a day's name or the count of replies."""

    key: str
    kind: str
    time: datetime
    author: User = _UNKNOWN_USER
    body: str = ""
    is_app: bool = False
    is_edited: bool = False
    is_grouped: bool = False
    reply_count: int = 0
    last_reply: datetime | None = None
    repliers: tuple[User, ...] = ()
    #: The apps that the reader mentioned here and that aren't in the channel.
    uninvited: tuple[User, ...] = ()
    #: Whether only the reader sees it.
    is_ephemeral: bool = False
    #: The names of the files that were shared.
    files: tuple[str, ...] = ()
    #: The app's status in its thread.
    status: str = ""
    #: The agents at work in its thread.
    working: tuple[Working, ...] = ()
    #: The ``ts`` of its thread.
    thread: str = ""
    #: The first message of its thread, for a reply that was also sent to the channel.
    root: str = ""
    #: Its text as its author typed it, if that is the reader.
    typed: str | None = None
    #: Suggested prompts, each with a ``title`` and a ``message``.
    prompts: tuple[dict[str, str], ...] = ()


class Feed:
    """The world as one person sees it."""

    def __init__(self, world: World, reader: User) -> None:
        self._world = world
        self.reader = reader

    def channel(self, channel: Channel) -> list[Entry]:
        """Return a channel's messages, oldest first, with the days between them."""
        messages = [each for each in self._world.channel_messages(channel.id) if self._sees(each)][-_SHOWN:]
        replies: dict[str, list[Message]] = {}
        for message in self._world.messages(channel.id):
            if not message.get("is_ephemeral"):
                replies.setdefault(message.get("thread_ts", ""), []).append(message)
        entries = list(_with_days(self._entries(channel, messages, replies)))
        return [*entries, *self._prompts(channel, messages)]

    def thread(self, channel: Channel, ts: str) -> list[Entry]:
        """Return a thread: its first message and the replies to it."""
        messages = [each for each in self._world.thread(channel.id, ts) if self._sees(each)]
        entries = list(self._entries(channel, messages, {}))
        replies = sum(not each.is_ephemeral for each in entries[1:])
        if replies:
            entries.insert(1, Entry("count", "count", entries[0].time, reply_count=replies))
        return entries

    def home(self, bot: User) -> list[Entry]:
        """Return the Home tab that an app published for the reader."""
        view = self._world.surfaces.home_views.get((bot.app_id or "", self.reader.id))
        body = render_nodes(read_blocks(view["blocks"]), self.names()) if view else ""
        return [Entry("home", "home", datetime.now().astimezone(), author=bot, body=body)]

    def status(self, channel: Channel, thread_ts: str) -> str:
        """Return an app's status in a thread, after its name; its loading messages alternate."""
        found = self._world.surfaces.status(channel.id, thread_ts)
        if found is None:
            return ""
        turn = int(self._world.clock() / _LOADING_SECONDS)
        said = found.loading_messages[turn % len(found.loading_messages)] if found.loading_messages else None
        bot = self._world.users.get(found.bot_user_id, _UNKNOWN_USER)
        return said or f"{bot.real_name} {found.text}"

    def working(self, channel: Channel, thread_ts: str) -> tuple[Working, ...]:
        """Return the agents that are processing something in a thread."""
        return tuple(
            Working(
                each.app_id,
                each.username or self._world.users.get(each.bot_user_id, _UNKNOWN_USER).real_name,
                each.thread_ts,
                each.can_stop,
            )
            for each in self._world.sessions.all(channel.id, thread_ts)
            if each.status == "processing"
        )

    def modal(self) -> ModalView | None:
        """Return the modal that is open for the reader."""
        found = self._world.surfaces.modal_of(self.reader.id)
        if found is None:
            return None
        return read_modal(found.view, self._world.apps[found.app_id].name, self.names())

    def names(self) -> Names:
        """Return the names of all users and channels."""
        users = {user.id: user.real_name for user in self._world.users.values()}
        return Names(users, {channel.id: channel.name for channel in self._world.channels.values()})

    def channels(self) -> list[Channel]:
        """Return the reader's channels."""
        return [
            each
            for each in self._world.channels.values()
            if each.kind != "im" and not each.is_archived and self.reader.id in each.members
        ]

    def apps(self) -> list[User]:
        """Return the bots of the apps installed in the reader's team."""
        installs = self._world.installs.all()
        found = [
            each
            for each in installs
            if each.is_active and self._world.installs.find(each.app_id, self.reader.team_id)
        ]
        return [self._world.users[install.bot_user_id] for install in found]

    def title(self, channel: Channel) -> str:
        """Return a channel's name; that of a group DM is its other people's."""
        if channel.kind != "mpim":
            return channel.name
        others = [user for user in self._world.users.values() if user.id in channel.members]
        return ", ".join(user.real_name.split()[0] for user in others if user.id != self.reader.id)

    def places(self) -> dict[str, str]:
        """Return where the reader can forward a message to: titles by the channel's id."""
        found = {each.id: f"#{self.title(each)}" for each in self.channels() if each.kind != "mpim"}
        found |= {each.id: self.title(each) for each in self.channels() if each.kind == "mpim"}
        direct = [each for each in self._world.channels.values() if each.kind == "im"]
        return found | {each.id: each.name for each in direct if self.reader.id in each.members}

    def people(self, channel: Channel | None = None) -> list[User]:
        """Return the people of the reader's team, and of a channel that it shares with others."""
        others = channel.members if channel is not None else set()
        users = [user for user in self._world.users.values() if not user.is_bot]
        return [user for user in users if user.team_id == self.reader.team_id or user.id in others]

    def members(self) -> dict[str, str]:
        """Return the ids of the users the reader can mention, by name, apps first."""
        return {user.real_name: user.id for user in [*self.apps(), *self.people()]}

    def handles(self) -> dict[str, str]:
        """Return the ids of the users the reader can mention, by handle."""
        return {user.name: user.id for user in [*self.people(), *self.apps()]}

    def _entries(
        self, channel: Channel, messages: Iterable[Message], replies: dict[str, list[Message]]
    ) -> Iterator[Entry]:
        names = self.names()
        before: Entry | None = None
        for message in messages:
            answers = [each for each in replies.get(message["ts"], []) if each["ts"] != message["ts"]]
            entry = self._entry(channel, message, answers, before, names)
            yield entry
            before = entry

    def _entry(
        self, channel: Channel, message: Message, answers: list[Message], before: Entry | None, names: Names
    ) -> Entry:
        author = self._author(message)
        time = _time_of(message["ts"])
        return Entry(
            key=message["ts"],
            kind="notice" if str(message.get("subtype", "")).startswith("channel_") else "message",
            time=time,
            author=author,
            body=render_message({**message, "blocks": with_ids(message.get("blocks") or [])}, names),
            is_app="bot_id" in message,
            is_edited="edited" in message and not message.get("blocks"),
            is_grouped=_is_close(before, author, time),
            reply_count=len(answers),
            last_reply=_time_of(answers[-1]["ts"]) if answers else None,
            repliers=tuple({each.id: each for each in map(self._author, answers)}.values())[:5],
            uninvited=self._uninvited(channel, message),
            is_ephemeral=bool(message.get("is_ephemeral")),
            files=tuple(each["name"] for each in message.get("files", ())),
            status=self.status(channel, message["ts"]),
            working=self.working(channel, message["ts"]),
            thread=str(message.get("thread_ts", message["ts"])),
            root=message["root"]["text"] if "root" in message else "",
            typed=as_typed(message["text"], names) if self._is_own(message) else None,
        )

    def _is_own(self, message: Message) -> bool:
        return message.get("user") == self.reader.id and "bot_id" not in message

    def _sees(self, message: Message) -> bool:
        return message.get("ephemeral_for") in (None, self.reader.id)

    def _prompts(self, channel: Channel, messages: list[Message]) -> list[Entry]:
        """Return an app's suggested prompts, until the reader posts a message."""
        found = self._world.surfaces.prompts(channel.id)
        if found is None:
            return []
        said = [each for each in messages if each.get("user") == self.reader.id]
        if said and float(said[-1]["ts"]) >= found.set_at:
            return []
        now = datetime.now().astimezone()
        return [Entry("prompts", "prompts", now, body=found.title, prompts=found.prompts)]

    def _author(self, message: Message) -> User:
        user = self._world.users.get(message.get("user", ""), _UNKNOWN_USER)
        # An app with ``chat:write.customize`` may post under another name.
        name = message.get("username") or user.real_name
        return User(user.id, user.team_id, user.name, name, user.colour, user.is_bot, user.app_id)

    def _uninvited(self, channel: Channel, message: Message) -> tuple[User, ...]:
        if channel.kind == "im" or message.get("user") != self.reader.id:
            return ()
        here = {user.id for user in self.apps()}
        return tuple(user for user in self._world.uninvited(message) if user.id in here)


def _with_days(entries: Iterable[Entry]) -> Iterator[Entry]:
    day: Any = None
    for entry in entries:
        if entry.time.date() != day:
            day = entry.time.date()
            yield Entry(f"day-{day}", "day", entry.time)
        yield entry


def _is_close(before: Entry | None, author: User, time: datetime) -> bool:
    if before is None or before.kind != "message" or before.reply_count:
        return False
    if before.is_ephemeral:
        return False
    same = (before.author.id, before.author.real_name) == (author.id, author.real_name)
    return same and (time - before.time).total_seconds() < _GROUP_WITHIN


def _time_of(ts: str) -> datetime:
    return datetime.fromtimestamp(float(ts)).astimezone()
