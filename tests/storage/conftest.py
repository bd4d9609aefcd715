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

from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.backup import Backup
from sectorflow_slack.storage.conversations import ConversationStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.failed_questions import FailedQuestionStore
from sectorflow_slack.storage.feedback import FeedbackStore
from sectorflow_slack.storage.health import StoreCheckup
from sectorflow_slack.storage.idempotency import IdempotencyStore
from sectorflow_slack.storage.installation_listing import InstallationListing
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.keyring import KeyRing
from sectorflow_slack.storage.metrics import Metrics
from sectorflow_slack.storage.oauth_states import OAuthStateStore
from sectorflow_slack.storage.pauses import PauseStore
from sectorflow_slack.storage.pending import PendingStore
from sectorflow_slack.storage.placeholders import PlaceholderStore
from sectorflow_slack.storage.questions import QuestionStore
from sectorflow_slack.storage.rate_limits import RateLimit
from sectorflow_slack.storage.revocations import RevocationStore
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
def unreachable() -> Iterator[redis.Redis]:
    """A client of a server that is not there."""
    client = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0), decode_responses=True)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _slow_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lengthen what lasts seconds, for machines that need seconds from one line of a test to the next."""
    monkeypatch.setattr("sectorflow_slack.storage.questions.WAKE_SECONDS", 600)
    monkeypatch.setattr("sectorflow_slack.storage.placeholders.NOTIFIED_EVERY_SECONDS", 600)


class Stores:
    """One Redis, and every store of it as a process has them."""

    def __init__(self, client: redis.Redis, cipher: Cipher, clock: FixedClock) -> None:
        self.redis = client
        self.cipher = cipher
        self.clock = clock
        self.answers = AnswerStore(client, cipher, retention_days=3)
        self.apps = AppStore(client, cipher, OWN_APP)
        self.backup = Backup(client, cipher)
        self.conversations = ConversationStore(client)
        self.failed = FailedQuestionStore(client, cipher)
        self.feedback = FeedbackStore(client, retention_days=3)
        self.idempotency = IdempotencyStore(client, cipher)
        self.installations = InstallationStore(client, cipher)
        self.keyring = KeyRing(client, cipher)
        self.checkup = StoreCheckup(client, self.keyring)
        self.metrics = Metrics(client)
        self.pauses = PauseStore(client)
        self.pendings = PendingStore(client, cipher)
        #: Questions take long after ten minutes.
        self.placeholders = PlaceholderStore(client, cipher, slow_seconds=600.0)
        self.queries = InstallationListing(client, cipher, clock)
        self.rate_limit = RateLimit(client, "3 per minute")
        self.questions = QuestionStore(client, cipher, limit=16)
        self.two_at_once = QuestionStore(client, cipher, limit=2)
        self.revocations = RevocationStore(client, cipher)
        self.states = OAuthStateStore(client)


@pytest.fixture
def db(store: redis.Redis, cipher: Cipher, clock: FixedClock) -> Stores:
    """The stores of the fake and of a real Redis, for one and the same suite."""
    return Stores(store, cipher, clock)


@pytest.fixture
def real_db(real_redis_url: str, cipher: Cipher, clock: FixedClock) -> Iterator[Stores]:
    """The stores of a real Redis, for races that the fake decides in its own way."""
    client = redis.Redis.from_url(real_redis_url, decode_responses=True)
    client.flushdb()
    yield Stores(client, cipher, clock)
    client.flushdb()
    client.close()
