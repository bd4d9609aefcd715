"""Outages of the store: steps that must be stored wait for its end, best-effort steps are skipped."""

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

#: As long as a Redis takes to fail over, and shorter than the time that a worker has left after SIGTERM.
OUTAGE_SECONDS = 20.0
PAUSE_SECONDS = 0.5


def retry_while_store_is_down(record: Callable[[], T], seconds: float | None = None) -> T:
    """Store what cannot be undone, such as a reply that was charged; return the result of ``record``.

    Raises ``StorageUnavailable`` after ``seconds``, by default ``OUTAGE_SECONDS``.
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
    """Log ``outcome`` and continue if the store is down during a step that may be skipped.

    A worker that is not woken finds the stored question a few seconds later. A Slack job only shows sooner
    what users see anyway.
    """
    try:
        yield
    except StorageUnavailable:
        logger.warning(outcome, extra=dict(ids))


@contextmanager
def timed(metrics: Metrics, name: str) -> Iterator[None]:
    """Observe how long the block takes, even if it raises."""
    started = time.perf_counter()
    try:
        yield
    finally:
        metrics.observe(name, time.perf_counter() - started)
