"""The stores under test, and how a reader of a dump sees what they wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.directory import RedisDirectory
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.interim import RedisInterimStore
from sectorflow_slack.storage.pending import RedisPendingStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from sectorflow_slack.storage.revocations import RedisRevocationStore
from tests.storage.question_steps import PATIENCE
from tests.values import OWN_APP, FixedClock

T = TypeVar("T")

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
    """Return every key with its whole value as text."""
    return {str(key): repr(READERS[str(store.type(key))](store, str(key))) for key in store.scan_iter()}


def expiring_and_staying(store: redis.Redis) -> tuple[set[str], set[str]]:
    """Return the keys with a TTL and those without."""
    keys = {str(key): int(store.ttl(key)) for key in store.scan_iter()}
    staying = {key for key, ttl in keys.items() if ttl == STAYS}
    return {key for key, ttl in keys.items() if ttl not in (STAYS, GONE)}, staying


def redis_now(store: redis.Redis) -> float:
    seconds, microseconds = store.time()
    return int(seconds) + int(microseconds) / 1e6


def race(threads: int, step: Callable[[int], T]) -> list[T]:
    """Run ``step`` in many threads that start at the same moment, and return what each returned."""
    barrier = Barrier(threads)

    def run(number: int) -> T:
        barrier.wait(timeout=60)
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
def unreachable() -> Iterator[redis.Redis]:
    """A client of a server that is not there."""
    client = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0), decode_responses=True)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _slow_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lengthen what lasts seconds, for machines that need seconds from one line of a test to the next."""
    monkeypatch.setattr("sectorflow_slack.storage.questions.NUDGE_SECONDS", 600)
    monkeypatch.setattr("sectorflow_slack.storage.interim.TOLD_EVERY_SECONDS", 600)


@pytest.fixture
def apps(store: redis.Redis, cipher: Cipher) -> RedisAppStore:
    return RedisAppStore(store, cipher, OWN_APP)


@pytest.fixture
def installations(store: redis.Redis, cipher: Cipher) -> RedisInstallationStore:
    return RedisInstallationStore(store, cipher)


@pytest.fixture
def pendings(store: redis.Redis, cipher: Cipher) -> RedisPendingStore:
    return RedisPendingStore(store, cipher)


@pytest.fixture
def queries(store: redis.Redis, cipher: Cipher, clock: FixedClock) -> RedisDirectory:
    return RedisDirectory(store, cipher, clock)


@pytest.fixture
def revocations(store: redis.Redis, cipher: Cipher) -> RedisRevocationStore:
    return RedisRevocationStore(store, cipher)


@pytest.fixture
def questions(store: redis.Redis, cipher: Cipher) -> RedisQuestionStore:
    return RedisQuestionStore(store, cipher, limit=16)


@pytest.fixture
def two_at_once(store: redis.Redis, cipher: Cipher) -> RedisQuestionStore:
    return RedisQuestionStore(store, cipher, limit=2)


@pytest.fixture
def placeholders(store: redis.Redis, cipher: Cipher) -> RedisInterimStore:
    """A store that finds users slow to be answered after ``PATIENCE`` seconds."""
    return RedisInterimStore(store, cipher, patience=PATIENCE)
