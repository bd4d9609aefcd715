"""Puts everything that is sealed under the first of the encryption keys, while the service runs."""

from __future__ import annotations

from collections.abc import Iterator

import redis

from sectorflow_slack.domain.errors import CannotDecrypt, StorageUnavailable
from sectorflow_slack.domain.installations import Renewal
from sectorflow_slack.storage.connection import read_hash, translate_errors
from sectorflow_slack.storage.crypto import Cipher, looks_sealed

#: How the names of all hashes begin that hold something sealed; which of their fields do, their values show.
SEALED_PREFIXES = (
    "app:",
    "installation:",
    "pending-secrets:",
    "revocation:",
    "idempotency:",
    "question:",
    "letter:",
    "answer:",
)
#: Keys looked through by one step of a scan, which does not hold up Redis.
_BATCH = 500
#: A record that the service writes all the while is left after this many tries: it writes with the new key.
_TRIES = 5

#: Sets fields of a hash that still have the value that was read, and returns how many did. ``ARGV`` is field,
#: old value, new value, field, …; a hash that is gone stays gone, and its expiry is not touched.
_EXCHANGE = """
local exchanged = 0
for i = 1, #ARGV, 3 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
    exchanged = exchanged + 1
  end
end
return exchanged
"""


class KeyRing:
    """Puts what is stored under the first of the encryption keys."""

    def __init__(self, client: redis.Redis, cipher: Cipher) -> None:
        """Take a client that gives text."""
        self._redis = client
        self._cipher = cipher
        self._exchange = client.register_script(_EXCHANGE)

    def places(self) -> Iterator[str]:
        """Go through all Redis keys that hold something sealed; one may come twice.

        Raises:
            StorageUnavailable: Redis went away on the way.

        """
        try:
            for key in self._redis.scan_iter(count=_BATCH, _type="HASH"):
                if str(key).startswith(SEALED_PREFIXES):
                    yield str(key)
        except redis.RedisError as error:
            raise StorageUnavailable(type(error).__name__) from None

    @translate_errors
    def renew(self, place: str) -> Renewal:
        """Seal one place's values anew with the first key, where they are not.

        What another process writes meanwhile stays as that one wrote it.
        """
        renewed = 0
        for _ in range(_TRIES):
            found, outdated = self._sort(place)
            if not outdated:
                break
            renewed += self._write(place, outdated)
        else:
            found, _ = self._sort(place)
        return Renewal(renewed, max(0, found.current - renewed), found.lost)

    @translate_errors
    def check(self, place: str) -> Renewal:
        """Say what ``renew`` would do with a place, and do nothing."""
        return self._sort(place)[0]

    def _sort(self, place: str) -> tuple[Renewal, dict[str, str]]:
        """Count a place's sealed fields by what they need; those to be renewed are given as well."""
        current, outdated, lost = 0, {}, []
        for field, value in read_hash(self._redis, place).items():
            if not looks_sealed(value):
                continue
            try:
                self._cipher.open(place, field, value)
            except CannotDecrypt:
                lost.append(field)
                continue
            if self._cipher.is_current(value):
                current += 1
            else:
                outdated[field] = value
        return Renewal(len(outdated), current, tuple(lost)), outdated

    def _write(self, place: str, outdated: dict[str, str]) -> int:
        arguments: list[str] = []
        for field, value in outdated.items():
            arguments += [field, value, self._cipher.renew(place, field, value)]
        return int(str(self._exchange(keys=[place], args=arguments)))
