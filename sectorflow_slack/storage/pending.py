"""Installations that wait for consent.

============================  ==========================================================================
``pending:{id}``              hash: what the install API shows; kept 7 days after it failed or expired
``pending-secrets:{id}``      hash, sealed: tokens, secrets, the link; gone when the link is dead
``install-link:{sha256}``     the id that an install link leads to; lives as long as the link
``removed:{id}``              ten minutes: it was deleted, and nobody on the way through OAuth brings it back
============================  ==========================================================================
"""

from __future__ import annotations

import hashlib

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.installations import PendingInstallation, SlackApp
from sectorflow_slack.storage.connection import transact, translate_errors, write_hash
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installation_index import AFTERLIFE_SECONDS, FIELDS, Entry, sweep
from sectorflow_slack.storage.keys import pending_key, pending_secrets_key, removed_key
from sectorflow_slack.storage.records import (
    Fields,
    read_fields,
    read_revision,
    read_settings,
    settings_fields,
)

#: As long as a trip to Slack's consent page may take: its state lives no longer.
REMOVED_SECONDS = 600
#: What it takes to forget a pending installation and all that leads to it.
_NAMES = (*FIELDS, "team_id", "link_digest")


class PendingStore:
    """Keeps installations that wait for consent, for as long as the install API shows them."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def save(self, pending: PendingInstallation) -> None:
        """Store a pending installation and the way from its link to it; an earlier try's are dropped."""
        place = pending_key(pending.settings.id)
        sealed = self._seal(pending_secrets_key(pending.settings.id), pending)

        def step(pipe: Pipeline) -> None:
            earlier = read_fields(pipe, place, _NAMES)
            pipe.multi()
            if earlier:
                _drop_all(pipe, earlier)
            _write(pipe, pending, sealed)
            sweep(pipe)

        transact(self._redis, step, place)

    @translate_errors
    def find(self, installation_id: str) -> PendingInstallation | None:
        """Load a pending, failed or expired installation."""
        place, secrets_place = pending_key(installation_id), pending_secrets_key(installation_id)
        # In one step, so that no failure or consent comes between the two.
        with self._redis.pipeline() as pipe:
            pipe.hgetall(place)
            pipe.hgetall(secrets_place)
            fields, sealed = pipe.execute()
        if not fields:
            return None
        secrets = {name: self._cipher.open(secrets_place, name, value) for name, value in sealed.items()}
        return read_pending(fields, secrets)

    @translate_errors
    def find_by_link(self, link: str) -> PendingInstallation | None:
        """Load the pending installation that an install link leads to."""
        installation_id = self._redis.get(_link(link))
        return self.find(str(installation_id)) if installation_id else None

    @translate_errors
    def fail(self, installation_id: str, failure: str) -> None:
        """Mark a pending installation as failed; its link and its secrets are forgotten."""
        place = pending_key(installation_id)

        def step(pipe: Pipeline) -> None:
            digest = pipe.hget(place, "link_digest")
            pipe.multi()
            if digest:
                pipe.hset(place, "failure", failure)
                pipe.expire(place, AFTERLIFE_SECONDS)
                pipe.delete(pending_secrets_key(installation_id), f"install-link:{digest!s}")

        transact(self._redis, step, place)

    @translate_errors
    def change(self, pending: PendingInstallation, revision: int) -> bool:
        """Put new terms in force; False unless the stored ones are pending and of this ``revision``.

        What an installation is listed by (its id, app, customer and time) is not among what changes.
        """
        place, secrets = pending_key(pending.settings.id), pending_secrets_key(pending.settings.id)

        def step(pipe: Pipeline) -> bool:
            stored = read_fields(pipe, place, ("id", "revision", "failure"))
            # Both keys are watched: one that expires before the writes is not brought back by them.
            if not stored or "failure" in stored or not pipe.exists(secrets):
                return False
            if read_revision(stored) != revision:
                return False
            token = self._cipher.seal(secrets, "api_token", pending.settings.sectorflow.api_token)
            pipe.multi()
            write_hash(pipe, place, settings_fields(pending.settings))
            pipe.hset(secrets, "api_token", token)
            return True

        return transact(self._redis, step, place, secrets)

    @translate_errors
    def remove(self, installation_id: str) -> bool:
        """Forget a pending, failed or expired installation with its link; False where there is none."""
        place = pending_key(installation_id)

        def step(pipe: Pipeline) -> bool:
            fields = read_fields(pipe, place, _NAMES)
            if not fields:
                return False
            pipe.multi()
            _drop_all(pipe, fields)
            pipe.set(removed_key(installation_id), "1", ex=REMOVED_SECONDS)
            return True

        return transact(self._redis, step, place)

    def _seal(self, place: str, pending: PendingInstallation) -> Fields:
        secrets = {"link": pending.link, "api_token": pending.settings.sectorflow.api_token}
        if pending.slack_app:
            secrets["client_secret"] = pending.slack_app.client_secret
            secrets["signing_secret"] = pending.slack_app.signing_secret
        return {name: self._cipher.seal(place, name, value) for name, value in secrets.items()}


def drop_pending(pipe: Pipeline, installation_id: str) -> None:
    """Forget a pending installation that has become one; its link then leads nowhere."""
    pipe.delete(pending_key(installation_id), pending_secrets_key(installation_id))


def _write(pipe: Pipeline, pending: PendingInstallation, sealed: Fields) -> None:
    place, secrets = pending_key(pending.settings.id), pending_secrets_key(pending.settings.id)
    lifetime = int(pending.expires_at - pending.settings.created_at)
    fields = _fields(pending)
    write_hash(pipe, place, fields)
    pipe.expire(place, lifetime + AFTERLIFE_SECONDS)
    write_hash(pipe, secrets, sealed)
    pipe.expire(secrets, lifetime)
    pipe.set(_link(pending.link), pending.settings.id, ex=lifetime)
    pipe.delete(removed_key(pending.settings.id))
    Entry.from_record(fields, pending.team_id).add_until(pipe, pending.expires_at + AFTERLIFE_SECONDS)


def _drop_all(pipe: Pipeline, fields: Fields) -> None:
    drop_pending(pipe, fields["id"])
    pipe.delete(f"install-link:{fields['link_digest']}")
    Entry.from_record(fields, fields.get("team_id")).drop(pipe)


def _fields(pending: PendingInstallation) -> Fields:
    rest = {
        "client_id": pending.slack_app.client_id if pending.slack_app else None,
        "expires_at": pending.expires_at,
        "team_id": pending.team_id,
        "replaces": pending.replaces,
        "return_url": pending.return_url,
        "failure": pending.failure,
    }
    kept = {name: str(value) for name, value in rest.items() if value is not None}
    return {**settings_fields(pending.settings), **kept, "link_digest": _digest(pending.link)}


def read_pending(fields: Fields, secrets: Fields) -> PendingInstallation:
    """Give back a pending installation; it has expired where its ``secrets`` are gone."""
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
        # Without its secrets it can't be installed any more, even where this machine's clock is slow.
        expires_at=float(fields["expires_at"]) if secrets else 0.0,
        team_id=fields.get("team_id"),
        replaces=fields.get("replaces"),
        return_url=fields.get("return_url"),
        failure=fields.get("failure"),
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _link(link: str) -> str:
    return f"install-link:{_digest(link)}"
