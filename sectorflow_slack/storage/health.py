"""What Redis lacks, and what of its settings could lose somebody's question or installation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis

#: Older ones lack commands that are used here and by redis-py.
OLDEST_VERSION = (6, 2)


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


def _look(store: redis.Redis) -> _Found:
    with store.pipeline(transaction=False) as pipe:
        pipe.info()
        pipe.config_get("maxmemory-policy")
        pipe.config_get("save")
        # Providers forbid CONFIG, some of them INFO: each answer stands alone.
        answers = pipe.execute(raise_on_error=False)
    info, policy, save = (_as_mapping(answer) for answer in answers)
    appends = info.get("aof_enabled")
    return _Found(
        version=_as_text(info.get("redis_version")),
        policy=_as_text(policy.get("maxmemory-policy") or info.get("maxmemory_policy")),
        appends=None if appends is None else bool(appends),
        snapshots=_as_text(save.get("save")),
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
