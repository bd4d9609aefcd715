"""What Redis lacks, and what of its settings could lose somebody's question or installation."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import redis

from sectorflow_slack.domain.checkup import SealedFigures, StoreFigures, Watch
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.storage.connection import translate_errors
from sectorflow_slack.storage.keyring import KeyRing

#: Older ones lack commands that are used here and by redis-py.
OLDEST_VERSION = (6, 2)
#: Round trips that are measured.
_ROUND_TRIPS = 5
#: Where dramatiq keeps the ids of processes by when each last asked something of its queues, in ms.
_HEARTBEATS = "dramatiq:__heartbeats__"


def missing_parts(store: redis.Redis) -> list[str]:
    """Name what a web process lacks: all it needs is Redis, and that it takes writes."""
    try:
        store.set("readiness", "1", ex=60)
    except redis.RedisError:
        return ["redis"]
    return []


def warnings(store: redis.Redis) -> list[str]:
    """Say in plain sentences what to change about Redis; nothing of what cannot be found out."""
    try:
        found = _look(store)
    except redis.RedisError:
        return []
    said = (_warn_of_eviction(found), _warn_of_forgetting(found), _warn_of_age(found))
    return [warning for warning in said if warning]


@dataclass(frozen=True, slots=True)
class _Found:
    """What Redis says of itself; None where it does not say."""

    version: str | None
    policy: str | None
    appends: bool | None
    #: When snapshots are written; "" for never.
    snapshots: str | None
    #: All of its INFO; empty where that is forbidden.
    info: Mapping[str, Any]

    @property
    def kept(self) -> Literal["aof", "rdb", "nothing"] | None:
        """Say how data outlasts a restart, as far as it says."""
        if self.appends:
            return "aof"
        if self.snapshots:
            return "rdb"
        return None if self.appends is None else "nothing"


def _look(store: redis.Redis) -> _Found:
    with store.pipeline(transaction=False) as pipe:
        pipe.info()
        pipe.config_get("maxmemory-policy")
        pipe.config_get("save")
        pipe.config_get("appendonly")
        # Providers forbid CONFIG, some of them INFO: each answer stands alone.
        answers = pipe.execute(raise_on_error=False)
    info, policy, save, append_only = (_as_mapping(answer) for answer in answers)
    appends = info.get("aof_enabled", {"yes": 1, "no": 0}.get(append_only.get("appendonly", "")))
    return _Found(
        version=_as_text(info.get("redis_version")),
        policy=_as_text(policy.get("maxmemory-policy") or info.get("maxmemory_policy")),
        appends=None if appends is None else bool(appends),
        snapshots=_as_text(save.get("save")),
        info=info,
    )


def _warn_of_eviction(found: _Found) -> str | None:
    if found.policy is None or found.policy == "noeviction":
        return None
    # What has no expiry, an installation for one, is safe from the policies that begin with "volatile".
    victims = "questions" if found.policy.startswith("volatile-") else "installations and questions"
    return (
        f"Redis may drop {victims} when its memory is full: "
        f"maxmemory-policy is {found.policy}; set it to noeviction."
    )


def _warn_of_forgetting(found: _Found) -> str | None:
    if found.appends is not False or found.snapshots:
        return None
    if found.snapshots is None:
        return (
            "Redis keeps no append-only file: a restart may lose installations and questions; "
            "set appendonly to yes, or take a plan that persists."
        )
    return "Redis keeps nothing on disk: a restart loses installations and questions; set appendonly to yes."


def _warn_of_age(found: _Found) -> str | None:
    numbers = re.match(r"(\d+)\.(\d+)", found.version or "")
    if numbers is None or (int(numbers[1]), int(numbers[2])) >= OLDEST_VERSION:
        return None
    return f"Redis {found.version} is too old; use 6.2 or newer, or Valkey."


def _as_mapping(answer: Any) -> Mapping[str, Any]:
    return answer if isinstance(answer, dict) else {}


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)


def _different(places: Iterable[str]) -> Iterator[str]:
    """Go through places as they come, through each of them once."""
    seen: set[str] = set()
    for place in places:
        if place not in seen:
            seen.add(place)
            yield place


class StoreCheckup:
    """Examines Redis and what is in it. Every method may raise ``StorageUnavailable``."""

    def __init__(self, client: redis.Redis, keyring: KeyRing) -> None:
        """Take a client that gives text."""
        self._redis = client
        self._keyring = keyring

    @translate_errors
    def figures(self) -> StoreFigures:
        """Say how Redis does."""
        self._redis.ping()
        trips = [self._round_trip() for _ in range(_ROUND_TRIPS)]
        found = _look(self._redis)
        return StoreFigures(
            round_trip_ms=statistics.median(trips),
            version=found.version,
            used_bytes=found.info.get("used_memory"),
            limit_bytes=found.info.get("maxmemory") or None,
            policy=found.policy,
            kept=found.kept,
        )

    @translate_errors
    def sealed(self, most: int, watch: Watch = iter) -> SealedFigures:
        """Look through what is sealed, ``most`` records at most; changes nothing."""
        coming = _different(self._keyring.places())
        places = list(islice(coming, most))
        is_complete = next(coming, None) is None
        outdated, lost = 0, []
        for place in watch(places):
            found = self._keyring.check(place)
            outdated += found.renewed
            lost += [f"{place} {field}" for field in found.lost]
        return SealedFigures(
            records=len(places),
            outdated=outdated,
            lost=tuple(lost),
            revocations=sum(place.startswith("revocation:") for place in places),
            is_complete=is_complete,
        )

    @translate_errors
    def awaits_revocation(self, key: InstallationKey) -> bool:
        """Say whether the bot token of a deleted installation is still to be taken back at Slack."""
        return bool(self._redis.exists(f"revocation:{key}"))

    @translate_errors
    def workers(self, seconds: float) -> int:
        """Count the processes that take jobs, by watching them for ``seconds``.

        A worker asks its queues several times a second. A web process is noted, too, when it wakes a worker:
        one that does so again and again meanwhile is counted with them.
        """
        moments = [self._heartbeats()]
        for _ in range(2):
            time.sleep(seconds / 2)
            moments.append(self._heartbeats())
        first, second, third = moments
        return sum(first.get(name, 0.0) < second.get(name, 0.0) < beat for name, beat in third.items())

    def _heartbeats(self) -> dict[str, float]:
        found: Any = self._redis.zrange(_HEARTBEATS, 0, -1, withscores=True)
        return {str(name): float(beat) for name, beat in found}

    def _round_trip(self) -> float:
        start = time.perf_counter()
        self._redis.ping()
        return (time.perf_counter() - start) * 1000
