"""Locks between processes: ``lock:{name}``, redis-py's own, which ends by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis, RedisError
from redis.exceptions import LockError
from redis.lock import Lock

from sectorflow_slack.storage.connection import translate_errors

logger = logging.getLogger(__name__)


class Locks:
    """Lets one process at a time do something, by Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @contextmanager
    def hold(self, name: str, seconds: float, wait: float = 0.0) -> Iterator[bool]:
        """Hold a lock for at most ``seconds``; gives whether it was got within ``wait`` seconds."""
        lock = Lock(self._redis, f"lock:{name}", timeout=seconds, blocking_timeout=wait)
        held = _acquire(lock)
        try:
            yield held
        finally:
            if held:
                _release(lock)


@translate_errors
def _acquire(lock: Lock) -> bool:
    return bool(lock.acquire())


def _release(lock: Lock) -> None:
    try:
        lock.release()
    except LockError:
        # It lapsed, and may be somebody else's by now.
        return
    except RedisError as error:
        # What was done under it is done; the lock ends by itself.
        logger.warning("lock not released: %s", type(error).__name__)
