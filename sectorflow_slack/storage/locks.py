"""Locks between processes: ``lock:{name}``, redis-py's own, which expires by itself."""

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
    """Locks that one process at a time holds."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @contextmanager
    def hold(self, name: str, seconds: float, wait: float = 0.0) -> Iterator[bool]:
        """Hold a lock for at most ``seconds``; yield whether it was acquired within ``wait`` seconds."""
        lock = Lock(self._redis, f"lock:{name}", timeout=seconds, blocking_timeout=wait)
        held = translate_errors(lock.acquire)()
        try:
            yield held
        finally:
            if held:
                _release(lock)


def _release(lock: Lock) -> None:
    try:
        lock.release()
    except LockError:
        # It expired, and another process may hold it now.
        return
    except RedisError as error:
        # The work is done, and the lock expires by itself.
        logger.warning("lock not released: %s", type(error).__name__)
