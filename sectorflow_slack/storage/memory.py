"""How full Redis is, and when it will be.

``memory``: sorted set of ``{seconds}:{bytes}``, by their time, about one an hour; for a week since the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis

from sectorflow_slack.domain.metrics import Memory

_KEY = "memory"
HOUR = 3600
KEPT_SECONDS = 7 * 24 * HOUR


def record_memory(client: redis.Redis) -> None:
    """Record the memory in use, unless another process did; skip it if Redis is down or forbids INFO."""
    try:
        now = client.time()[0]
        newest: Any = client.zrange(_KEY, -1, -1, withscores=True)
        if (newest and now - newest[0][1] < HOUR / 2) or (found := _look(client)) is None:
            return
        with client.pipeline(transaction=True) as pipe:
            pipe.zadd(_KEY, {f"{now}:{found[0]}": now})
            pipe.zremrangebyscore(_KEY, "-inf", now - KEPT_SECONDS)
            pipe.expire(_KEY, KEPT_SECONDS)
            pipe.execute()
    except redis.RedisError:
        return


def read_memory(client: redis.Redis) -> Memory:
    """Load how full Redis is."""
    if (found := _look(client)) is None:
        return Memory()
    used, limit = found
    samples: list[Any] = client.zrange(_KEY, 0, -1)
    points = [(float(time), float(size)) for time, size in (str(each).split(":") for each in samples)]
    growth = _growth([*points, (float(client.time()[0]), float(used))])
    full_in = max(0.0, limit - used) / growth if limit and growth > 0 else None
    return Memory(used, limit or None, full_in)


def _look(client: redis.Redis) -> tuple[int, int] | None:
    """Return the memory in use and its limit, 0 for none; None if Redis does not report them."""
    try:
        info = client.info("memory")
    except redis.ResponseError:
        return None
    return (int(info["used_memory"]), int(info.get("maxmemory", 0))) if "used_memory" in info else None


def _growth(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the line that fits best, in bytes a second; 0 for less than an hour of points."""
    if points[-1][0] - points[0][0] < HOUR:
        return 0.0
    middle = sum(time for time, _ in points) / len(points)
    spread = sum((time - middle) ** 2 for time, _ in points)
    return sum((time - middle) * size for time, size in points) / spread
