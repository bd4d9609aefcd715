"""How many calls of the install API one key may make.

Redis key ``install_rate:…``: the times of a key's calls within the window, at most as many as the rate
allows; it expires with the window.
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
    """Counts calls in a window that moves with the time, for all web processes together."""

    def __init__(self, client: redis.Redis, rate: str) -> None:
        # The client's own pool, so that its way to Redis (TLS, a unix socket) and its time-outs hold here
        # too. With a pool given, the address says only which library is meant.
        storage = RedisStorage("redis://", connection_pool=client.connection_pool, key_prefix=PREFIX)
        self._limiter = MovingWindowRateLimiter(storage)
        self._rate = parse(rate)

    @translate_errors
    def hit(self, caller: str) -> float | None:
        """Count a call of ``caller``; gives the seconds to wait where it is one too many, and counts none."""
        if self._limiter.hit(self._rate, caller):
            return None
        return max(0.0, self._limiter.get_window_stats(self._rate, caller).reset_time - time.time())
