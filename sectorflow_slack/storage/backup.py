"""Installations as one sealed text, to be kept elsewhere and put back.

What is kept is what lasts in Redis: ``app:*``, ``app-tenants:*``, ``installation:*``, ``installation-id:*``.
Their secrets stay sealed as they are; the whole is sealed once more, so that a backup shows no names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from redis import Redis

from sectorflow_slack.storage.connection import read_hash, translate_errors, write_hash
from sectorflow_slack.storage.crypto import Cipher

PATTERNS = ("app:*", "app-tenants:*", "installation:*", "installation-id:*")
#: What a backup is sealed for; nothing else that is sealed opens as one.
_PLACE = ("backup", "installations")
#: Keys looked through by one step of a scan, which does not hold up Redis.
_BATCH = 500


class RedisBackup:
    """Exports and imports installations."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def export(self) -> tuple[str, int]:
        """Give all installations as one sealed text, and how many they are."""
        found = ((key, self._read(key)) for key in self._keys())
        # What went away while this was looking is left out.
        records = {key: value for key, value in found if value}
        installations = sum(key.startswith("installation:") for key in records)
        return self._cipher.seal(*_PLACE, json.dumps(records)), installations

    @translate_errors
    def restore(self, sealed: str) -> int:
        """Put back what is missing; what is there is newer and stays.

        Returns how many installations came back.

        Raises:
            CannotDecrypt: this is no backup, or its key is gone.

        """
        records: dict[str, Any] = json.loads(self._cipher.open(*_PLACE, sealed))
        restored = [key for key, value in records.items() if self._write(key, value)]
        return sum(key.startswith("installation:") for key in restored)

    def _keys(self) -> Iterator[str]:
        for pattern in PATTERNS:
            yield from (str(key) for key in self._redis.scan_iter(match=pattern, count=_BATCH))

    def _read(self, key: str) -> Any:
        if key.startswith("app-tenants:"):
            return sorted(str(member) for member in self._redis.smembers(key))
        if key.startswith("installation-id:"):
            return self._redis.get(key)
        return read_hash(self._redis, key)

    def _write(self, key: str, value: Any) -> bool:
        if key.startswith("app-tenants:"):
            return bool(self._redis.sadd(key, *value))
        if self._redis.exists(key):
            return False
        if key.startswith("installation-id:"):
            return bool(self._redis.set(key, value, nx=True))
        write_hash(self._redis, key, value)
        if key.startswith("installation:"):
            # Its app may be on the way to be forgotten.
            self._redis.persist(f"app:{key.split(':')[1]}")
        return True
