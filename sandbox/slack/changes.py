"""How others learn that the world changed: a number that grows, and what happened to a message."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

from sandbox.slack.records import Message

ChangeKind = Literal["posted", "changed", "deleted", "invited"]


@dataclass(frozen=True)
class Change:
    """What happened to a message: it and, for an edit or a deletion, how it was before."""

    kind: ChangeKind
    message: Message
    previous: Message | None = None


class Versioned:
    """One lock, and a version that others can wait for."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._version = 0

    @property
    def version(self) -> int:
        """Give the number that grows with every change."""
        with self.lock:
            return self._version

    def wait_for_change(self, since: int, timeout: float) -> int:
        """Wait until the version is past ``since`` or ``timeout`` seconds went by; give the version."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > since, timeout)
            return self._version

    def touch(self) -> None:
        """Count a change and wake those who wait for one."""
        with self._changed:
            self._version += 1
            self._changed.notify_all()
