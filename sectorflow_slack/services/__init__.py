"""The service's behaviour, in terms of the domain; every method may raise ``StorageUnavailable``.

==================  =========================================================================================
an installation     ``registration`` (``idempotency``, ``app_creation``, ``manifests``), then ``oauth``; its
                    bot token: ``tokens``, ``revocations``; the page for people: ``install_page``
an event            ``events`` (``event_payloads``)
a question          ``answering`` (``asking``, ``statuses``, ``messaging``; ``failures``, ``resilience``)
an interaction      ``interactions`` (``interaction_payloads``), ``dialogs``
a Slack job         ``slack_jobs`` (``rendering``, ``app_home``)
==================  =========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sectorflow_slack.domain.metrics import Snapshot
from sectorflow_slack.domain.ports import SectorFlowClient, SlackClient
from sectorflow_slack.services.answering import AnswerService
from sectorflow_slack.services.events import EventService
from sectorflow_slack.services.install_page import InstallPageService
from sectorflow_slack.services.interactions import InteractionService
from sectorflow_slack.services.oauth import OAuthService
from sectorflow_slack.services.registration import RegistrationService
from sectorflow_slack.services.revocations import RevocationService
from sectorflow_slack.services.slack_jobs import SlackJobService
from sectorflow_slack.services.tokens import TokenService
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.backup import Backup
from sectorflow_slack.storage.failed_questions import FailedQuestionStore
from sectorflow_slack.storage.feedback import FeedbackStore
from sectorflow_slack.storage.health import StoreCheckup
from sectorflow_slack.storage.keyring import KeyRing
from sectorflow_slack.storage.metrics import Metrics
from sectorflow_slack.storage.rate_limits import RateLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of one process."""

    registration: RegistrationService
    oauth: OAuthService
    install_page: InstallPageService
    tokens: TokenService
    revocations: RevocationService
    events: EventService
    interactions: InteractionService
    answers: AnswerService
    slack_jobs: SlackJobService
    feedback: FeedbackStore
    apps: AppStore
    failed_questions: FailedQuestionStore
    backup: Backup
    rate_limit: RateLimit
    keyring: KeyRing
    metrics: Metrics
    read_metrics: Callable[[], Snapshot]
    #: The parts that this process cannot work without and lacks, and faults of the configuration of Redis.
    missing: Callable[[], list[str]]
    warnings: Callable[[], list[str]]
    #: For operators' commands.
    slack: SlackClient
    sectorflow: SectorFlowClient
    checkup: StoreCheckup
