"""Slack apps and their secrets.

``app:{app_id}``: hash of ``client_id`` and the sealed ``client_secret``, ``signing_secret`` and
``next_signing_secret``, which the app was last installed with ("" if it is the one in force).
``app-tenants:{app_id}``: set of the tenants that have installed the app. The service's own app is not in
Redis.
"""

from __future__ import annotations

import logging
import time

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import AppSummary, SlackApp
from sectorflow_slack.storage.connection import read_hash, transact, translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import app_key, tenants_key
from sectorflow_slack.storage.records import Fields, app_secrets

logger = logging.getLogger(__name__)

#: How long a process uses signing secrets without another look. A request that none of them has signed
#: leads to one at once, so that a newer secret takes effect with its first event.
SECRETS_SECONDS = 5.0
#: Apps whose secrets a process has in memory at most.
MOST_SECRETS = 10_000
#: Keys, or members of a set, per step of a scan.
_BATCH = 500


class AppStore:
    """Stores Slack apps and their secrets; the service's own app comes from the settings.

    ``find`` and ``signing_secrets`` raise ``CannotDecrypt`` if no encryption key decrypts the secrets.
    """

    def __init__(self, redis: Redis, cipher: Cipher, own_app: SlackApp | None) -> None:
        self._redis = redis
        self._cipher = cipher
        self._own_app = own_app
        #: The signing secrets by app, and until when they are used without another look.
        self._secrets: dict[str, tuple[tuple[str, ...], float]] = {}

    @translate_errors
    def find(self, app_id: str) -> SlackApp | None:
        """Load an app; None if it is unknown."""
        if self._own_app and app_id == self._own_app.app_id:
            return self._own_app
        key = app_key(app_id)
        fields = read_hash(self._redis, key)
        if not fields:
            return None
        return SlackApp(
            app_id,
            fields["client_id"],
            self._cipher.open(key, "client_secret", fields["client_secret"]),
            self._cipher.open(key, "signing_secret", fields["signing_secret"]),
        )

    def signing_secrets(self, app_id: str, *, newest: bool = False) -> tuple[str, ...]:
        """Return the secrets that a request of this app may be signed with; () if the app is unknown.

        The secret in force comes first, then the next one. They may be ``SECRETS_SECONDS`` old, unless the
        ``newest`` are asked for. A secret that does not decrypt is left out if the other one does.
        """
        if self._own_app and app_id == self._own_app.app_id:
            return (self._own_app.signing_secret,)
        secrets, until = self._secrets.get(app_id, ((), 0.0))
        if newest or time.monotonic() >= until:
            secrets = self._load_signing_secrets(app_id)
            self._remember(app_id, secrets)
        return secrets

    def _remember(self, app_id: str, secrets: tuple[str, ...]) -> None:
        if len(self._secrets) >= MOST_SECRETS:
            self._secrets.clear()
        if secrets:
            self._secrets[app_id] = secrets, time.monotonic() + SECRETS_SECONDS
        else:
            self._secrets.pop(app_id, None)

    @translate_errors
    def _load_signing_secrets(self, app_id: str) -> tuple[str, ...]:
        key, names = app_key(app_id), ("signing_secret", "next_signing_secret")
        secrets, lost = [], []
        for name, value in zip(names, self._redis.hmget(key, *names), strict=True):
            try:
                secrets += [self._cipher.open(key, name, str(value))] if value else []
            except CannotDecrypt as error:
                lost.append(error)
        if lost and not secrets:
            raise lost[0]
        for each in lost:
            logger.error("signing secret cannot be read: %s", each.location)
        return tuple(secrets)

    @translate_errors
    def adopt_signing_secret(self, app_id: str, secret: str) -> None:
        """Put the next signing secret in force once an event has verified with it."""
        key = app_key(app_id)

        def step(pipe: Pipeline) -> None:
            sealed = pipe.hget(key, "next_signing_secret")
            if not sealed or self._cipher.open(key, "next_signing_secret", str(sealed)) != secret:
                return
            pipe.multi()
            pipe.hset(key, "signing_secret", self._cipher.seal(key, "signing_secret", secret))
            pipe.hdel(key, "next_signing_secret")

        transact(self._redis, step, key)
        self._secrets.pop(app_id, None)

    @translate_errors
    def list(self) -> tuple[AppSummary, ...]:
        """List all apps, the service's own first, then by id; no secret is decrypted."""
        own = self._own_app
        ids = {str(key).partition(":")[2] for key in self._redis.scan_iter(match="app:*", count=_BATCH)}
        found = [self._summary(app_id) for app_id in sorted(ids - {own.app_id} if own else ids)]
        if own:
            tenants = read_tenants(self._redis, own.app_id)
            found.insert(0, AppSummary(own.app_id, own.client_id, True, tenants, False))
        return tuple(summary for summary in found if summary is not None)

    def _summary(self, app_id: str) -> AppSummary | None:
        client_id, next_secret = self._redis.hmget(app_key(app_id), "client_id", "next_signing_secret")
        if client_id is None:
            return None
        return AppSummary(app_id, str(client_id), False, read_tenants(self._redis, app_id), bool(next_secret))


def read_tenants(redis: Redis, app_id: str) -> tuple[str, ...]:
    """List the tenants that have installed an app, sorted; scans, because they may be thousands."""
    return tuple(sorted({str(each) for each in redis.sscan_iter(tenants_key(app_id), count=_BATCH)}))


def updated_app_fields(pipe: Pipeline, cipher: Cipher, app: SlackApp) -> Fields:
    """Return the fields to write for an app after a successful OAuth exchange.

    The exchange has proved the client credentials, but not the signing secret: it becomes the next one if
    another is in force, until an event verifies with it. A secret that does not decrypt is replaced at once.
    """
    key = app_key(app.app_id)
    # The last install decides: an earlier next secret is dropped.
    fields = {"client_id": app.client_id, **app_secrets(cipher, key, app), "next_signing_secret": ""}
    in_force = _secret_in_force(pipe, cipher, key)
    if in_force is None:
        return fields
    del fields["signing_secret"]
    if in_force != app.signing_secret:
        fields["next_signing_secret"] = cipher.seal(key, "next_signing_secret", app.signing_secret)
    return fields


def _secret_in_force(pipe: Pipeline, cipher: Cipher, key: str) -> str | None:
    sealed = pipe.hget(key, "signing_secret")
    try:
        return None if sealed is None else cipher.open(key, "signing_secret", str(sealed))
    except CannotDecrypt as error:
        logger.error("signing secret cannot be read, and is replaced: %s", error.location)
        return None
