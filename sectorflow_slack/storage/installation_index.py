"""What lists installations of every state in the order in which they were registered.

=========================================  ==============================================================
``installations``                          sorted set: all of them
``installations:app:{app_id}``             sorted set: those of an app
``installations:team:{tenant_id}``         sorted set: those in a team or enterprise, or pinned to it
``installations:customer:{sha256}``        sorted set: those of one of the platform's customers
``index-sweep``                            sorted set of JSON: when a pending record is gone, and from where
                                           its entry has to be taken
=========================================  ==============================================================

Members are ``{created, ms, 15 digits}:{id}``, all of score 0, so that Redis keeps them in that order. None
of these keys expires; an entry lives as long as the installation it leads to, in whatever state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from redis import Redis
from redis.client import Pipeline

ALL = "installations"
SWEEP = "index-sweep"
#: How long the install API shows an installation that failed or expired.
AFTERLIFE_SECONDS = 7 * 24 * 3600
#: So many entries of vanished records are looked for whenever one is added.
_SWEPT_AT_ONCE = 10
#: Records looked at by one trip to Redis while the index is built.
_BATCH = 500
_LATEST_MS = 10**15 - 1
#: What of a record it takes to list it.
FIELDS = ("id", "created_at", "app_id", "customer_id")

#: Takes members off a sorted set, unless a record is there, or back.
_FORGET = """
for _, member in ipairs(ARGV) do
  local id = string.sub(member, 17)
  if redis.call('EXISTS', 'pending:' .. id, 'installation-id:' .. id) == 0 then
    redis.call('ZREM', KEYS[1], member)
  end
end
"""

#: Takes entries of pending records that are gone off every index; what is still there is looked at later.
_SWEEP_SOME = """
local time = redis.call('TIME')
local now = tonumber(time[1])
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local known = cjson.decode(entry)
  local id = string.sub(known[1], 17)
  local left = redis.call('TTL', 'pending:' .. id)
  if left >= 0 then
    redis.call('ZADD', KEYS[1], now + left + 1, entry)
  else
    redis.call('ZREM', KEYS[1], entry)
    if redis.call('EXISTS', 'installation-id:' .. id) == 0 then
      for place = 2, #known do
        redis.call('ZREM', known[place], known[1])
      end
    end
  end
end
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """An installation's place in the indexes; the same through all its states, but for the team."""

    member: str
    indexes: tuple[str, ...]

    @classmethod
    def from_record(cls, fields: Mapping[str, str], tenant_id: str | None) -> Entry:
        """Make the entry of a record's fields; ``tenant_id`` is None where it is not known yet."""
        customer = json.loads(fields["customer_id"])
        indexes = [ALL, app_index(fields["app_id"])]
        indexes += [team_index(tenant_id)] if tenant_id else []
        indexes += [] if customer is None else [customer_index(customer)]
        return cls(member_of(fields["id"], float(fields["created_at"])), tuple(indexes))

    def add(self, pipe: Pipeline) -> None:
        """Queue the writes that list it."""
        for index in self.indexes:
            pipe.zadd(index, {self.member: 0})

    def add_until(self, pipe: Pipeline, gone_at: float) -> None:
        """Queue the writes that list it for as long as its pending record lives."""
        self.add(pipe)
        pipe.zadd(SWEEP, {self._all(): gone_at})

    def drop(self, pipe: Pipeline) -> None:
        """Queue the writes that list it no more."""
        for index in self.indexes:
            pipe.zrem(index, self.member)
        pipe.zrem(SWEEP, self._all())

    def _all(self) -> str:
        return json.dumps([self.member, *self.indexes])


def app_index(app_id: str) -> str:
    """Give the key of the index of an app's installations."""
    return f"{ALL}:app:{app_id}"


def team_index(tenant_id: str) -> str:
    """Give the key of the index of a team's installations."""
    return f"{ALL}:team:{tenant_id}"


def customer_index(customer_id: str) -> str:
    """Give the key of the index of a customer's installations; the id may be any text."""
    return f"{ALL}:customer:{hashlib.sha256(customer_id.encode('utf-8', 'surrogatepass')).hexdigest()}"


def member_of(installation_id: str, created_at: float) -> str:
    """Give the member that stands for an installation in every index."""
    created_ms = int(min(max(created_at, 0.0) * 1000, _LATEST_MS))
    return f"{created_ms:015d}:{installation_id}"


def id_of(member: str) -> str:
    """Give the installation's id that a member ends with."""
    return member.partition(":")[2]


def sweep(redis: Redis) -> None:
    """Forget some entries of pending records that have expired, or queue that on a pipeline."""
    redis.eval(_SWEEP_SOME, 1, SWEEP, str(_SWEPT_AT_ONCE))


def forget(redis: Redis, index: str, members: Iterable[str]) -> None:
    """Take members whose records are gone off one index."""
    if gone := list(members):
        redis.eval(_FORGET, 1, index, *gone)
