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

from sectorflow_slack.domain.checkup import SectorFlowDesk, SlackProbe, StoreCheckup
from sectorflow_slack.domain.metrics import Metrics, Snapshot
from sectorflow_slack.domain.question_stores import FeedbackStore, LetterStore
from sectorflow_slack.domain.stores import AppStore, Backup, KeyRing, RateLimit
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.services.consent import ConsentService
from sectorflow_slack.services.errands import ErrandService
from sectorflow_slack.services.events import EventService
from sectorflow_slack.services.installs import InstallService
from sectorflow_slack.services.interactions import InteractionService
from sectorflow_slack.services.interim import InterimService
from sectorflow_slack.services.revocations import RevocationService
from sectorflow_slack.services.tokens import TokenService


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of one process."""

    installs: InstallService
    consent: ConsentService
    tokens: TokenService
    revocations: RevocationService
    events: EventService
    interactions: InteractionService
    answers: AnswerService
    interim: InterimService
    errands: ErrandService
    feedback: FeedbackStore
    apps: AppStore
    letters: LetterStore
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
    sectorflow: SectorFlowDesk
    checkup: StoreCheckup
