"""The indexes that list installations of every state in the order of their registration.

=========================================  ==============================================================
``installations``                          sorted set: all of them
``installations:app:{app_id}``             sorted set: those of an app
``installations:team:{tenant_id}``         sorted set: those in a team or enterprise, or restricted to it
``installations:customer:{sha256}``        sorted set: those of one of the platform's customers
``installations:token:{digest}``           sorted set: those with one API token, by its keyed digest
``index-sweep``                            sorted set by when a pending record expires: JSON of its member and
                                           of the indexes that have it
=========================================  ==============================================================

Members are ``{created, ms, 15 digits}:{id}``, all of score 0, so that Redis sorts them by time. None of these
keys expires; an entry lives as long as its installation, in any state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.storage.keys import digest

ALL = "installations"
SWEEP = "index-sweep"
#: How long the install API shows an installation that failed or expired.
AFTERLIFE_SECONDS = 7 * 24 * 3600
#: Entries of expired records that are removed whenever one is added.
_SWEPT_AT_ONCE = 10
_LATEST_MS = 10**15 - 1
#: The fields of a record that its entry is made from.
FIELDS = ("id", "created_at", "app_id", "customer_id", "token_digest")

#: Removes members from an index, unless their record exists.
_REMOVE_STALE = """
for _, member in ipairs(ARGV) do
  local id = string.sub(member, 17)
  if redis.call('EXISTS', 'pending:' .. id, 'installation-id:' .. id) == 0 then
    redis.call('ZREM', KEYS[1], member)
  end
end
"""

#: Removes the entries of expired pending records from every index; postpones those that have not expired.
_SWEEP = """
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
      for at = 2, #known do
        redis.call('ZREM', known[at], known[1])
      end
    end
  end
end
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """An installation's member and the indexes that have it; only the team index depends on its state."""

    member: str
    indexes: tuple[str, ...]

    @classmethod
    def from_record(cls, fields: Mapping[str, str], tenant_id: str | None) -> Entry:
        """Return the entry of a record; ``tenant_id`` is None until it is known."""
        customer_id, token_digest = json.loads(fields["customer_id"]), fields.get("token_digest")
        indexes = indexes_of(fields["app_id"], tenant_id or None, customer_id, token_digest or None)
        return cls(member_of(fields["id"], float(fields["created_at"])), (ALL, *indexes))

    def add(self, pipe: Pipeline) -> None:
        """Queue the writes that add the entry."""
        for index in self.indexes:
            pipe.zadd(index, {self.member: 0})

    def add_until(self, pipe: Pipeline, expires_at: float) -> None:
        """Queue the writes that add the entry until its pending record expires."""
        self.add(pipe)
        pipe.zadd(SWEEP, {self._all(): expires_at})

    def drop(self, pipe: Pipeline) -> None:
        """Queue the writes that remove the entry."""
        for index in self.indexes:
            pipe.zrem(index, self.member)
        pipe.zrem(SWEEP, self._all())

    def _all(self) -> str:
        return json.dumps([self.member, *self.indexes])


def indexes_of(
    app_id: str | None, tenant_id: str | None, customer_id: str | None, token_digest: str | None
) -> list[str]:
    """Return the keys of the indexes by each argument that is not None, in their order."""
    customer = None if customer_id is None else digest(customer_id)
    known = {"app": app_id, "team": tenant_id, "customer": customer, "token": token_digest}
    return [f"{ALL}:{kind}:{value}" for kind, value in known.items() if value is not None]


def member_of(installation_id: str, created_at: float) -> str:
    """Return an installation's member, the same in every index."""
    created_ms = int(min(max(created_at, 0.0) * 1000, _LATEST_MS))
    return f"{created_ms:015d}:{installation_id}"


def id_of(member: str) -> str:
    """Return the installation id in a member."""
    return member.partition(":")[2]


def sweep(redis: Redis) -> None:
    """Remove some entries of expired pending records; on a pipeline, queue that."""
    redis.eval(_SWEEP, 1, SWEEP, str(_SWEPT_AT_ONCE))


def remove_stale(redis: Redis, index: str, members: Iterable[str]) -> None:
    """Remove members from one index, unless their record exists."""
    if stale := list(members):
        redis.eval(_REMOVE_STALE, 1, index, *stale)
