"""Timing calls for the metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sectorflow_slack.domain.metrics import Metrics


@contextmanager
def timed(metrics: Metrics, name: str) -> Iterator[None]:
    """Observe how long the block takes, however it ends."""
    started = time.perf_counter()
    try:
        yield
    finally:
        metrics.observe(name, time.perf_counter() - started)
