"""Rate limits, counted for all web processes together.

``install_rate:…``, ``install_trips:…``: the times of the calls of an API key, or of the trips to Slack by one
install link, within the window. At most as many as the rate allows; expires with the window.
"""

from __future__ import annotations

import time

import redis
from limits import parse
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from sectorflow_slack.storage.connection import translate_errors

PREFIX = "install_rate"


class RateLimit:
    """Counts calls in a moving window, for all web processes together."""

    def __init__(self, client: redis.Redis, rate: str, prefix: str = PREFIX) -> None:
        # The client's own pool keeps its TLS, unix socket and time-outs. With a pool given, the URL only
        # selects the library.
        storage = RedisStorage("redis://", connection_pool=client.connection_pool, key_prefix=prefix)
        self._limiter = MovingWindowRateLimiter(storage)
        self._rate = parse(rate)

    @translate_errors
    def hit(self, caller: str) -> float | None:
        """Count a call and return None; if it exceeds the rate, return the seconds to wait."""
        if self._limiter.hit(self._rate, caller):
            return None
        return max(0.0, self._limiter.get_window_stats(self._rate, caller).reset_time - time.time())
