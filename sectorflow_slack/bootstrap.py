"""The composition root: make the stores and the clients, and build the services from them."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, is_dataclass
from functools import partial
from typing import Any, TypeVar, cast, get_type_hints

import redis

from sectorflow_slack.clients.http import open_session
from sectorflow_slack.clients.sectorflow import HttpSectorFlowClient
from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.ports import Clock, SectorFlowClient, SlackClient
from sectorflow_slack.domain.slack import OAUTH_REDIRECT_PATH
from sectorflow_slack.services import Services
from sectorflow_slack.services.app_creation import AppCreator
from sectorflow_slack.services.app_home import AppHomeService
from sectorflow_slack.services.install_page import RATES, InstallPageService
from sectorflow_slack.services.messaging import MessagingService
from sectorflow_slack.services.oauth import TRIPS, OAuthService
from sectorflow_slack.services.registration import RegistrationService
from sectorflow_slack.services.slack_jobs import THREADS as SLACK_JOB_THREADS
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.backup import Backup
from sectorflow_slack.storage.connection import Timeouts, connect
from sectorflow_slack.storage.conversations import ConversationStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.failed_questions import FailedQuestionStore
from sectorflow_slack.storage.feedback import FeedbackStore
from sectorflow_slack.storage.health import StoreCheckup, missing_parts, warnings
from sectorflow_slack.storage.idempotency import IdempotencyStore
from sectorflow_slack.storage.install_forms import InstallFormStore
from sectorflow_slack.storage.installation_listing import InstallationListing
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.keyring import KeyRing
from sectorflow_slack.storage.locks import Locks
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

T = TypeVar("T")


def open_connection(settings: Settings, timeouts: Timeouts) -> redis.Redis:
    """Make a process's client of Redis; it connects with its first command."""
    return connect(settings.redis_url, timeouts, tls_verify=settings.redis_tls_verify)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remotes:
    """The clients of the remote APIs, and the clock."""

    slack: SlackClient
    sectorflow: SectorFlowClient
    clock: Clock


def make_remotes(settings: Settings, clock: Clock) -> Remotes:
    """Make the clients, which share one session."""
    session = open_session(
        pool_size=settings.worker_threads + SLACK_JOB_THREADS,
        proxy=settings.outgoing_proxy,
        ca_bundle=settings.outgoing_ca_bundle,
    )
    return Remotes(
        slack=SlackWebClient(session, base_url=settings.slack_base_url, clock=clock),
        sectorflow=HttpSectorFlowClient(
            session,
            base_url=settings.sectorflow_base_url,
            chat_timeout=settings.sectorflow_timeout_seconds,
        ),
        clock=clock,
    )


def build_services(
    settings: Settings, client: redis.Redis, clock: Clock = time.time, remotes: Remotes | None = None
) -> Services:
    """Build the services; ``remotes`` replaces the real ones."""
    remotes = remotes or make_remotes(settings, clock)
    metrics = Metrics(client)
    parts = _Parts([metrics, *make_stores(settings, client, remotes.clock)], remotes)
    own_app, public_url = settings.slack_app, settings.public_url
    # The services with settings of their own; the others are made where a service declares them.
    parts.make(MessagingService, shared_app_id=own_app.app_id if own_app else None)
    parts.make(AppHomeService, support_url=settings.support_url, privacy_url=settings.privacy_url)
    parts.make(AppCreator, public_url=public_url)
    parts.make(RegistrationService, own_app=own_app)
    trips = RateLimit(client, TRIPS, "install_trips")
    parts.make(OAuthService, trips=trips, redirect_uri=public_url + OAUTH_REDIRECT_PATH)
    limits = {name: RateLimit(client, rate, name) for name, rate in RATES.items()}
    parts.make(InstallPageService, limits=limits)
    return parts.make(
        Services,
        rate_limit=RateLimit(client, settings.install_rate_limit),
        read_metrics=metrics.read,
        missing=partial(missing_parts, client),
        warnings=partial(warnings, client),
    )


#: The tests build thousands of processes' services; reading the hints is half of that.
_type_hints = functools.cache(get_type_hints)


class _Parts:
    """The parts of a process, each by its type."""

    def __init__(self, stores: Iterable[object], remotes: Remotes) -> None:
        self._parts: dict[object, object] = {type(store): store for store in stores}
        self._parts[SlackClient] = remotes.slack
        self._parts[SectorFlowClient] = remotes.sectorflow
        self._parts[Clock] = remotes.clock

    def make(self, service: Callable[..., T], **values: Any) -> T:
        """Make a service; its fields are ``values``, and the parts and services of the types they declare."""
        for name, kind in _type_hints(service).items():
            if name in values:
                continue
            if kind not in self._parts and is_dataclass(kind):
                self.make(cast("type[object]", kind))
            if kind in self._parts:
                values[name] = self._parts[kind]
        made = service(**values)
        self._parts[service] = made
        return made


def make_stores(settings: Settings, client: redis.Redis, clock: Clock) -> list[object]:
    """Make the other stores of a process, all on one client of Redis."""
    cipher, days, limits = Cipher(settings.encryption_keys), settings.answer_retention_days, _limits(settings)
    keyring = KeyRing(client, cipher)
    return [
        AppStore(client, cipher, settings.slack_app),
        InstallationStore(client, cipher),
        PendingStore(client, cipher),
        InstallationListing(client, cipher, clock),
        OAuthStateStore(client, cipher),
        TokenDigests(client, cipher),
        InstallFormStore(client, cipher),
        IdempotencyStore(client, cipher),
        RevocationStore(client, cipher),
        Locks(client),
        Backup(client, cipher),
        keyring,
        StoreCheckup(client, keyring),
        QuestionStore(client, cipher, limits=limits),
        FailedQuestionStore(client, cipher, limit=limits.underway),
        SlackJobQueue(client),
        AnswerStore(client, cipher, retention_days=days),
        FeedbackStore(client, retention_days=days),
        StatusStore(client, cipher),
        ConversationStore(client),
        PauseStore(client),
    ]


def _limits(settings: Settings) -> QuestionLimits:
    per_person, period_seconds = settings.questions_per_person
    return QuestionLimits(
        # At most half of a worker's threads.
        underway=min(settings.questions_per_installation, max(1, settings.worker_threads // 2)),
        waiting=settings.waiting_per_installation,
        per_person=per_person,
        period_seconds=period_seconds,
    )
