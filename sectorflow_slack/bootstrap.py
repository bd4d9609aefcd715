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


def build_services(
    settings: Settings, connections: Connections, clock: Callable[[], float] = time.time
) -> Services:
    """Put the services together."""
    store, own_app = connections.stores, settings.slack_app
    cipher = Cipher(settings.encryption_keys)
    session = open_session(pool_size=settings.worker_threads)
    apps = RedisAppStore(store, cipher, own_app)
    installations = RedisInstallationStore(store, cipher)
    pendings = RedisPendingStore(store, cipher)
    questions = RedisQuestionStore(store, cipher, limit=settings.questions_per_installation)
    queue = DramatiqTaskQueue(connections.broker)
    slack = SlackWebClient(session, base_url=settings.slack_base_url)
    sectorflow = HttpSectorFlowClient(
        session,
        base_url=settings.sectorflow_base_url,
        chat_timeout=settings.sectorflow_timeout_seconds,
    )
    return Services(
        installs=InstallService(
            installations=installations,
            pendings=pendings,
            sectorflow=sectorflow,
            own_app=own_app,
            clock=clock,
        ),
        consent=ConsentService(
            apps=apps,
            installations=installations,
            pendings=pendings,
            states=RedisOAuthStateStore(store),
            slack=slack,
            redirect_uri=settings.public_url + OAUTH_REDIRECT_PATH,
            clock=clock,
        ),
        events=EventService(
            apps=apps, installations=installations, questions=questions, queue=queue, clock=clock
        ),
        answers=AnswerService(
            installations=installations,
            questions=questions,
            conversations=RedisConversationStore(store),
            queue=queue,
            slack=slack,
            sectorflow=sectorflow,
            shared_app_id=own_app.app_id if own_app else None,
        ),
        missing=lambda: missing_parts(store),
    )


def missing_parts(store: redis.Redis) -> list[str]:
    """Name what a web process lacks: all it needs is Redis, and that it takes writes."""
    try:
        store.set("readiness", "1", ex=60)
    except redis.RedisError:
        return ["redis"]
    return []
