"""Recording what cannot be taken back: an answer that was paid for, a message that Slack has taken."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.storage.metrics import Metrics

logger = logging.getLogger(__name__)


T = TypeVar("T")

#: As long as a Redis takes to fail over, and less than a worker that is told to stop has left; nobody else
#: can take the question up meanwhile.
OUTAGE_SECONDS = 20.0
PAUSE_SECONDS = 0.5


def retry_while_store_is_down(record: Callable[[], T], seconds: float | None = None) -> T:
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


@contextmanager
def best_effort(outcome: str, ids: Mapping[str, str]) -> Iterator[None]:
    """Log ``outcome`` where the store is away during a step that nobody is worse off without.

    A question in line is stored: workers look for such ones every few seconds. An errand shows something
    sooner or nicer than it will be seen anyway.
    """
    try:
        yield
    except StorageUnavailable:
        logger.warning(outcome, extra=dict(ids))


@contextmanager
def timed(metrics: Metrics, name: str) -> Iterator[None]:
    """Observe how long the block takes, however it ends."""
    started = time.perf_counter()
    try:
        yield
    finally:
        metrics.observe(name, time.perf_counter() - started)
