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
from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.connection import connect
from sectorflow_slack.storage.conversations import RedisConversationStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.oauth_states import RedisOAuthStateStore
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
    questions: RedisQuestionStore
    queue: DramatiqTaskQueue
    slack: SlackWebClient
    sectorflow: HttpSectorFlowClient


def build_services(
    settings: Settings, connections: Connections, clock: Callable[[], float] = time.time
) -> Services:
    """Put the services together."""
    store = connections.stores
    adapters = _build_adapters(settings, connections)
    return Services(
        installs=_build_installs(settings, adapters, clock),
        consent=_build_consent(settings, adapters, RedisOAuthStateStore(store), clock),
        events=_build_events(adapters, clock),
        answers=_build_answers(settings, adapters, RedisConversationStore(store)),
        missing=lambda: missing_parts(store),
    )


def _build_adapters(settings: Settings, connections: Connections) -> _Adapters:
    store, cipher = connections.stores, Cipher(settings.encryption_keys)
    session = open_session(pool_size=settings.worker_threads)
    return _Adapters(
        apps=RedisAppStore(store, cipher, settings.slack_app),
        installations=RedisInstallationStore(store, cipher),
        pendings=RedisPendingStore(store, cipher),
        questions=RedisQuestionStore(store, cipher, limit=settings.questions_per_installation),
        queue=DramatiqTaskQueue(connections.broker),
        slack=SlackWebClient(session, base_url=settings.slack_base_url),
        sectorflow=HttpSectorFlowClient(
            session,
            base_url=settings.sectorflow_base_url,
            chat_timeout=settings.sectorflow_timeout_seconds,
        ),
    )


def _build_installs(settings: Settings, adapters: _Adapters, clock: Callable[[], float]) -> InstallService:
    return InstallService(
        installations=adapters.installations,
        pendings=adapters.pendings,
        sectorflow=adapters.sectorflow,
        own_app=settings.slack_app,
        clock=clock,
    )


def _build_consent(
    settings: Settings, adapters: _Adapters, states: RedisOAuthStateStore, clock: Callable[[], float]
) -> ConsentService:
    return ConsentService(
        apps=adapters.apps,
        installations=adapters.installations,
        pendings=adapters.pendings,
        states=states,
        slack=adapters.slack,
        redirect_uri=settings.public_url + OAUTH_REDIRECT_PATH,
        clock=clock,
    )


def _build_events(adapters: _Adapters, clock: Callable[[], float]) -> EventService:
    return EventService(
        apps=adapters.apps,
        installations=adapters.installations,
        questions=adapters.questions,
        queue=adapters.queue,
        clock=clock,
    )


def _build_answers(
    settings: Settings, adapters: _Adapters, conversations: RedisConversationStore
) -> AnswerService:
    return AnswerService(
        installations=adapters.installations,
        questions=adapters.questions,
        conversations=conversations,
        queue=adapters.queue,
        slack=adapters.slack,
        sectorflow=adapters.sectorflow,
        shared_app_id=settings.slack_app.app_id if settings.slack_app else None,
    )


def missing_parts(store: redis.Redis) -> list[str]:
    """Name what a web process lacks: all it needs is Redis, and that it takes writes."""
    try:
        store.set("readiness", "1", ex=60)
    except redis.RedisError:
        return ["redis"]
    return []
