"""What apps show beside messages: statuses of threads, suggested prompts, Home tabs and modals."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.slack.records import new_id

View = dict[str, Any]

#: Docs.slack.dev, assistant.threads.setStatus: a status goes away by itself, in seconds.
STATUS_LIFE = 120.0
#: Docs.slack.dev, handling user interaction: a trigger may be used so many seconds after the press.
TRIGGER_LIFE = 3.0


class Ticking(Protocol):
    """What surfaces need to know of the world they are in."""

    clock: Callable[[], float]
    lock: threading.RLock

    def touch(self) -> None:
        """Count a change and wake those who wait for one."""


@dataclass(frozen=True)
class Status:
    """What an app is doing in a thread: "is thinking…"."""

    text: str
    bot_user_id: str
    #: Shown in turn in place of the text.
    loading_messages: tuple[str, ...] = ()
    #: Seconds since the epoch.
    ends_at: float = 0.0


@dataclass(frozen=True)
class Prompts:
    """Questions that an app offers to begin with, each a ``title`` and a ``message``."""

    prompts: tuple[dict[str, str], ...]
    title: str = ""
    set_at: float = 0.0


@dataclass(frozen=True)
class Trigger:
    """A press that lets the app open one modal."""

    app_id: str
    user_id: str
    #: The team, or the organisation, whose install the press was sent to.
    tenant_id: str
    expires_at: float


@dataclass
class Modal:
    """A modal that somebody has before them."""

    app_id: str
    user_id: str
    tenant_id: str
    view: View
    #: What ``response_action: errors`` said, by ``block_id``.
    errors: dict[str, str] = field(default_factory=dict)


class Surfaces:
    """Everything that apps show beside messages."""

    def __init__(self, world: Ticking) -> None:
        self._world = world
        self._statuses: dict[tuple[str, str], Status] = {}
        self._prompts: dict[str, Prompts] = {}
        self._triggers: dict[str, Trigger] = {}
        self._used: set[str] = set()
        #: What ``views.publish`` put on a Home tab, by app and user.
        self.home_views: dict[tuple[str, str], View] = {}
        #: The modals that are open, by view.
        self.modals: dict[str, Modal] = {}

    # Statuses

    def set_status(
        self, channel_id: str, thread_ts: str, text: str, *, by: str = "", loading: tuple[str, ...] = ()
    ) -> None:
        """Show what the bot user ``by`` is doing in a thread; an empty text ends it."""
        with self._world.lock:
            ends_at = self._world.clock() + STATUS_LIFE
            self._statuses[channel_id, thread_ts] = Status(text, by, loading, ends_at)
            self._world.touch()

    def status(self, channel_id: str, thread_ts: str) -> Status | None:
        """Give a thread's status; None where there is none or it is over."""
        with self._world.lock:
            found = self._statuses.get((channel_id, thread_ts))
            is_on = found is not None and found.text and found.ends_at > self._world.clock()
            return found if is_on else None

    def seconds_to_next_end(self) -> float | None:
        """Return in how many seconds the next status lapses by itself; None where none stands."""
        with self._world.lock:
            now = self._world.clock()
            ends = [each.ends_at - now for each in self._statuses.values() if each.text]
            return min((seconds for seconds in ends if seconds > 0), default=None)

    def end_status(self, channel_id: str, thread_ts: str) -> None:
        """End a thread's status: the app has answered (docs.slack.dev, assistant.threads.setStatus)."""
        self._statuses.pop((channel_id, thread_ts), None)

    # Suggested prompts

    def set_prompts(self, channel_id: str, prompts: tuple[dict[str, str], ...], title: str = "") -> None:
        """Offer questions in a DM; those offered before are gone."""
        with self._world.lock:
            self._prompts[channel_id] = Prompts(prompts, title, self._world.clock())
            self._world.touch()

    def prompts(self, channel_id: str) -> Prompts | None:
        """Give what is offered in a DM."""
        return self._prompts.get(channel_id)

    # Modals

    def issue_trigger(self, app_id: str, user_id: str, tenant_id: str) -> str:
        """Make the ``trigger_id`` of a press."""
        value = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        trigger = Trigger(app_id, user_id, tenant_id, self._world.clock() + TRIGGER_LIFE)
        with self._world.lock:
            self._triggers[value] = trigger
        return value

    def use_trigger(self, value: str, app_id: str) -> Trigger | str:
        """Use up a trigger; give Slack's name for what is wrong where it can't be used.

        Docs.slack.dev, views.open: ``invalid_trigger_id`` where it is none of this app's,
        ``exchanged_trigger_id`` at the second use, ``expired_trigger_id`` after three seconds.
        """
        with self._world.lock:
            trigger = self._triggers.get(value)
            if trigger is None or trigger.app_id != app_id:
                return "invalid_trigger_id"
            if value in self._used:
                return "exchanged_trigger_id"
            if trigger.expires_at <= self._world.clock():
                return "expired_trigger_id"
            self._used.add(value)
            return trigger

    def open_modal(self, trigger: Trigger, view: View) -> View:
        """Show a modal to who pressed; give the view as Slack keeps it. Another one that is open closes."""
        view_id = new_id("V")
        kept = {
            "id": view_id,
            "callback_id": "",
            "private_metadata": "",
            **view,
            "app_id": trigger.app_id,
            "hash": f"{int(self._world.clock())}.{secrets.token_hex(4)}",
            "root_view_id": view_id,
            "state": {"values": {}},
        }
        with self._world.lock:
            for each in [key for key, modal in self.modals.items() if modal.user_id == trigger.user_id]:
                del self.modals[each]
            self.modals[view_id] = Modal(trigger.app_id, trigger.user_id, trigger.tenant_id, kept)
            self._world.touch()
        return kept

    def close_modal(self, view_id: str) -> None:
        """Close a modal; nothing happens where it is closed already."""
        with self._world.lock:
            self.modals.pop(view_id, None)
            self._world.touch()

    def modal_of(self, user_id: str) -> Modal | None:
        """Give the modal that a person has before them."""
        with self._world.lock:
            return next((modal for modal in self.modals.values() if modal.user_id == user_id), None)
