"""The composition root: make the stores and the clients, and build the services from them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property, partial

import redis

from sectorflow_slack.clients.http import open_session
from sectorflow_slack.clients.sectorflow import HttpSectorFlowClient
from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.ports import Clock, SectorFlowClient, SlackClient
from sectorflow_slack.domain.slack import OAUTH_REDIRECT_PATH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answering import AnswerService
from sectorflow_slack.services.app_creation import AppCreator
from sectorflow_slack.services.app_home import AppHomeService
from sectorflow_slack.services.asking import AskingService
from sectorflow_slack.services.dialogs import DialogService
from sectorflow_slack.services.events import EventService
from sectorflow_slack.services.idempotency import IdempotencyService
from sectorflow_slack.services.install_page import RATES, InstallPageService
from sectorflow_slack.services.interactions import InteractionService
from sectorflow_slack.services.messaging import MessagingService, PostingService
from sectorflow_slack.services.oauth import TRIPS, OAuthService
from sectorflow_slack.services.registration import RegistrationService
from sectorflow_slack.services.rendering import RenderingService
from sectorflow_slack.services.revocations import RevocationService
from sectorflow_slack.services.slack_jobs import THREADS as SLACK_JOB_THREADS
from sectorflow_slack.services.slack_jobs import SlackJobService
from sectorflow_slack.services.statuses import StatusService
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


def open_connection(settings: Settings, timeouts: Timeouts) -> redis.Redis:
    """Make a process's client of Redis; it connects with its first command."""
    return connect(settings.redis_url, timeouts, tls_verify=settings.redis_tls_verify)


class Stores:
    """A process's stores, all on one client of Redis."""

    def __init__(self, settings: Settings, client: redis.Redis, clock: Clock) -> None:
        self.client = client
        cipher, days = Cipher(settings.encryption_keys), settings.answer_retention_days
        self.apps = AppStore(client, cipher, settings.slack_app)
        self.installations = InstallationStore(client, cipher)
        self.pendings = PendingStore(client, cipher)
        self.listing = InstallationListing(client, cipher, clock)
        self.states = OAuthStateStore(client, cipher)
        self.digests = TokenDigests(client, cipher)
        self.install_forms = InstallFormStore(client, cipher)
        self.idempotency = IdempotencyStore(client, cipher)
        self.revocations = RevocationStore(client, cipher)
        self.locks = Locks(client)
        self.backup = Backup(client, cipher)
        self.keyring = KeyRing(client, cipher)
        self.rate_limit = RateLimit(client, settings.install_rate_limit)
        self.trips = RateLimit(client, TRIPS, "install_trips")
        limits = _limits(settings)
        self.questions = QuestionStore(client, cipher, limits=limits)
        self.failed_questions = FailedQuestionStore(client, cipher, limit=limits.underway)
        self.slack_jobs = SlackJobQueue(client)
        self.answers = AnswerStore(client, cipher, retention_days=days)
        self.feedback = FeedbackStore(client, retention_days=days)
        self.statuses = StatusStore(client, cipher)
        self.conversations = ConversationStore(client)
        self.pauses = PauseStore(client)
        self.metrics = Metrics(client)
        self.checkup = StoreCheckup(client, self.keyring)


def _limits(settings: Settings) -> QuestionLimits:
    per_person, period_seconds = settings.questions_per_person
    return QuestionLimits(
        # At most half of a worker's threads.
        underway=min(settings.questions_per_installation, max(1, settings.worker_threads // 2)),
        waiting=settings.waiting_per_installation,
        per_person=per_person,
        period_seconds=period_seconds,
    )


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
    return _Builder(settings, Stores(settings, client, clock), remotes).services()


class _Builder:
    """Builds the services, with one of each service that several others use."""

    def __init__(self, settings: Settings, stores: Stores, remotes: Remotes) -> None:
        self._settings = settings
        self._stores = stores
        self._remotes = remotes
        self._tokens = TokenService(
            apps=stores.apps,
            installations=stores.installations,
            slack=remotes.slack,
            locks=stores.locks,
            clock=remotes.clock,
        )
        self._messaging = MessagingService(
            installations=stores.installations,
            pauses=stores.pauses,
            slack=remotes.slack,
            metrics=stores.metrics,
            shared_app_id=settings.slack_app.app_id if settings.slack_app else None,
        )
        self._revocations = RevocationService(
            revocations=stores.revocations,
            installations=stores.installations,
            apps=stores.apps,
            slack=remotes.slack,
            clock=remotes.clock,
        )

    @cached_property
    def _statuses(self) -> StatusService:
        return StatusService(
            installations=self._stores.installations,
            statuses=self._stores.statuses,
            tokens=self._tokens,
            messaging=self._messaging,
            slack=self._remotes.slack,
            queue=self._stores.slack_jobs,
        )

    def services(self) -> Services:
        """Build all services of a process."""
        stores, remotes = self._stores, self._remotes
        return Services(
            registration=self._registration,
            oauth=self._oauth(),
            install_page=self._install_page(),
            tokens=self._tokens,
            revocations=self._revocations,
            events=self._events(),
            interactions=self._interactions(),
            answers=self._answers(),
            slack_jobs=self._slack_jobs(),
            feedback=stores.feedback,
            apps=stores.apps,
            failed_questions=stores.failed_questions,
            backup=stores.backup,
            rate_limit=stores.rate_limit,
            keyring=stores.keyring,
            metrics=stores.metrics,
            read_metrics=stores.metrics.read,
            missing=partial(missing_parts, stores.client),
            warnings=partial(warnings, stores.client),
            slack=remotes.slack,
            sectorflow=remotes.sectorflow,
            checkup=stores.checkup,
        )

    @cached_property
    def _registration(self) -> RegistrationService:
        settings, stores, remotes = self._settings, self._stores, self._remotes
        return RegistrationService(
            installations=stores.installations,
            pendings=stores.pendings,
            listing=stores.listing,
            idempotency=IdempotencyService(idempotency=stores.idempotency, digests=stores.digests),
            app_creator=AppCreator(
                slack=remotes.slack, idempotency=stores.idempotency, public_url=settings.public_url
            ),
            revocations=self._revocations,
            sectorflow=remotes.sectorflow,
            digests=stores.digests,
            own_app=settings.slack_app,
            clock=remotes.clock,
        )

    def _install_page(self) -> InstallPageService:
        stores, remotes = self._stores, self._remotes
        return InstallPageService(
            forms=stores.install_forms,
            registration=self._registration,
            sectorflow=remotes.sectorflow,
            digests=stores.digests,
            limits={name: RateLimit(stores.client, rate, name) for name, rate in RATES.items()},
        )

    def _oauth(self) -> OAuthService:
        stores, remotes = self._stores, self._remotes
        return OAuthService(
            apps=stores.apps,
            installations=stores.installations,
            pendings=stores.pendings,
            states=stores.states,
            trips=stores.trips,
            slack=remotes.slack,
            redirect_uri=self._settings.public_url + OAUTH_REDIRECT_PATH,
            clock=remotes.clock,
        )

    def _events(self) -> EventService:
        stores, remotes = self._stores, self._remotes
        return EventService(
            apps=stores.apps,
            installations=stores.installations,
            questions=stores.questions,
            queue=stores.slack_jobs,
            metrics=stores.metrics,
            clock=remotes.clock,
        )

    def _interactions(self) -> InteractionService:
        stores, remotes = self._stores, self._remotes
        return InteractionService(
            installations=stores.installations,
            dialogs=DialogService(
                installations=stores.installations,
                questions=stores.questions,
                conversations=stores.conversations,
                answers=stores.answers,
                queue=stores.slack_jobs,
                clock=remotes.clock,
            ),
            failed_questions=stores.failed_questions,
            answers=stores.answers,
            feedback=stores.feedback,
            queue=stores.slack_jobs,
            clock=remotes.clock,
        )

    def _answers(self) -> AnswerService:
        stores, remotes = self._stores, self._remotes
        return AnswerService(
            installations=stores.installations,
            questions=stores.questions,
            conversations=stores.conversations,
            answers=stores.answers,
            queue=stores.slack_jobs,
            asking=AskingService(
                sectorflow=remotes.sectorflow,
                conversations=stores.conversations,
                answers=stores.answers,
                metrics=stores.metrics,
                clock=remotes.clock,
            ),
            posting=PostingService(questions=stores.questions, messaging=self._messaging),
            statuses=self._statuses,
            tokens=self._tokens,
            metrics=stores.metrics,
            clock=remotes.clock,
        )

    def _slack_jobs(self) -> SlackJobService:
        stores, remotes, messaging = self._stores, self._remotes, self._messaging
        return SlackJobService(
            installations=stores.installations,
            tokens=self._tokens,
            answers=stores.answers,
            conversations=stores.conversations,
            rendering=RenderingService(answers=stores.answers, locks=stores.locks, messaging=messaging),
            app_home=AppHomeService(
                sectorflow=remotes.sectorflow,
                support_url=self._settings.support_url,
                privacy_url=self._settings.privacy_url,
            ),
            messaging=messaging,
            statuses=self._statuses,
            slack=remotes.slack,
            queue=stores.slack_jobs,
        )
