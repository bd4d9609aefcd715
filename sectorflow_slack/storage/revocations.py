"""Bot tokens of deleted installations, until Slack has taken them back.

==================================  ==================================================================
``revocation:{app_id}:{tenant_id}``  hash: the tokens, sealed; until when they are good, how often Slack was
                                    asked in vain; 30 days
``revocations``                     sorted set of ``{app_id}:{tenant_id}``: when each is due
==================================  ==================================================================
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import InstallationKey, Revocation
from sectorflow_slack.storage.connection import flat, translate_errors, write_hash
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import installation_key
from sectorflow_slack.storage.records import (
    Fields,
    open_tokens,
    optional_time,
    read_optional_time,
    token_fields,
)

logger = logging.getLogger(__name__)

REVOCATIONS = "revocations"
#: Slack is asked for so long; a token that it has not taken back by then is forgotten here.
LIFETIME_SECONDS = 30 * 24 * 3600
#: How long nobody else gets a revocation that was taken.
LEASE_SECONDS = 60
#: When one that no key opens is looked at again: the key may be put back.
UNREADABLE_SECONDS = 3600

#: Gives the first revocation that is due, as its member and its hash, and makes it due again later. One
#: whose record has expired is dropped.
_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
while true do
  local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)[1]
  if not due then
    return false
  end
  local record = redis.call('HGETALL', 'revocation:' .. due)
  if #record > 0 then
    redis.call('ZADD', KEYS[1], string.format('%.6f', now + tonumber(ARGV[1])), due)
    return {due, record}
  end
  redis.call('ZREM', KEYS[1], due)
end
"""

#: Makes a revocation due later, with the fields it has now; one that is gone or another stays as it is.
_PUT_BACK = """
local due, record = unpack(KEYS)
local member, id, delay = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('HGET', record, 'installation_id') ~= id then
  return 0
end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
redis.call('ZADD', due, string.format('%.6f', now + delay), member)
if #ARGV > 3 then
  redis.call('HSET', record, unpack(ARGV, 4))
end
return 1
"""

_DONE = """
local due, record = unpack(KEYS)
if redis.call('HGET', record, 'installation_id') == ARGV[2] then
  redis.call('DEL', record)
  redis.call('ZREM', due, ARGV[1])
end
"""


class RevocationStore:
    """Keeps bot tokens that are still to be taken back at Slack."""

    def __init__(self, redis: Redis, cipher: Cipher, *, lease: float = LEASE_SECONDS) -> None:
        """Take the store, the cipher, and for how many seconds nobody else gets what was taken."""
        self._redis = redis
        self._cipher = cipher
        self._lease = lease
        self._take = redis.register_script(_TAKE)
        self._put_back = redis.register_script(_PUT_BACK)
        self._done = redis.register_script(_DONE)

    @translate_errors
    def lease(self) -> Revocation | None:
        """Take one that is due; nobody else gets it for a minute. None where none is due."""
        while found := self._take(keys=[REVOCATIONS], args=[self._lease]):
            key = InstallationKey(*str(found[0]).split(":"))
            try:
                return self._read(key, _fields(found[1]))
            except CannotDecrypt as error:
                logger.error("revocation cannot be read: %s", error.place)
                self._postpone(key, _fields(found[1])["installation_id"], UNREADABLE_SECONDS, [])
        return None

    @translate_errors
    def complete(self, revocation: Revocation) -> None:
        """Forget a revocation, and with it the token; a later one of the same place stays."""
        key = revocation.key
        self._done(keys=[REVOCATIONS, _place(key)], args=[str(key), revocation.installation_id])

    @translate_errors
    def release(self, revocation: Revocation, delay: float) -> None:
        """Have it taken again in ``delay`` seconds, with the tokens it has now, unless it is gone."""
        fields = _sealed(self._cipher, revocation) | {"tries": str(revocation.tries)}
        self._postpone(revocation.key, revocation.installation_id, delay, flat(fields))

    def _postpone(self, key: InstallationKey, installation_id: str, delay: float, fields: list[str]) -> None:
        args = [str(key), installation_id, str(delay), *fields]
        self._put_back(keys=[REVOCATIONS, _place(key)], args=args)

    def _read(self, key: InstallationKey, fields: Fields) -> Revocation:
        return Revocation(
            fields["installation_id"],
            key,
            *open_tokens(self._cipher, _place(key), fields),
            read_optional_time(fields.get("token_expires_at")),
            int(fields.get("tries", 0)),
        )


def revocation_of(cipher: Cipher, key: InstallationKey, held: Mapping[str, str]) -> Revocation | None:
    """Give what is to be taken back of an installation's record; None where no key opens its bot token."""
    place, refresh_token = installation_key(key), ""
    try:
        bot_token = cipher.open(place, "bot_token", held["bot_token"])
    except CannotDecrypt as error:
        logger.error("token never revoked: %s", error)
        return None
    # Without the next one, this one is revoked all the same while it lives.
    with suppress(CannotDecrypt):
        _, refresh_token = open_tokens(cipher, place, held)
    expires_at = read_optional_time(held.get("token_expires_at"))
    return Revocation(held["id"], key, bot_token, refresh_token, expires_at)


def queue_revocation(pipe: Pipeline, cipher: Cipher, revocation: Revocation) -> None:
    """Queue the writes that keep a token for revocation, due at once."""
    place = _place(revocation.key)
    pipe.delete(place)
    write_hash(pipe, place, _sealed(cipher, revocation))
    pipe.expire(place, LIFETIME_SECONDS)
    # Any moment that is past will do: the earliest needs no clock.
    pipe.zadd(REVOCATIONS, {str(revocation.key): 0})


def drop_revocation(pipe: Pipeline, key: InstallationKey) -> None:
    """Queue the writes that forget a revocation."""
    pipe.delete(_place(key))
    pipe.zrem(REVOCATIONS, str(key))


def _sealed(cipher: Cipher, revocation: Revocation) -> Fields:
    place = _place(revocation.key)
    return {
        "installation_id": revocation.installation_id,
        **token_fields(cipher, place, revocation.bot_token, revocation.refresh_token),
        "token_expires_at": optional_time(revocation.token_expires_at),
    }


def _fields(record: Sequence[object]) -> Fields:
    values = [str(each) for each in record]
    return dict(zip(values[::2], values[1::2], strict=True))


def _place(key: InstallationKey) -> str:
    return f"revocation:{key}"
