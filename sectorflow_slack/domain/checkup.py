"""The figures that ``doctor`` checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from sectorflow_slack.domain.metrics import Memory

#: Iterates over a collection, and may show the progress.
Watch = Callable[[Collection[str]], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFigures:
    """The state of Redis; None for values that it does not report."""

    #: The median of a few round trips, in milliseconds.
    round_trip_ms: float
    version: str | None
    memory: Memory
    #: ``maxmemory-policy``.
    policy: str | None
    #: How data survives a restart: an append-only file, snapshots, or not at all.
    persistence: Literal["aof", "rdb", "nothing"] | None
    #: The needed commands that the user of REDIS_URL may not run.
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFigures:
    """The state of the encrypted records."""

    records: int
    #: How many fields only an older key decrypts.
    outdated: int
    #: Fields that no key decrypts, as ``{Redis key} {field}``.
    lost: tuple[str, ...]
    #: How many bot tokens are still to be revoked.
    revocations: int
    #: False if there are more records than were checked.
    is_complete: bool
