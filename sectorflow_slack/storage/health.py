"""Readiness, warnings about Redis's settings, and the figures of ``flask doctor``."""

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
from sectorflow_slack.storage.keys import revocation_key
from sectorflow_slack.storage.memory import read_memory
from sectorflow_slack.storage.permissions import refused_commands

#: Older versions lack commands that this package and redis-py use.
OLDEST_VERSION = (6, 2)
#: Measured round trips.
_ROUND_TRIPS = 5
#: Each worker runs ``TICK`` (``storage.scripts``) at least every three seconds.
_ALIVE_SECONDS = 10


def missing_parts(store: redis.Redis) -> list[str]:
    """Return ["redis"] if Redis refuses writes, which is all that a web process needs, else []."""
    try:
        store.set("readiness", "1", ex=60)
    except redis.RedisError:
        return ["redis"]
    return []


def warnings(store: redis.Redis) -> list[str]:
    """Return a sentence for each setting of Redis to change; [] if Redis is down or forbids the question."""
    try:
        found = _look(store)
    except redis.RedisError:
        return []
    checks = (_warn_of_eviction(found), _warn_of_data_loss(found), _warn_of_age(found))
    return [warning for warning in checks if warning]


@dataclass(frozen=True, slots=True)
class _Found:
    """Redis's own report; None for each fact that it does not report."""

    version: str | None
    policy: str | None
    appends: bool | None
    #: The ``save`` setting; "" for no snapshots.
    snapshots: str | None
    #: The whole INFO; empty if it is forbidden.
    info: Mapping[str, Any]

    @property
    def persistence(self) -> Literal["aof", "rdb", "nothing"] | None:
        """Return how data survives a restart, None if unknown."""
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
        # Providers forbid CONFIG, some also INFO: each reply counts by itself.
        replies = pipe.execute(raise_on_error=False)
    info, policy, save, append_only = (reply if isinstance(reply, dict) else {} for reply in replies)
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
    # The policies that begin with "volatile" spare keys without expiry, such as installations.
    victims = "questions" if found.policy.startswith("volatile-") else "installations and questions"
    return (
        f"Redis may drop {victims} when its memory is full: "
        f"maxmemory-policy is {found.policy}; set it to noeviction."
    )


def _warn_of_data_loss(found: _Found) -> str | None:
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


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)


class StoreCheckup:
    """Examines Redis and the stored records, without changing them."""

    def __init__(self, client: redis.Redis, keyring: KeyRing) -> None:
        self._redis = client
        self._keyring = keyring

    @translate_errors
    def figures(self) -> StoreFigures:
        """Measure the round trip, and return it with Redis's own figures."""
        self._redis.ping()
        trips = [self._round_trip() for _ in range(_ROUND_TRIPS)]
        found = _look(self._redis)
        return StoreFigures(
            round_trip_ms=statistics.median(trips),
            version=found.version,
            memory=read_memory(self._redis),
            policy=found.policy,
            persistence=found.persistence,
            refused=refused_commands(self._redis),
        )

    @translate_errors
    def sealed(self, most: int, watch: Watch = iter) -> SealedFigures:
        """Check whether the sealed fields of at most ``most`` records decrypt."""
        unique = _without_repeats(self._keyring.sealed_keys())
        keys = list(islice(unique, most))
        is_complete = next(unique, None) is None
        outdated, lost = 0, []
        for key in watch(keys):
            found = self._keyring.check(key)
            outdated += found.renewed
            lost += [f"{key} {field}" for field in found.lost]
        return SealedFigures(
            records=len(keys),
            outdated=outdated,
            lost=tuple(lost),
            revocations=sum(key.startswith("revocation:") for key in keys),
            is_complete=is_complete,
        )

    @translate_errors
    def awaits_revocation(self, key: InstallationKey) -> bool:
        """Whether the bot token of a deleted installation is still to be revoked at Slack."""
        return bool(self._redis.exists(revocation_key(key)))

    @translate_errors
    def workers(self) -> int:
        """Count the worker processes that were alive a few seconds ago."""
        seconds, _ = self._redis.time()
        return int(self._redis.zcount("workers", int(seconds) - _ALIVE_SECONDS, "+inf"))

    def _round_trip(self) -> float:
        start = time.perf_counter()
        self._redis.ping()
        return (time.perf_counter() - start) * 1000


def _without_repeats(keys: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for key in keys:
        if key not in seen:
            seen.add(key)
            yield key
