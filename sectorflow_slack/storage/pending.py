"""Installations that wait for consent.

============================  ==========================================================================
``pending:{id}``              hash: what the install API shows; kept 7 days after it failed or expired
``pending-secrets:{id}``      hash, sealed: tokens, secrets, the link; gone when the link is dead
``install-link:{sha256}``     the id that an install link leads to; lives as long as the link
============================  ==========================================================================
"""

from __future__ import annotations

import hashlib

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.models import PendingInstallation, SlackApp
from sectorflow_slack.storage.connection import transact, translate_errors, write_hash
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.records import Fields, read_terms, terms_fields

#: How long the install API shows an installation that failed or expired.
AFTERLIFE_SECONDS = 7 * 24 * 3600


class RedisPendingStore:
    """Keeps pending installations in Redis."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def save(self, pending: PendingInstallation) -> None:
        """Store a pending installation and the way from its link to it."""
        place, secrets = pending_key(pending.terms.id), _secrets(pending.terms.id)
        lifetime = int(pending.expires_at - pending.terms.created_at)
        with self._redis.pipeline() as pipe:
            write_hash(pipe, place, _fields(pending))
            pipe.expire(place, lifetime + AFTERLIFE_SECONDS)
            write_hash(pipe, secrets, self._seal(secrets, pending))
            pipe.expire(secrets, lifetime)
            pipe.set(_link(pending.link), pending.terms.id, ex=lifetime)
            pipe.execute()

    @translate_errors
    def find(self, installation_id: str) -> PendingInstallation | None:
        """Load a pending, failed or expired installation."""
        place, secrets_place = pending_key(installation_id), _secrets(installation_id)
        # In one step, so that no failure or consent comes between the two.
        with self._redis.pipeline() as pipe:
            pipe.hgetall(place)
            pipe.hgetall(secrets_place)
            fields, sealed = pipe.execute()
        if not fields:
            return None
        secrets = {name: self._cipher.open(secrets_place, name, value) for name, value in sealed.items()}
        return _read(fields, secrets)

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
                pipe.delete(_secrets(installation_id), f"install-link:{digest!s}")

        transact(self._redis, step, place)

    def _seal(self, place: str, pending: PendingInstallation) -> Fields:
        secrets = {"link": pending.link, "api_token": pending.terms.sectorflow.api_token}
        if pending.slack_app:
            secrets["client_secret"] = pending.slack_app.client_secret
            secrets["signing_secret"] = pending.slack_app.signing_secret
        return {name: self._cipher.seal(place, name, value) for name, value in secrets.items()}


def drop_pending(pipe: Pipeline, installation_id: str) -> None:
    """Forget a pending installation that has become one; its link then leads nowhere."""
    pipe.delete(pending_key(installation_id), _secrets(installation_id))


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
    return {**terms_fields(pending.terms), **kept, "link_digest": _digest(pending.link)}


def _read(fields: Fields, secrets: Fields) -> PendingInstallation:
    slack_app = None
    if "client_id" in fields:
        slack_app = SlackApp(
            fields["app_id"],
            fields["client_id"],
            secrets.get("client_secret", ""),
            secrets.get("signing_secret", ""),
        )
    return PendingInstallation(
        terms=read_terms(fields, secrets.get("api_token", "")),
        slack_app=slack_app,
        link=secrets.get("link", ""),
        # Without its secrets it can't be installed any more, even where this machine's clock is slow.
        expires_at=float(fields["expires_at"]) if secrets else 0.0,
        team_id=fields.get("team_id"),
        replaces=fields.get("replaces"),
        return_url=fields.get("return_url"),
        failure=fields.get("failure"),
    )


def pending_key(installation_id: str) -> str:
    """Give the Redis key of a pending installation."""
    return f"pending:{installation_id}"


def _secrets(installation_id: str) -> str:
    return f"pending-secrets:{installation_id}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _link(link: str) -> str:
    return f"install-link:{_digest(link)}"
