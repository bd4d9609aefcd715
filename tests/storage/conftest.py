"""Looks into a store as somebody would who holds a dump of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.interim import RedisInterimStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.storage.question_steps import PATIENCE

T = TypeVar("T")

#: What stays while an app is installed; everything else must expire.
LASTING = ("app:", "installation:", "installation-id:", "app-tenants:", "installations:")

READERS: dict[str, Callable[[redis.Redis, str], object]] = {
    "string": lambda client, key: client.get(key),
    "hash": lambda client, key: sorted(client.hgetall(key).items()),
    "list": lambda client, key: client.lrange(key, 0, -1),
    "set": lambda client, key: sorted(client.smembers(key)),
    "zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
    #: It expired a moment ago.
    "none": lambda _client, _key: None,
}
#: What Redis says of the TTL of a key that stays, and of one that expired a moment ago.
STAYS, GONE = -1, -2


def dump(store: redis.Redis) -> dict[str, str]:
    """Give every key with its whole value as text."""
    return {str(key): repr(READERS[str(store.type(key))](store, str(key))) for key in store.scan_iter()}


def expiring_and_staying(store: redis.Redis) -> tuple[set[str], set[str]]:
    """Give the keys with a TTL and those without."""
    keys = {str(key): int(store.ttl(key)) for key in store.scan_iter()}
    staying = {key for key, ttl in keys.items() if ttl == STAYS}
    return {key for key, ttl in keys.items() if ttl not in (STAYS, GONE)}, staying


def race(threads: int, step: Callable[[int], T]) -> list[T]:
    """Run ``step`` in many threads that start at the same moment, and give what each returned."""
    barrier = Barrier(threads)

    def run(number: int) -> T:
        barrier.wait(timeout=10)
        return step(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


@pytest.fixture
def real_store(real_redis_url: str) -> Iterator[redis.Redis]:
    """A real server, for races that the fake decides in its own way."""
    client = redis.Redis.from_url(real_redis_url, decode_responses=True)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def questions(store: redis.Redis, cipher: Cipher) -> RedisQuestionStore:
    return RedisQuestionStore(store, cipher, limit=16)


@pytest.fixture
def one_at_once(store: redis.Redis, cipher: Cipher) -> RedisQuestionStore:
    return RedisQuestionStore(store, cipher, limit=1)


@pytest.fixture
def two_at_once(store: redis.Redis, cipher: Cipher) -> RedisQuestionStore:
    return RedisQuestionStore(store, cipher, limit=2)


@pytest.fixture
def interim(store: redis.Redis, cipher: Cipher) -> RedisInterimStore:
    """What stands in for answers; whoever waits longer than ``PATIENCE`` is told."""
    return RedisInterimStore(store, cipher, patience=PATIENCE)


@pytest.fixture
def nobody() -> Iterator[redis.Redis]:
    """A store that is not there."""
    client = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0), decode_responses=True)
    yield client
    client.close()
