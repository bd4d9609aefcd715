"""Bot tokens of deleted installations, until Slack has revoked them.

===================================  =====================================================================
``revocation:{app_id}:{tenant_id}``  hash: the sealed tokens, when they expire, and the number of failed
                                     tries; for 30 days
``revocations``                      sorted set of ``{app_id}:{tenant_id}`` by when each is due
===================================  =====================================================================
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
from sectorflow_slack.storage.keys import installation_key, revocation_key
from sectorflow_slack.storage.records import (
    Fields,
    open_tokens,
    optional_time,
    read_optional_time,
    token_fields,
)
from sectorflow_slack.storage.scripts import NOW

logger = logging.getLogger(__name__)

REVOCATIONS = "revocations"
#: A token that Slack has not revoked by then is forgotten.
LIFETIME_SECONDS = 30 * 24 * 3600
#: How long a worker leases a revocation.
LEASE_SECONDS = 60
#: How long a revocation that does not decrypt waits: its encryption key may be restored.
UNREADABLE_SECONDS = 3600

#: Leases the first revocation that is due until ``ARGV[1]`` seconds from now, and returns its member and its
#: hash. Drops members whose record has expired.
_LEASE = (
    NOW
    + """
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
)

#: Makes a revocation due later and updates its fields, unless it is gone or of another installation.
_RELEASE = (
    NOW
    + """
local due, record = unpack(KEYS)
local member, id, delay = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('HGET', record, 'installation_id') ~= id then
  return
end
redis.call('ZADD', due, string.format('%.6f', now + delay), member)
if #ARGV > 3 then
  redis.call('HSET', record, unpack(ARGV, 4))
end
"""
)

#: Deletes a revocation, unless it is of another installation.
_COMPLETE = """
local due, record = unpack(KEYS)
if redis.call('HGET', record, 'installation_id') == ARGV[2] then
  redis.call('DEL', record)
  redis.call('ZREM', due, ARGV[1])
end
"""


class RevocationStore:
    """Stores the bot tokens that are still to be revoked at Slack.

    Each step is atomic. A step on a revocation that is gone, or that a later installation of the same app and
    team has replaced, does nothing.
    """

    def __init__(self, redis: Redis, cipher: Cipher, *, lease: float = LEASE_SECONDS) -> None:
        self._redis = redis
        self._cipher = cipher
        self._lease = lease
        self._lease_script = redis.register_script(_LEASE)
        self._release_script = redis.register_script(_RELEASE)
        self._complete_script = redis.register_script(_COMPLETE)

    @translate_errors
    def lease(self) -> Revocation | None:
        """Lease the first revocation that is due; None if none is."""
        while found := self._lease_script(keys=[REVOCATIONS], args=[self._lease]):
            key = InstallationKey.parse(str(found[0]))
            try:
                return self._read(key, _fields(found[1]))
            except CannotDecrypt as error:
                logger.error("revocation cannot be read: %s", error.location)
                self._postpone(key, _fields(found[1])["installation_id"], UNREADABLE_SECONDS, [])
        return None

    @translate_errors
    def complete(self, revocation: Revocation) -> None:
        """Delete a revocation and its tokens."""
        key = revocation.key
        self._complete_script(
            keys=[REVOCATIONS, revocation_key(key)], args=[str(key), revocation.installation_id]
        )

    @translate_errors
    def release(self, revocation: Revocation, delay: float) -> None:
        """Make a revocation due in ``delay`` seconds, with its present tokens and tries."""
        fields = _sealed(self._cipher, revocation) | {"tries": str(revocation.tries)}
        self._postpone(revocation.key, revocation.installation_id, delay, flat(fields))

    def _postpone(self, key: InstallationKey, installation_id: str, delay: float, fields: list[str]) -> None:
        args = [str(key), installation_id, str(delay), *fields]
        self._release_script(keys=[REVOCATIONS, revocation_key(key)], args=args)

    def _read(self, key: InstallationKey, fields: Fields) -> Revocation:
        return Revocation(
            fields["installation_id"],
            key,
            *open_tokens(self._cipher, revocation_key(key), fields),
            read_optional_time(fields.get("token_expires_at")),
            int(fields.get("tries", 0)),
        )


def revocation_of(cipher: Cipher, key: InstallationKey, stored: Mapping[str, str]) -> Revocation | None:
    """Return the revocation of an installation's tokens; None if its bot token does not decrypt."""
    redis_key, refresh_token = installation_key(key), ""
    try:
        bot_token = cipher.open(redis_key, "bot_token", stored["bot_token"])
    except CannotDecrypt as error:
        logger.error("token never revoked: %s", error)
        return None
    # Without a refresh token, the bot token can still be revoked until it expires.
    with suppress(CannotDecrypt):
        _, refresh_token = open_tokens(cipher, redis_key, stored)
    expires_at = read_optional_time(stored.get("token_expires_at"))
    return Revocation(stored["id"], key, bot_token, refresh_token, expires_at)


def queue_revocation(pipe: Pipeline, cipher: Cipher, revocation: Revocation) -> None:
    """Queue the writes that store a revocation, due at once."""
    key = revocation_key(revocation.key)
    pipe.delete(key)
    write_hash(pipe, key, _sealed(cipher, revocation))
    pipe.expire(key, LIFETIME_SECONDS)
    # Any past time makes it due; 0 needs no clock.
    pipe.zadd(REVOCATIONS, {str(revocation.key): 0})


def drop_revocation(pipe: Pipeline, key: InstallationKey) -> None:
    """Queue the writes that delete a revocation."""
    pipe.delete(revocation_key(key))
    pipe.zrem(REVOCATIONS, str(key))


def _sealed(cipher: Cipher, revocation: Revocation) -> Fields:
    key = revocation_key(revocation.key)
    return {
        "installation_id": revocation.installation_id,
        **token_fields(cipher, key, revocation.bot_token, revocation.refresh_token),
        "token_expires_at": optional_time(revocation.token_expires_at),
    }


def _fields(record: Sequence[object]) -> Fields:
    values = [str(each) for each in record]
    return dict(zip(values[::2], values[1::2], strict=True))
