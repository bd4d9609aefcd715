"""The stores under test, and views of the Redis that they write."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
import redis
from cryptography.fernet import Fernet
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
from sectorflow_slack.storage.install_forms import InstallFormStore
from sectorflow_slack.storage.installation_listing import InstallationListing
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.keyring import KeyRing
from sectorflow_slack.storage.metrics import Metrics
from sectorflow_slack.storage.oauth_states import OAuthStateStore
from sectorflow_slack.storage.pauses import PauseStore
from sectorflow_slack.storage.pending import PendingStore
from sectorflow_slack.storage.questions import QuestionLimits, QuestionStore
from sectorflow_slack.storage.rate_limits import RateLimit
from sectorflow_slack.storage.revocations import RevocationStore
from sectorflow_slack.storage.slack_jobs import SlackJobQueue
from sectorflow_slack.storage.statuses import StatusStore
from sectorflow_slack.storage.token_digests import TokenDigests
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


def dump(store: redis.Redis) -> dict[str, str]:
    """Return every key with its whole value as text."""
    return {str(key): repr(READERS[str(store.type(key))](store, str(key))) for key in store.scan_iter()}


def redis_now(store: redis.Redis) -> float:
    seconds, microseconds = store.time()
    return int(seconds) + int(microseconds) / 1e6


def race(threads: int, step: Callable[[int], T]) -> list[T]:
    """Run ``step`` in many threads that start at the same moment, and return the results."""
    barrier = Barrier(threads)

    def run(number: int) -> T:
        barrier.wait(timeout=60)
        return step(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def race_often(
    client: redis.Redis, arrange: Callable[[], object], *steps: Callable[[], T]
) -> Iterator[list[T]]:
    """Take the steps at the same moment on an empty Redis, again and again, and yield their results."""
    for _ in range(20):
        client.flushdb()
        arrange()
        yield race(len(steps), lambda number: steps[number]())


def lost_cipher() -> Cipher:
    """Return a cipher whose encryption key no store has."""
    return Cipher([Fernet.generate_key().decode()])


@pytest.fixture
def unreachable() -> Iterator[redis.Redis]:
    """A client of a server that is down."""
    client = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0), decode_responses=True)
    yield client
    client.close()


class Stores:
    """One Redis, and every store of a process."""

    def __init__(self, client: redis.Redis, cipher: Cipher, clock: FixedClock) -> None:
        self.redis = client
        self.cipher = cipher
        self.clock = clock
        self.answers = AnswerStore(client, cipher, retention_days=3)
        self.apps = AppStore(client, cipher, OWN_APP)
        self.backup = Backup(client, cipher)
        self.conversations = ConversationStore(client)
        self.failed = FailedQuestionStore(client, cipher, limit=16)
        self.feedback = FeedbackStore(client, retention_days=3)
        self.idempotency = IdempotencyStore(client, cipher)
        self.installations = InstallationStore(client, cipher)
        self.keyring = KeyRing(client, cipher)
        self.checkup = StoreCheckup(client, self.keyring)
        self.listing = InstallationListing(client, cipher, clock)
        self.metrics = Metrics(client)
        self.pauses = PauseStore(client)
        self.pending = PendingStore(client, cipher)
        self.rate_limit = RateLimit(client, "3 per minute")
        self.questions = QuestionStore(client, cipher, limits=QuestionLimits())
        self.revocations = RevocationStore(client, cipher)
        self.slack_jobs = SlackJobQueue(client)
        self.states = OAuthStateStore(client, cipher)
        self.forms = InstallFormStore(client, cipher)
        self.digests = TokenDigests(client, cipher)
        #: A question waits without a status for ten minutes.
        self.statuses = StatusStore(client, cipher, unshown_seconds=600.0)


@pytest.fixture
def db(store, cipher, clock) -> Stores:
    """The stores on the fake and on a real Redis, for the same tests."""
    return Stores(store, cipher, clock)


@pytest.fixture
def real_db(real_store, cipher, clock) -> Stores:
    """The stores on a real Redis, for races that the fake does not have."""
    return Stores(real_store, cipher, clock)
