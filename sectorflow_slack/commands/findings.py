"""What ``flask doctor`` finds: each check ends in findings, one sentence each, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from sectorflow_slack.config import Settings
from sectorflow_slack.domain.checkup import Watch
from sectorflow_slack.services import Services

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    status: Verdict
    message: str
    #: What to do about it; "" where there is nothing to do.
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined, and how thoroughly."""

    settings: Settings
    services: Services
    #: How many sealed records are opened.
    records: int
    #: For how long workers are watched.
    seconds: float
    #: Shows how many of the records are opened.
    watch: Watch = iter


Check = Callable[[Patient], Iterator[Finding]]
