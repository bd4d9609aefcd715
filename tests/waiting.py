"""Waits for a condition, for tests of what happens in other threads and processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def until(condition: Callable[[], object], seconds: float = 20.0, what: str = "it happens") -> float:
    """Wait until a condition holds, and return how long that took.

    The longer it has waited, the less often it looks: many conditions are requests to another process.
    """
    started = time.monotonic()
    while not condition():
        waited = time.monotonic() - started
        assert waited < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(min(0.2, max(0.02, waited / 20)))
    return time.monotonic() - started


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
