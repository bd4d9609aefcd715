"""The rate limits of the Web API (docs.slack.dev, rate limits)."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Calls a minute, by method, for each app and team.
TIERS = {
    "agents.sessions.setStatus": 50,
    "apps.manifest.create": 1,
    "apps.manifest.delete": 1,
    "apps.uninstall": 1,
    "apps.manifest.export": 50,
    "apps.manifest.validate": 50,
    "assistant.threads.setStatus": 600,
    "assistant.threads.setSuggestedPrompts": 50,
    "auth.revoke": 50,
    "auth.test": 600,
    "chat.delete": 50,
    "chat.postEphemeral": 100,
    "chat.postMessage": 300,
    "chat.update": 50,
    "views.open": 100,
    "views.publish": 100,
    "views.update": 100,
}
#: chat.postMessage: about one message per second and channel, with bursts.
CHANNEL_RATE = 60
CHANNEL_BURST = 20
#: The minimum burst of every method: Slack promises "1+" calls, not 1.
_LEAST_BURST = 5


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class RateLimits:
    """A token bucket for each method, app and team, and for each channel with posts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def wait_for(self, method: str, tenant: str, channel: str | None = None) -> int:
        """Count a call; return 0 if it may pass, else the seconds to wait before a retry."""
        with self._lock:
            if method == "chat.postMessage" and channel is not None:
                seconds = self._take((method, tenant, channel), CHANNEL_RATE, CHANNEL_BURST)
                if seconds:
                    return seconds
            per_minute = TIERS.get(method)
            if per_minute is None:
                return 0
            return self._take((method, tenant), per_minute, max(per_minute, _LEAST_BURST))

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._buckets.clear()

    def _take(self, key: tuple[str, ...], per_minute: int, burst: int) -> int:
        now, per_second = self._clock(), per_minute / 60
        bucket = self._buckets.setdefault(key, _Bucket(burst, now))
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.filled_at) * per_second)
        bucket.filled_at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return math.ceil((1 - bucket.tokens) / per_second)
