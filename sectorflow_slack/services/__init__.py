"""What the service does, in terms of the domain: registering, consenting, accepting, answering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sectorflow_slack.domain.interfaces import Backup, LetterStore
from sectorflow_slack.domain.metrics import Metrics, Snapshot
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.services.consent import ConsentService
from sectorflow_slack.services.events import EventService
from sectorflow_slack.services.installs import InstallService
from sectorflow_slack.services.interactions import InteractionService
from sectorflow_slack.services.waiting import WaitingService


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of one process."""

    installs: InstallService
    consent: ConsentService
    events: EventService
    interactions: InteractionService
    answers: AnswerService
    waiting: WaitingService
    letters: LetterStore
    backup: Backup
    metrics: Metrics
    read_metrics: Callable[[], Snapshot]
    #: What this process lacks to do its work, and what is to be changed about Redis.
    missing: Callable[[], list[str]]
    warnings: Callable[[], list[str]]
