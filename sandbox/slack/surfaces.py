"""The surfaces of apps besides messages: statuses, suggested prompts, Home tabs and modals."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.slack.records import new_id

View = dict[str, Any]

#: Docs.slack.dev, assistant.threads.setStatus: after how many seconds a status ends by itself.
STATUS_LIFE = 120.0
#: Docs.slack.dev, handling user interaction: for how many seconds a trigger may be used.
TRIGGER_LIFE = 3.0


class WorldClock(Protocol):
    """The parts of the world that surfaces need."""

    clock: Callable[[], float]
    lock: threading.RLock

    def touch(self) -> None:
        """Increment the version and wake all waiting threads."""


@dataclass(frozen=True)
class Status:
    """An app's status in a thread, such as "is thinking…"."""

    text: str
    bot_user_id: str
    #: Shown in turn in place of the text.
    loading_messages: tuple[str, ...] = ()
    #: Seconds since the epoch.
    ends_at: float = 0.0


@dataclass(frozen=True)
class Prompts:
    """Suggested prompts of an app, each a ``title`` and a ``message``."""

    prompts: tuple[dict[str, str], ...]
    title: str = ""
    set_at: float = 0.0


@dataclass(frozen=True)
class Trigger:
    """A user interaction with which the app may open one modal."""

    app_id: str
    user_id: str
    #: The team or organisation of the install that got the payload.
    tenant_id: str
    expires_at: float


@dataclass
class Modal:
    """A modal that is open for a user."""

    app_id: str
    user_id: str
    tenant_id: str
    view: View
    #: The errors of ``response_action: errors``, by ``block_id``.
    errors: dict[str, str] = field(default_factory=dict)


class Surfaces:
    """The surfaces of all apps."""

    def __init__(self, world: WorldClock) -> None:
        self._world = world
        self._statuses: dict[tuple[str, str], Status] = {}
        self._prompts: dict[str, Prompts] = {}
        self._triggers: dict[str, Trigger] = {}
        self._used: set[str] = set()
        #: The Home tabs of ``views.publish``, by app and user.
        self.home_views: dict[tuple[str, str], View] = {}
        #: The modals that are open, by view.
        self.modals: dict[str, Modal] = {}

    # Statuses

    def set_status(
        self, channel_id: str, thread_ts: str, text: str, *, by: str = "", loading: tuple[str, ...] = ()
    ) -> None:
        """Set the status of the bot user ``by`` in a thread; an empty text ends it."""
        with self._world.lock:
            ends_at = self._world.clock() + STATUS_LIFE
            self._statuses[channel_id, thread_ts] = Status(text, by, loading, ends_at)
            self._world.touch()

    def status(self, channel_id: str, thread_ts: str) -> Status | None:
        """Return a thread's status; None if there is none or it is over."""
        with self._world.lock:
            found = self._statuses.get((channel_id, thread_ts))
            is_on = found is not None and found.text and found.ends_at > self._world.clock()
            return found if is_on else None

    def seconds_to_next_end(self) -> float | None:
        """Return in how many seconds the next status ends by itself; None if there is none."""
        with self._world.lock:
            now = self._world.clock()
            ends = [each.ends_at - now for each in self._statuses.values() if each.text]
            return min((seconds for seconds in ends if seconds > 0), default=None)

    def end_status(self, channel_id: str, thread_ts: str) -> None:
        """End a thread's status: the app has answered (docs.slack.dev, assistant.threads.setStatus)."""
        self._statuses.pop((channel_id, thread_ts), None)

    # Suggested prompts

    def set_prompts(self, channel_id: str, prompts: tuple[dict[str, str], ...], title: str = "") -> None:
        """Replace the suggested prompts of a DM."""
        with self._world.lock:
            self._prompts[channel_id] = Prompts(prompts, title, self._world.clock())
            self._world.touch()

    def prompts(self, channel_id: str) -> Prompts | None:
        """Return the suggested prompts of a DM."""
        return self._prompts.get(channel_id)

    # Modals

    def issue_trigger(self, app_id: str, user_id: str, tenant_id: str) -> str:
        """Issue the ``trigger_id`` of a payload."""
        value = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        trigger = Trigger(app_id, user_id, tenant_id, self._world.clock() + TRIGGER_LIFE)
        with self._world.lock:
            self._triggers[value] = trigger
        return value

    def use_trigger(self, value: str, app_id: str) -> Trigger | str:
        """Use up a trigger; return it, or Slack's error if it can't be used (docs.slack.dev, views.open)."""
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
        """Open a modal for the trigger's user, in place of an open one; return the stored view."""
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
        """Close a modal, if it is open."""
        with self._world.lock:
            self.modals.pop(view_id, None)
            self._world.touch()

    def modal_of(self, user_id: str) -> Modal | None:
        """Return the modal that is open for a user."""
        with self._world.lock:
            return next((modal for modal in self.modals.values() if modal.user_id == user_id), None)
