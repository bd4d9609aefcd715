"""Notification of changes of the world: its version, and the changes of messages."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

from sandbox.slack.records import Message

ChangeKind = Literal["posted", "changed", "deleted", "invited"]


@dataclass(frozen=True)
class Change:
    """A change of a message, with the previous message for an edit or a deletion."""

    kind: ChangeKind
    message: Message
    previous: Message | None = None


class Versioned:
    """A lock, and a version whose changes can be waited for."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._version = 0

    @property
    def version(self) -> int:
        """Return the version, which grows with every change."""
        with self.lock:
            return self._version

    def wait_for_change(self, since: int, timeout: float) -> int:
        """Wait at most ``timeout`` seconds until the version is past ``since``; return the version."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > since, timeout)
            return self._version

    def touch(self) -> None:
        """Increment the version and wake all waiting threads."""
        with self._changed:
            self._version += 1
            self._changed.notify_all()
