"""What the service does, in terms of the domain.

==================  =========================================================================================
an installation     ``installs`` (``claims``, ``checking``, ``registering``, ``changes``, ``app_making``,
                    ``manifests``), ``consent``; its tokens: ``tokens``, ``revocations``
an event            ``payloads``, ``events``: what is a question is stored
a question          ``answers``: ``asking`` (``plans``), then ``posting`` (``speaking``); where something
                    goes wrong ``recovery`` (``failures``, ``retries``, ``insisting``, ``best_effort``)
a press             ``presses``, ``interactions``, ``reasking``
an errand           ``errands``: ``interim``, ``drawing``, ``hosting``
==================  =========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sectorflow_slack.domain.checkup import SectorFlowAdminClient, SlackProbe
from sectorflow_slack.domain.metrics import Snapshot
from sectorflow_slack.services.answering import AnswerService
from sectorflow_slack.services.events import EventService
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
    #: What this process lacks to do its work, and what is to be changed about Redis.
    missing: Callable[[], list[str]]
    warnings: Callable[[], list[str]]
    #: What operators try and examine by hand.
    slack: SlackProbe
    sectorflow: SectorFlowAdminClient
    checkup: StoreCheckup
