"""The world outside, as the services see it: the concrete stores, clients and the queue of one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import redis
from dramatiq.brokers.redis import RedisBroker

from sectorflow_slack.clients.http import open_session
from sectorflow_slack.clients.sectorflow import HttpSectorFlowClient
from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.config import Settings
from sectorflow_slack.storage.answers import RedisAnswerStore
from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.backup import RedisBackup
from sectorflow_slack.storage.connection import connect
from sectorflow_slack.storage.conversations import RedisConversationStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.directory import RedisDirectory
from sectorflow_slack.storage.feedback import RedisFeedbackStore
from sectorflow_slack.storage.idempotency import RedisIdempotencyStore
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.interim import RedisInterimStore
from sectorflow_slack.storage.keyring import RedisKeyRing
from sectorflow_slack.storage.letters import RedisLetterStore
from sectorflow_slack.storage.locks import RedisLocks
from sectorflow_slack.storage.metrics import RedisMetrics
from sectorflow_slack.storage.oauth_states import RedisOAuthStateStore
from sectorflow_slack.storage.pauses import RedisPauseStore
from sectorflow_slack.storage.pending import RedisPendingStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from sectorflow_slack.storage.revocations import RedisRevocationStore
from sectorflow_slack.tasks import ERRAND_THREADS, ERRANDS, DramatiqTaskQueue, make_broker


@dataclass(frozen=True, slots=True)
class Connections:
    """One process's two clients of Redis: the stores read text, both lines of the job engine bytes."""

    stores: redis.Redis
    broker: RedisBroker
    errands: RedisBroker


def open_connections(settings: Settings, *, patient: bool) -> Connections:
    """Make the clients; nothing is connected before the first command."""

    def client(*, text: bool) -> redis.Redis:
        return connect(settings.redis_url, tls_verify=settings.redis_tls_verify, patient=patient, text=text)

    return make_connections(client(text=True), client(text=False))


def make_connections(text: redis.Redis, raw: redis.Redis) -> Connections:
    """Put one process's connections together from a client that gives text and one that gives bytes."""
    return Connections(text, make_broker(raw), make_broker(raw, namespace=ERRANDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallAdapters:
    """What is kept of apps and installations."""

    apps: RedisAppStore
    installations: RedisInstallationStore
    pendings: RedisPendingStore
    directory: RedisDirectory
    states: RedisOAuthStateStore
    idempotency: RedisIdempotencyStore
    revocations: RedisRevocationStore
    locks: RedisLocks
    backup: RedisBackup
    keyring: RedisKeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAdapters:
    """What is kept of questions and answers."""

    questions: RedisQuestionStore
    letters: RedisLetterStore
    answers: RedisAnswerStore
    feedback: RedisFeedbackStore
    interim: RedisInterimStore
    conversations: RedisConversationStore
    pauses: RedisPauseStore
    metrics: RedisMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Remotes:
    """What is elsewhere, and the time."""

    queue: DramatiqTaskQueue
    slack: SlackWebClient
    sectorflow: HttpSectorFlowClient
    clock: Callable[[], float]


def install_adapters(settings: Settings, store: redis.Redis, clock: Callable[[], float]) -> InstallAdapters:
    """Make the stores of apps and installations."""
    cipher = Cipher(settings.encryption_keys)
    return InstallAdapters(
        apps=RedisAppStore(store, cipher, settings.slack_app),
        installations=RedisInstallationStore(store, cipher),
        pendings=RedisPendingStore(store, cipher),
        directory=RedisDirectory(store, cipher, clock),
        states=RedisOAuthStateStore(store),
        idempotency=RedisIdempotencyStore(store, cipher),
        revocations=RedisRevocationStore(store, cipher),
        locks=RedisLocks(store),
        backup=RedisBackup(store, cipher),
        keyring=RedisKeyRing(store, cipher),
    )


def question_adapters(settings: Settings, store: redis.Redis) -> QuestionAdapters:
    """Make the stores of questions and answers."""
    cipher = Cipher(settings.encryption_keys)
    return QuestionAdapters(
        questions=RedisQuestionStore(store, cipher, limit=_limit(settings)),
        letters=RedisLetterStore(store, cipher),
        answers=RedisAnswerStore(store, cipher, retention_days=settings.answer_retention_days),
        feedback=RedisFeedbackStore(store, retention_days=settings.answer_retention_days),
        interim=RedisInterimStore(store, cipher),
        conversations=RedisConversationStore(store),
        pauses=RedisPauseStore(store),
        metrics=RedisMetrics(store),
    )


def make_remotes(settings: Settings, connections: Connections, clock: Callable[[], float]) -> Remotes:
    """Make the clients, which share one session, and the queue."""
    session = open_session(pool_size=settings.worker_threads + ERRAND_THREADS)
    return Remotes(
        queue=DramatiqTaskQueue(connections.broker, connections.errands),
        slack=SlackWebClient(session, base_url=settings.slack_base_url, clock=clock),
        sectorflow=HttpSectorFlowClient(
            session,
            base_url=settings.sectorflow_base_url,
            chat_timeout=settings.sectorflow_timeout_seconds,
        ),
        clock=clock,
    )


def _limit(settings: Settings) -> int:
    """Give how many questions of one installation go on at once: never so many that others find no thread."""
    return min(settings.questions_per_installation, max(1, settings.worker_threads // 2))
