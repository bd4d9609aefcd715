"""What the service does, in terms of the domain: registering, consenting, accepting, answering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.services.consent import ConsentService
from sectorflow_slack.services.events import EventService
from sectorflow_slack.services.installs import InstallService


class Readiness(Protocol):
    """Says what this process lacks to do its work."""

    def __call__(self) -> list[str]:
        """Name what is missing; an empty list when all is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of one process."""

    installs: InstallService
    consent: ConsentService
    events: EventService
    answers: AnswerService
    missing: Readiness
