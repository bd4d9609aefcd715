"""Pauses that Slack asked for with ``Retry-After``.

``pause:{app_id}:{tenant_id}:{method}``: expires when the calls may go on. Slack limits by method, workspace
and app (docs.slack.dev, rate limits), so other calls go on.
"""

from __future__ import annotations

import math

from redis import Redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.storage.connection import translate_errors


class PauseStore:
    """Stores pauses, in seconds, so that every worker respects them, also after a restart."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @translate_errors
    def pause(self, key: InstallationKey, method: str, seconds: float) -> None:
        """Pause this installation's calls of a Slack method, in place of any earlier pause."""
        self._redis.set(f"pause:{key}:{method}", "1", px=max(1, math.ceil(seconds * 1000)))

    @translate_errors
    def begin(self, key: InstallationKey, name: str, seconds: float) -> bool:
        """Begin a pause unless there is one; False if there is."""
        return bool(self._redis.set(f"pause:{key}:{name}", "1", px=math.ceil(seconds * 1000), nx=True))

    @translate_errors
    def remaining(self, key: InstallationKey, method: str) -> float:
        """Return the seconds until calls of this method may go on; 0 if they are not paused."""
        return max(0, self._redis.pttl(f"pause:{key}:{method}")) / 1000
