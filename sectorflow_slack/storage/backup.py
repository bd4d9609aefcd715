"""Installations as one sealed text, to be kept elsewhere and put back.

What is kept is what lasts in Redis: ``app:*``, ``app-tenants:*``, ``installation:*``, ``installation-id:*``.
Their secrets stay sealed as they are; the whole is sealed once more, so that a backup shows no names. What
lists installations (``storage.index``) is made anew of what is put back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.checkup import Watch
from sectorflow_slack.storage.apps import read_tenants
from sectorflow_slack.storage.connection import read_hash, transact, translate_errors, write_hash
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installation_index import Entry
from sectorflow_slack.storage.records import Fields

PATTERNS = ("app:*", "app-tenants:*", "installation:*", "installation-id:*")
#: What a backup is sealed for; nothing else that is sealed opens as one.
_PLACE = ("backup", "installations")
#: Keys looked through by one step of a scan, or members written by one command: none holds up Redis.
_BATCH = 500


class Backup:
    """Exports and imports installations."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def export(self, watch: Watch = iter) -> tuple[str, int]:
        """Give all installations as one sealed text, and how many they are."""
        found = ((key, self._read(key)) for key in watch(list(self._keys())))
        # What went away while this was looking is left out.
        records = {key: value for key, value in found if value}
        installations = sum(key.startswith("installation:") for key in records)
        return self._cipher.seal(*_PLACE, json.dumps(records)), installations

    @translate_errors
    def restore(self, sealed: str, watch: Watch = iter) -> int:
        """Put back what is missing; what is there is newer and stays.

        Returns how many installations came back.

        Raises:
            CannotDecrypt: this is no backup, or its key is gone.

        """
        records: dict[str, Any] = json.loads(self._cipher.open(*_PLACE, sealed))
        restored = [key for key in watch(records) if self._write(key, records[key])]
        return sum(key.startswith("installation:") for key in restored)

    def _keys(self) -> Iterator[str]:
        for pattern in PATTERNS:
            yield from (str(key) for key in self._redis.scan_iter(match=pattern, count=_BATCH))

    def _read(self, key: str) -> Any:
        if key.startswith("app-tenants:"):
            return list(read_tenants(self._redis, key.partition(":")[2]))
        if key.startswith("installation-id:"):
            return self._redis.get(key)
        return read_hash(self._redis, key)

    def _write(self, key: str, value: Any) -> bool:
        kind = key.partition(":")[0]
        if kind == "app-tenants":
            chunks = (value[start : start + _BATCH] for start in range(0, len(value), _BATCH))
            return sum(self._redis.sadd(key, *chunk) for chunk in chunks) > 0
        if kind == "installation-id":
            return bool(self._redis.set(key, value, nx=True))
        if kind == "installation":
            return self._put_back(key, value)
        return self._write_app(key, value)

    def _write_app(self, key: str, fields: Fields) -> bool:
        if self._redis.exists(key):
            return False
        write_hash(self._redis, key, fields)
        return True

    def _put_back(self, place: str, fields: Fields) -> bool:
        """Write an installation, the way to it and its entries in the lists, unless its place is taken."""
        app_id, tenant_id = place.split(":")[1:]

        def step(pipe: Pipeline) -> bool:
            if pipe.exists(place):
                return False
            pipe.multi()
            write_hash(pipe, place, fields)
            pipe.set(f"installation-id:{fields['id']}", f"{app_id}:{tenant_id}", nx=True)
            Entry.from_record(fields, tenant_id).add(pipe)
            # Its app may be on the way to be forgotten.
            pipe.persist(f"app:{app_id}")
            return True

        return transact(self._redis, step, place)
