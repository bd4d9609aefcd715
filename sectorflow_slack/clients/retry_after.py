"""The ``Retry-After`` header (RFC 9110, 10.2.3)."""

from __future__ import annotations

import math
import time
from email.utils import parsedate_to_datetime

#: A wait longer than this is taken for a mistake of whoever sent it.
MAX_SECONDS = 3600.0


def retry_after_seconds(value: str | None) -> float | None:
    """Read a number of seconds or a date; None where there is no header or it makes no sense."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), MAX_SECONDS)


def _seconds_until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return math.nan
