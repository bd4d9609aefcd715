"""Export of all installations as one sealed text, and its restore.

A backup has what never expires: ``app:*``, ``app-tenants:*``, ``installation:*``, ``installation-id:*``,
``digest-key:*``. The secrets stay sealed, and the whole is sealed again, so that a backup shows no names. The
indexes (``storage.installation_index``) are rebuilt from the restored records.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.checkup import Watch
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.storage.apps import read_tenants
from sectorflow_slack.storage.connection import read_hash, transact, translate_errors, write_hash
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installation_index import Entry
from sectorflow_slack.storage.keys import app_key, installation_id_key
from sectorflow_slack.storage.records import Fields

PATTERNS = ("app:*", "app-tenants:*", "installation:*", "installation-id:*", "digest-key:*")
#: The Redis key and field that a backup is sealed for; no other sealed value decrypts as a backup.
_SEALED_FOR = ("backup", "installations")
#: Keys per step of a scan, or members written by one command: neither blocks Redis.
_BATCH = 500


class Backup:
    """Exports and restores installations."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def export(self, watch: Watch = iter) -> tuple[str, int]:
        """Return all installations as one sealed text, and their number."""
        found = ((key, self._read(key)) for key in watch(list(self._keys())))
        # A record that was deleted during the scan is left out.
        records = {key: value for key, value in found if value}
        installations = sum(key.startswith("installation:") for key in records)
        return self._cipher.seal(*_SEALED_FOR, json.dumps(records)), installations

    @translate_errors
    def restore(self, sealed: str, watch: Watch = iter) -> int:
        """Write the records that are missing and return the number of restored installations.

        Existing records are newer and stay.

        Raises:
            CannotDecrypt: the text is not a backup, or no encryption key decrypts it.

        """
        records: dict[str, Any] = json.loads(self._cipher.open(*_SEALED_FOR, sealed))
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
            return self._restore_installation(key, value)
        if self._redis.exists(key):
            return False
        write_hash(self._redis, key, value)
        return True

    def _restore_installation(self, key: str, fields: Fields) -> bool:
        """Write an installation, its id and its index entries, unless the app is installed there."""
        target = InstallationKey.parse(key.partition(":")[2])

        def step(pipe: Pipeline) -> bool:
            if pipe.exists(key):
                return False
            pipe.multi()
            write_hash(pipe, key, fields)
            pipe.set(installation_id_key(fields["id"]), str(target), nx=True)
            Entry.from_record(fields, target.tenant_id).add(pipe)
            # The app may be about to expire.
            pipe.persist(app_key(target.app_id))
            return True

        return transact(self._redis, step, key)
