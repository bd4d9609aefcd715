"""The composition root: the one place that names concrete stores, clients and the queue."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
from dramatiq.brokers.redis import RedisBroker

from sectorflow_slack.clients.http import open_session
from sectorflow_slack.clients.sectorflow import HttpSectorFlowClient
from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.slack import OAUTH_REDIRECT_PATH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.services.consent import ConsentService
from sectorflow_slack.services.events import EventService
from sectorflow_slack.services.installs import InstallService
from sectorflow_slack.services.interactions import InteractionService
from sectorflow_slack.services.posting import PostingService
from sectorflow_slack.services.waiting import WaitingService
from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.backup import RedisBackup
from sectorflow_slack.storage.connection import connect
from sectorflow_slack.storage.conversations import RedisConversationStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.health import missing_parts, warnings
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.letters import RedisLetterStore
from sectorflow_slack.storage.lines import RedisLineStore
from sectorflow_slack.storage.metrics import RedisMetrics
from sectorflow_slack.storage.oauth_states import RedisOAuthStateStore
from sectorflow_slack.storage.pauses import RedisPauseStore
from sectorflow_slack.storage.pending import RedisPendingStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from sectorflow_slack.tasks import DramatiqTaskQueue, make_broker


@dataclass(frozen=True, slots=True)
class Connections:
    """One process's two clients of Redis: the stores read text, the job engine bytes."""

    stores: redis.Redis
    broker: RedisBroker


def open_connections(settings: Settings, *, patient: bool) -> Connections:
    """Make the clients; nothing is connected before the first command."""

    def client(*, text: bool) -> redis.Redis:
        return connect(settings.redis_url, tls_verify=settings.redis_tls_verify, patient=patient, text=text)

    return Connections(client(text=True), make_broker(client(text=False)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Adapters:
    """What the services share of the world outside."""

    apps: RedisAppStore
    installations: RedisInstallationStore
    pendings: RedisPendingStore
    states: RedisOAuthStateStore
    questions: RedisQuestionStore
    letters: RedisLetterStore
    lines: RedisLineStore
    conversations: RedisConversationStore
    pauses: RedisPauseStore
    metrics: RedisMetrics
    queue: DramatiqTaskQueue
    slack: SlackWebClient
    sectorflow: HttpSectorFlowClient
    clock: Callable[[], float]


def build_services(
    settings: Settings, connections: Connections, clock: Callable[[], float] = time.time
) -> Services:
    """Put the services together."""
    store = connections.stores
    adapters = _build_adapters(settings, connections, clock)
    posting = _build_posting(settings, adapters)
    return Services(
        installs=_build_installs(settings, adapters),
        consent=_build_consent(settings, adapters),
        events=_build_events(adapters),
        interactions=_build_interactions(adapters),
        answers=_build_answers(adapters, posting),
        waiting=WaitingService(installations=adapters.installations, lines=adapters.lines, posting=posting),
        letters=adapters.letters,
        backup=RedisBackup(store, Cipher(settings.encryption_keys)),
        metrics=adapters.metrics,
        read_metrics=adapters.metrics.read,
        missing=lambda: missing_parts(store),
        warnings=lambda: warnings(store),
    )


def _build_adapters(settings: Settings, connections: Connections, clock: Callable[[], float]) -> _Adapters:
    store, cipher = connections.stores, Cipher(settings.encryption_keys)
    session = open_session(pool_size=settings.worker_threads)
    return _Adapters(
        apps=RedisAppStore(store, cipher, settings.slack_app),
        installations=RedisInstallationStore(store, cipher),
        pendings=RedisPendingStore(store, cipher),
        states=RedisOAuthStateStore(store),
        questions=RedisQuestionStore(store, cipher, limit=_limit(settings)),
        letters=RedisLetterStore(store, cipher),
        lines=RedisLineStore(store, cipher),
        conversations=RedisConversationStore(store),
        pauses=RedisPauseStore(store),
        metrics=RedisMetrics(store),
        queue=DramatiqTaskQueue(connections.broker),
        slack=SlackWebClient(session, base_url=settings.slack_base_url),
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


def _build_installs(settings: Settings, adapters: _Adapters) -> InstallService:
    return InstallService(
        installations=adapters.installations,
        pendings=adapters.pendings,
        sectorflow=adapters.sectorflow,
        own_app=settings.slack_app,
        clock=adapters.clock,
    )


def _build_consent(settings: Settings, adapters: _Adapters) -> ConsentService:
    return ConsentService(
        apps=adapters.apps,
        installations=adapters.installations,
        pendings=adapters.pendings,
        states=adapters.states,
        slack=adapters.slack,
        redirect_uri=settings.public_url + OAUTH_REDIRECT_PATH,
        clock=adapters.clock,
    )


def _build_events(adapters: _Adapters) -> EventService:
    return EventService(
        apps=adapters.apps,
        installations=adapters.installations,
        questions=adapters.questions,
        queue=adapters.queue,
        metrics=adapters.metrics,
        clock=adapters.clock,
    )


def _build_interactions(adapters: _Adapters) -> InteractionService:
    return InteractionService(
        installations=adapters.installations, letters=adapters.letters, queue=adapters.queue
    )


def _build_posting(settings: Settings, adapters: _Adapters) -> PostingService:
    return PostingService(
        questions=adapters.questions,
        pauses=adapters.pauses,
        slack=adapters.slack,
        metrics=adapters.metrics,
        shared_app_id=settings.slack_app.app_id if settings.slack_app else None,
    )


def _build_answers(adapters: _Adapters, posting: PostingService) -> AnswerService:
    return AnswerService(
        installations=adapters.installations,
        questions=adapters.questions,
        conversations=adapters.conversations,
        queue=adapters.queue,
        posting=posting,
        sectorflow=adapters.sectorflow,
        metrics=adapters.metrics,
        clock=adapters.clock,
    )
