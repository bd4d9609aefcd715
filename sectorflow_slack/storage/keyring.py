"""Re-encryption of all sealed values with the first encryption key, while the service runs."""

from __future__ import annotations

from collections.abc import Iterator

import redis

from sectorflow_slack.domain.errors import CannotDecrypt, StorageUnavailable
from sectorflow_slack.domain.installations import Renewal
from sectorflow_slack.storage.connection import read_hash, translate_errors
from sectorflow_slack.storage.crypto import Cipher, looks_sealed

#: The prefixes of all hashes with sealed fields; ``looks_sealed`` tells which fields are sealed.
SEALED_PREFIXES = (
    "app:",
    "installation:",
    "pending-secrets:",
    "revocation:",
    "idempotency:",
    "question:",
    "letter:",
    "answer:",
    "install-form:",
    "digest-key:",
)
#: Keys per step of a scan, which does not block Redis.
_BATCH = 500
#: Tries for a record that other processes keep changing; they write it with the new encryption key.
_TRIES = 5

#: Sets the fields of a hash that still have the old value, and returns their number. ``ARGV`` is field, old
#: value, new value, field, …. Does not recreate a deleted hash or change its expiry.
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
    """Re-encrypts stored values with the first encryption key."""

    def __init__(self, client: redis.Redis, cipher: Cipher) -> None:
        self._redis = client
        self._cipher = cipher
        self._exchange = client.register_script(_EXCHANGE)

    def sealed_keys(self) -> Iterator[str]:
        """Yield the Redis keys of all hashes with sealed fields; a key may come twice."""
        # ``translate_errors`` would end before the first key.
        try:
            for key in map(str, self._redis.scan_iter(count=_BATCH, _type="HASH")):
                if key.startswith(SEALED_PREFIXES):
                    yield key
        except redis.RedisError as error:
            raise StorageUnavailable(type(error).__name__) from None

    @translate_errors
    def renew(self, key: str) -> Renewal:
        """Re-encrypt the values of one hash that are not sealed with the first encryption key.

        Never overwrites a value that another process writes meanwhile.
        """
        renewed = 0
        for _ in range(_TRIES):
            found, outdated = self._sort(key)
            if not outdated:
                break
            renewed += self._write(key, outdated)
        else:
            found, _ = self._sort(key)
        return Renewal(renewed, max(0, found.current - renewed), found.lost)

    @translate_errors
    def check(self, key: str) -> Renewal:
        """Return the same result as ``renew``, without writing."""
        return self._sort(key)[0]

    def _sort(self, key: str) -> tuple[Renewal, dict[str, str]]:
        """Count the sealed fields of a hash by state, and return those under an older encryption key."""
        current, outdated, lost = 0, {}, []
        for field, value in read_hash(self._redis, key).items():
            if not looks_sealed(value):
                continue
            try:
                self._cipher.open(key, field, value)
            except CannotDecrypt:
                lost.append(field)
                continue
            if self._cipher.is_current(value):
                current += 1
            else:
                outdated[field] = value
        return Renewal(len(outdated), current, tuple(lost)), outdated

    def _write(self, key: str, outdated: dict[str, str]) -> int:
        arguments: list[str] = []
        for field, value in outdated.items():
            arguments += [field, value, self._cipher.renew(key, field, value)]
        return int(str(self._exchange(keys=[key], args=arguments)))
