"""How long Slack wants to be left alone.

``pause:{app_id}:{tenant_id}:{method}``: gone when the calls may go on. Slack limits by method, workspace and
app (docs.slack.dev, rate limits), so others go on meanwhile.
"""

from __future__ import annotations

import math

from redis import Redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.storage.connection import translate_errors


class PauseStore:
    """Keeps pauses in Redis, so that every worker knows of them, and after a restart too."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @translate_errors
    def pause(self, key: InstallationKey, method: str, seconds: float) -> None:
        """Make no such call for this installation for a while."""
        self._redis.set(f"pause:{key}:{method}", "1", px=max(1, math.ceil(seconds * 1000)))

    @translate_errors
    def remaining(self, key: InstallationKey, method: str) -> float:
        """Say for how many seconds no such call is to be made; 0 for none."""
        return max(0, self._redis.pttl(f"pause:{key}:{method}")) / 1000
