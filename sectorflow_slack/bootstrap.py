"""The composition root: make the stores, the clients and the queue, and build the services from them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import redis
from dramatiq.brokers.redis import RedisBroker

from sectorflow_slack.clients.http import open_session
from sectorflow_slack.clients.sectorflow import HttpSectorFlowClient
from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.ports import Clock
from sectorflow_slack.domain.slack import OAUTH_REDIRECT_PATH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answering import AnswerService
from sectorflow_slack.services.app_creation import AppCreator
from sectorflow_slack.services.app_home import AppHomeService
from sectorflow_slack.services.asking import AskingService
from sectorflow_slack.services.events import EventService
from sectorflow_slack.services.idempotency import IdempotencyService
from sectorflow_slack.services.interactions import InteractionService, ReaskingService
from sectorflow_slack.services.messaging import MessagingService, PostingService
from sectorflow_slack.services.oauth import OAuthService
from sectorflow_slack.services.placeholders import PlaceholderService
from sectorflow_slack.services.registration import RegistrationService
from sectorflow_slack.services.rendering import RenderingService
from sectorflow_slack.services.revocations import RevocationService
from sectorflow_slack.services.slack_jobs import SlackJobService
from sectorflow_slack.services.tokens import TokenService
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
from sectorflow_slack.storage.installation_listing import InstallationListing
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.keyring import KeyRing
from sectorflow_slack.storage.locks import Locks
from sectorflow_slack.storage.metrics import Metrics
from sectorflow_slack.storage.oauth_states import OAuthStateStore
from sectorflow_slack.storage.pauses import PauseStore
from sectorflow_slack.storage.pending import PendingStore
from sectorflow_slack.storage.placeholders import PlaceholderStore
from sectorflow_slack.storage.questions import QuestionStore
from sectorflow_slack.storage.rate_limits import RateLimit
from sectorflow_slack.storage.revocations import RevocationStore
from sectorflow_slack.tasks import SLACK_JOB_THREADS, SLACK_JOBS, DramatiqTaskQueue, make_broker


@dataclass(frozen=True, slots=True)
class Connections:
    """A process's client of Redis for the stores, and its brokers for questions and for Slack jobs."""

    stores: redis.Redis
    broker: RedisBroker
    slack_jobs: RedisBroker


def open_connections(settings: Settings, timeouts: Timeouts) -> Connections:
    """Make a process's connections; each connects with its first command."""

    def client(*, text: bool) -> redis.Redis:
        return connect(settings.redis_url, timeouts, tls_verify=settings.redis_tls_verify, text=text)

    return make_connections(client(text=True), client(text=False))


def make_connections(text: redis.Redis, raw: redis.Redis) -> Connections:
    """Make connections from a client whose replies are text and one whose replies are bytes."""
    return Connections(text, make_broker(raw), make_broker(raw, namespace=SLACK_JOBS))


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationStores:
    """The stores of apps and installations."""

    apps: AppStore
    installations: InstallationStore
    pendings: PendingStore
    listing: InstallationListing
    states: OAuthStateStore
    idempotency: IdempotencyStore
    revocations: RevocationStore
    locks: Locks
    backup: Backup
    keyring: KeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionStores:
    """The stores of questions and answers."""

    questions: QuestionStore
    failed_questions: FailedQuestionStore
    answers: AnswerStore
    feedback: FeedbackStore
    placeholders: PlaceholderStore
    conversations: ConversationStore
    pauses: PauseStore
    metrics: Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Remotes:
    """The queue, the clients of the remote APIs, and the clock."""

    queue: DramatiqTaskQueue
    slack: SlackWebClient
    sectorflow: HttpSectorFlowClient
    clock: Clock


def installation_stores(settings: Settings, store: redis.Redis, clock: Clock) -> InstallationStores:
    """Make the stores of apps and installations."""
    cipher = Cipher(settings.encryption_keys)
    return InstallationStores(
        apps=AppStore(store, cipher, settings.slack_app),
        installations=InstallationStore(store, cipher),
        pendings=PendingStore(store, cipher),
        listing=InstallationListing(store, cipher, clock),
        states=OAuthStateStore(store),
        idempotency=IdempotencyStore(store, cipher),
        revocations=RevocationStore(store, cipher),
        locks=Locks(store),
        backup=Backup(store, cipher),
        keyring=KeyRing(store, cipher),
    )


def question_stores(settings: Settings, store: redis.Redis) -> QuestionStores:
    """Make the stores of questions and answers."""
    cipher = Cipher(settings.encryption_keys)
    return QuestionStores(
        questions=QuestionStore(store, cipher, limit=_limit(settings)),
        failed_questions=FailedQuestionStore(store, cipher),
        answers=AnswerStore(store, cipher, retention_days=settings.answer_retention_days),
        feedback=FeedbackStore(store, retention_days=settings.answer_retention_days),
        placeholders=PlaceholderStore(store, cipher),
        conversations=ConversationStore(store),
        pauses=PauseStore(store),
        metrics=Metrics(store),
    )


def make_remotes(settings: Settings, connections: Connections, clock: Clock) -> Remotes:
    """Make the queue, and the clients, which share one session."""
    session = open_session(pool_size=settings.worker_threads + SLACK_JOB_THREADS)
    return Remotes(
        queue=DramatiqTaskQueue(connections.broker, connections.slack_jobs),
        slack=SlackWebClient(session, base_url=settings.slack_base_url, clock=clock),
        sectorflow=HttpSectorFlowClient(
            session,
            base_url=settings.sectorflow_base_url,
            chat_timeout=settings.sectorflow_timeout_seconds,
        ),
        clock=clock,
    )


def _limit(settings: Settings) -> int:
    """Return how many questions of an installation run at once: at most half of the worker's threads."""
    return min(settings.questions_per_installation, max(1, settings.worker_threads // 2))


def build_registration(
    settings: Settings, stores: InstallationStores, remotes: Remotes
) -> RegistrationService:
    """Build the service of the install API."""
    return RegistrationService(
        installations=stores.installations,
        pendings=stores.pendings,
        listing=stores.listing,
        idempotency=IdempotencyService(idempotency=stores.idempotency),
        app_creator=AppCreator(
            slack=remotes.slack, idempotency=stores.idempotency, public_url=settings.public_url
        ),
        revocations=build_revocations(stores, remotes),
        sectorflow=remotes.sectorflow,
        own_app=settings.slack_app,
        clock=remotes.clock,
    )


def build_oauth(settings: Settings, stores: InstallationStores, remotes: Remotes) -> OAuthService:
    """Build the service of the OAuth flow."""
    return OAuthService(
        apps=stores.apps,
        installations=stores.installations,
        pendings=stores.pendings,
        states=stores.states,
        slack=remotes.slack,
        redirect_uri=settings.public_url + OAUTH_REDIRECT_PATH,
        clock=remotes.clock,
    )


def build_tokens(stores: InstallationStores, remotes: Remotes) -> TokenService:
    """Build the service that refreshes bot tokens."""
    return TokenService(
        apps=stores.apps,
        installations=stores.installations,
        slack=remotes.slack,
        locks=stores.locks,
        clock=remotes.clock,
    )


def build_revocations(stores: InstallationStores, remotes: Remotes) -> RevocationService:
    """Build the service that revokes bot tokens."""
    return RevocationService(
        revocations=stores.revocations,
        installations=stores.installations,
        apps=stores.apps,
        slack=remotes.slack,
        clock=remotes.clock,
    )


def build_events(installs: InstallationStores, stores: QuestionStores, remotes: Remotes) -> EventService:
    """Build the service of Slack's events."""
    return EventService(
        apps=installs.apps,
        installations=installs.installations,
        questions=stores.questions,
        queue=remotes.queue,
        metrics=stores.metrics,
        clock=remotes.clock,
    )


def build_interactions(
    installs: InstallationStores, stores: QuestionStores, remotes: Remotes
) -> InteractionService:
    """Build the service of Slack's interactions."""
    reasking = ReaskingService(
        questions=stores.questions,
        answers=stores.answers,
        failed_questions=stores.failed_questions,
        queue=remotes.queue,
        clock=remotes.clock,
    )
    return InteractionService(
        installations=installs.installations,
        failed_questions=stores.failed_questions,
        answers=stores.answers,
        feedback=stores.feedback,
        reasking=reasking,
        queue=remotes.queue,
    )


def build_messaging(settings: Settings, stores: QuestionStores, remotes: Remotes) -> MessagingService:
    """Build the service that makes single calls to Slack."""
    return MessagingService(
        pauses=stores.pauses,
        slack=remotes.slack,
        metrics=stores.metrics,
        shared_app_id=settings.slack_app.app_id if settings.slack_app else None,
    )


def build_answers(
    installs: InstallationStores,
    stores: QuestionStores,
    remotes: Remotes,
    tokens: TokenService,
    messaging: MessagingService,
) -> AnswerService:
    """Build the service that answers questions in a worker."""
    asking = AskingService(
        sectorflow=remotes.sectorflow,
        conversations=stores.conversations,
        answers=stores.answers,
        metrics=stores.metrics,
        clock=remotes.clock,
    )
    posting = PostingService(
        questions=stores.questions, placeholders=stores.placeholders, messaging=messaging
    )
    return AnswerService(
        installations=installs.installations,
        questions=stores.questions,
        conversations=stores.conversations,
        answers=stores.answers,
        queue=remotes.queue,
        asking=asking,
        posting=posting,
        tokens=tokens,
        metrics=stores.metrics,
        clock=remotes.clock,
    )


def build_slack_jobs(
    installs: InstallationStores,
    stores: QuestionStores,
    remotes: Remotes,
    tokens: TokenService,
    messaging: MessagingService,
) -> SlackJobService:
    """Build the service that runs Slack jobs."""
    placeholder = PlaceholderService(
        installations=installs.installations,
        placeholders=stores.placeholders,
        tokens=tokens,
        messaging=messaging,
        slack=remotes.slack,
        clock=remotes.clock,
    )
    return SlackJobService(
        installations=installs.installations,
        tokens=tokens,
        answers=stores.answers,
        placeholders=placeholder,
        rendering=RenderingService(answers=stores.answers, locks=installs.locks, messaging=messaging),
        app_home=AppHomeService(sectorflow=remotes.sectorflow),
        messaging=messaging,
        slack=remotes.slack,
        queue=remotes.queue,
    )


def build_services(
    settings: Settings, connections: Connections, clock: Clock = time.time, remotes: Remotes | None = None
) -> Services:
    """Build the services; ``remotes`` replaces the real ones."""
    store = connections.stores
    installs, questions = installation_stores(settings, store, clock), question_stores(settings, store)
    return _assemble(
        settings, store, installs, questions, remotes or make_remotes(settings, connections, clock)
    )


def _assemble(
    settings: Settings,
    store: redis.Redis,
    installs: InstallationStores,
    questions: QuestionStores,
    remotes: Remotes,
) -> Services:
    tokens, messaging = build_tokens(installs, remotes), build_messaging(settings, questions, remotes)
    registration = build_registration(settings, installs, remotes)
    return Services(
        registration=registration,
        oauth=build_oauth(settings, installs, remotes),
        tokens=tokens,
        revocations=registration.revocations,
        events=build_events(installs, questions, remotes),
        interactions=build_interactions(installs, questions, remotes),
        answers=build_answers(installs, questions, remotes, tokens, messaging),
        slack_jobs=build_slack_jobs(installs, questions, remotes, tokens, messaging),
        feedback=questions.feedback,
        apps=installs.apps,
        failed_questions=questions.failed_questions,
        backup=installs.backup,
        rate_limit=RateLimit(store, settings.install_rate_limit),
        keyring=installs.keyring,
        metrics=questions.metrics,
        read_metrics=questions.metrics.read,
        missing=partial(missing_parts, store),
        warnings=partial(warnings, store),
        slack=remotes.slack,
        sectorflow=remotes.sectorflow,
        checkup=StoreCheckup(store, installs.keyring),
    )
