"""Recording what cannot be taken back: an answer that was paid for, a message that Slack has taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sectorflow_slack.domain.errors import StorageUnavailable

T = TypeVar("T")

#: As long as a Redis takes to fail over, and less than a worker that is told to stop has left; nobody else
#: can take the question up meanwhile.
OUTAGE_SECONDS = 20.0
PAUSE_SECONDS = 0.5


def insist(record: Callable[[], T], seconds: float | None = None) -> T:
    """Record a step, waiting out an outage of the store: given up, it would be taken twice.

    Waits for ``OUTAGE_SECONDS`` where no other time is given.

    Gives what ``record`` does.

    Raises:
        StorageUnavailable: the outage lasts.
        LeaseLost: somebody else has the question.

    """
    deadline = time.monotonic() + (OUTAGE_SECONDS if seconds is None else seconds)
    while True:
        try:
            return record()
        except StorageUnavailable:
            if time.monotonic() >= deadline:
                raise
            time.sleep(PAUSE_SECONDS)
