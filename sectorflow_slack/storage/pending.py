"""Installations that wait for consent.

============================  ==========================================================================
``pending:{id}``              hash: what the install API shows; until 7 days after it failed or expired
``pending-secrets:{id}``      hash, sealed: tokens (the API token is bound to the fields of ``pending:{id}``
                              that decide something), secrets and the install link; until the link expires
``install-link:{sha256}``     the id of the pending installation; until the link expires
``removed:{id}``              ten minutes: deleted, so that an OAuth flow under way does not store it again
============================  ==========================================================================
"""

from __future__ import annotations

import hmac

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.installations import PendingInstallation, SlackApp
from sectorflow_slack.storage.connection import transact, translate_errors, write_hash
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installation_index import AFTERLIFE_SECONDS, FIELDS, Entry, sweep
from sectorflow_slack.storage.keys import digest, pending_key, pending_secrets_key, removed_key
from sectorflow_slack.storage.records import (
    BOUND_PENDING_FIELDS,
    Fields,
    open_secrets,
    read_fields,
    read_revision,
    read_settings,
    seal_api_token,
    settings_fields,
)

#: As long as an OAuth state is valid.
REMOVED_SECONDS = 600
#: The fields that deleting a pending installation needs.
_NAMES = (*FIELDS, "team_id", "link_digest")


class PendingStore:
    """Stores installations that wait for consent, until 7 days after they failed or expired.

    Each step is atomic. A lookup returns None for an unknown id or link, and raises ``CannotDecrypt`` if no
    encryption key decrypts the secrets.
    """

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def save(self, pending: PendingInstallation) -> None:
        """Store a pending installation and its link, in place of an earlier one with the same id."""
        key = pending_key(pending.settings.id)
        sealed = self._seal(pending_secrets_key(pending.settings.id), pending)

        def step(pipe: Pipeline) -> None:
            stored = read_fields(pipe, key, _NAMES)
            pipe.multi()
            if stored:
                _drop_all(pipe, stored)
            _write(pipe, pending, sealed)
            sweep(pipe)

        transact(self._redis, step, key)

    @translate_errors
    def find(self, installation_id: str) -> PendingInstallation | None:
        """Load a pending, failed or expired installation."""
        key, secrets_key = pending_key(installation_id), pending_secrets_key(installation_id)
        # In one transaction, so that a failure or an OAuth flow cannot come between the two.
        with self._redis.pipeline() as pipe:
            pipe.hgetall(key)
            pipe.hgetall(secrets_key)
            fields, sealed = pipe.execute()
        if not fields:
            return None
        secrets = open_secrets(self._cipher, secrets_key, fields, sealed, BOUND_PENDING_FIELDS)
        return read_pending(fields, secrets)

    @translate_errors
    def find_by_link(self, link: str) -> PendingInstallation | None:
        """Load the pending installation of an install link."""
        installation_id = self._redis.get(_link_key(link))
        found = self.find(str(installation_id)) if installation_id else None
        # The key in Redis is not sealed: it may have been made to lead to another installation.
        is_own = found is not None and hmac.compare_digest(digest(found.link), digest(link))
        return found if is_own else None

    @translate_errors
    def fail(self, installation_id: str, failure: str) -> None:
        """Mark a pending installation as failed, and delete its link and secrets."""
        key = pending_key(installation_id)

        def step(pipe: Pipeline) -> None:
            digest = pipe.hget(key, "link_digest")
            pipe.multi()
            if digest:
                pipe.hset(key, "failure", failure)
                pipe.expire(key, AFTERLIFE_SECONDS)
                pipe.delete(pending_secrets_key(installation_id), f"install-link:{digest!s}")

        transact(self._redis, step, key)

    @translate_errors
    def change(self, pending: PendingInstallation, revision: int) -> bool:
        """Store new settings; False unless the stored ones are pending and of this ``revision``.

        The id, app, customer and time of creation, which the indexes use, must be unchanged; the index of the
        API token is updated.
        """
        key, secrets_key = pending_key(pending.settings.id), pending_secrets_key(pending.settings.id)

        def step(pipe: Pipeline) -> bool:
            stored = read_fields(pipe, key, (*_NAMES, "revision", "failure", "expires_at"))
            # Both keys are watched, so that the writes do not recreate one that expires meanwhile.
            if not stored or "failure" in stored or not pipe.exists(secrets_key):
                return False
            if read_revision(stored) != revision:
                return False
            token = self._seal(secrets_key, pending)["api_token"]
            fields = settings_fields(pending.settings)
            pipe.multi()
            write_hash(pipe, key, fields)
            pipe.hset(secrets_key, "api_token", token)
            Entry.from_record(stored, stored.get("team_id")).drop(pipe)
            expires_at = float(stored["expires_at"]) + AFTERLIFE_SECONDS
            Entry.from_record(fields, stored.get("team_id")).add_until(pipe, expires_at)
            return True

        return transact(self._redis, step, key, secrets_key)

    @translate_errors
    def remove(self, installation_id: str) -> bool:
        """Delete a pending, failed or expired installation and its link; False if it does not exist."""
        key = pending_key(installation_id)

        def step(pipe: Pipeline) -> bool:
            fields = read_fields(pipe, key, _NAMES)
            if not fields:
                return False
            pipe.multi()
            _drop_all(pipe, fields)
            pipe.set(removed_key(installation_id), "1", ex=REMOVED_SECONDS)
            return True

        return transact(self._redis, step, key)

    def _seal(self, key: str, pending: PendingInstallation) -> Fields:
        secrets = {"link": pending.link}
        if pending.slack_app:
            secrets["client_secret"] = pending.slack_app.client_secret
            secrets["signing_secret"] = pending.slack_app.signing_secret
        token, fields = pending.settings.sectorflow.api_token, _fields(pending)
        return {
            **{name: self._cipher.seal(key, name, value) for name, value in secrets.items()},
            "api_token": seal_api_token(self._cipher, key, fields, token, BOUND_PENDING_FIELDS),
        }


def drop_pending(pipe: Pipeline, installation_id: str) -> None:
    """Queue the writes that delete a pending installation, after which its link is invalid."""
    pipe.delete(pending_key(installation_id), pending_secrets_key(installation_id))


def _write(pipe: Pipeline, pending: PendingInstallation, sealed: Fields) -> None:
    key, secrets_key = pending_key(pending.settings.id), pending_secrets_key(pending.settings.id)
    lifetime = int(pending.expires_at - pending.settings.created_at)
    fields = _fields(pending)
    write_hash(pipe, key, fields)
    pipe.expire(key, lifetime + AFTERLIFE_SECONDS)
    write_hash(pipe, secrets_key, sealed)
    pipe.expire(secrets_key, lifetime)
    pipe.set(_link_key(pending.link), pending.settings.id, ex=lifetime)
    pipe.delete(removed_key(pending.settings.id))
    Entry.from_record(fields, pending.team_id).add_until(pipe, pending.expires_at + AFTERLIFE_SECONDS)


def _drop_all(pipe: Pipeline, fields: Fields) -> None:
    drop_pending(pipe, fields["id"])
    pipe.delete(f"install-link:{fields['link_digest']}")
    Entry.from_record(fields, fields.get("team_id")).drop(pipe)


def _fields(pending: PendingInstallation) -> Fields:
    values = {
        "client_id": pending.slack_app.client_id if pending.slack_app else None,
        "expires_at": pending.expires_at,
        "team_id": pending.team_id,
        "replaces": pending.replaces,
        "return_url": pending.return_url,
        "failure": pending.failure,
    }
    optional = {name: str(value) for name, value in values.items() if value is not None}
    return {**settings_fields(pending.settings), **optional, "link_digest": digest(pending.link)}


def read_pending(fields: Fields, secrets: Fields) -> PendingInstallation:
    """Read a pending installation, with the given ``secrets``; without any, it has expired."""
    slack_app = None
    if "client_id" in fields:
        slack_app = SlackApp(
            fields["app_id"],
            fields["client_id"],
            secrets.get("client_secret", ""),
            secrets.get("signing_secret", ""),
        )
    return PendingInstallation(
        settings=read_settings(fields, secrets.get("api_token", "")),
        slack_app=slack_app,
        link=secrets.get("link", ""),
        # Without its secrets it cannot be installed, even if this machine's clock is slow.
        expires_at=float(fields["expires_at"]) if secrets else 0.0,
        team_id=fields.get("team_id"),
        replaces=fields.get("replaces"),
        return_url=fields.get("return_url"),
        failure=fields.get("failure"),
    )


def _link_key(link: str) -> str:
    return f"install-link:{digest(link)}"
