"""The sessions of the page at ``/install``, with the forms that are being filled in.

``install-form:{sha256}``: hash, named by a digest of the browser's cookie; for half an hour after its last
use. ``session`` (sealed: the API token, and the lists of SectorFlow), ``trials`` (a counter), ``drafts`` (the
number of the latest form) and one field for each form by its number (``draft:1``; sealed).
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from typing import Any

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.install_form import Choice, Draft, FormSession, Offer, TrialAnswer
from sectorflow_slack.storage.connection import translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import digest
from sectorflow_slack.storage.records import known_fields

LIFETIME_SECONDS = 1800
#: Forms of one session; a further one takes the place of the oldest.
MAX_DRAFTS = 10


class InstallFormStore:
    """Stores sessions and their forms; an unknown or expired one, and one that no key decrypts, is None."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def start(self, session: FormSession) -> str:
        """Store a session under a new secret of 256 bits and return the secret."""
        secret = secrets.token_urlsafe(32)
        self._write(_key(secret), "session", asdict(session))
        return secret

    @translate_errors
    def find(self, secret: str) -> FormSession | None:
        """Load a session and extend its life."""
        key = _key(secret)
        values = self._read(key, "session")
        if values is None or not self._redis.expire(key, LIFETIME_SECONDS):
            return None
        lists: dict[str, list[dict[str, Any]] | None] = values["offer"]
        offer = {name: _choices(listed) for name, listed in lists.items()}
        trials = int(str(self._redis.hget(key, "trials") or 0))
        return FormSession(values["api_token"], Offer(**known_fields(Offer, offer)), trials)

    @translate_errors
    def replace(self, secret: str, session: FormSession) -> None:
        """Store another version of a session."""
        self._write(_key(secret), "session", asdict(session))

    @translate_errors
    def count_trial(self, secret: str) -> int:
        """Count a test question of a session and return how many there were."""
        return int(self._redis.hincrby(_key(secret), "trials", 1))

    @translate_errors
    def end(self, secret: str) -> None:
        """Delete a session with its forms."""
        self._redis.delete(_key(secret))

    @translate_errors
    def save_draft(self, secret: str, draft: Draft, number: int | None = None) -> int:
        """Store the values of a form, of a new one by default, and return its number."""
        key = _key(secret)
        if number is None:
            number = int(self._redis.hincrby(key, "drafts", 1))
            self._redis.hdel(key, f"draft:{number - MAX_DRAFTS}")
        self._write(key, f"draft:{number}", asdict(draft))
        return number

    @translate_errors
    def find_draft(self, secret: str, number: int) -> Draft | None:
        """Load the values of a form."""
        values = self._read(_key(secret), f"draft:{number}")
        if values is None:
            return None
        values |= {"model_ids": tuple(values["model_ids"])}
        values["trial"] = tuple(TrialAnswer(**each) for each in values["trial"])
        return Draft(**known_fields(Draft, values))

    def _write(self, key: str, field: str, values: dict[str, Any]) -> None:
        sealed = self._cipher.seal(key, field, json.dumps(values))
        with self._redis.pipeline() as pipe:
            pipe.hset(key, field, sealed)
            pipe.expire(key, LIFETIME_SECONDS)
            pipe.execute()

    def _read(self, key: str, field: str) -> dict[str, Any] | None:
        sealed = self._redis.hget(key, field)
        if sealed is None:
            return None
        try:
            values: dict[str, Any] = json.loads(self._cipher.open(key, field, str(sealed)))
        except CannotDecrypt:
            return None
        return values


def _choices(listed: list[dict[str, Any]] | None) -> tuple[Choice, ...] | None:
    if listed is None:
        return None
    return tuple(Choice(each["id"], each["name"], tuple(each["model_ids"])) for each in listed)


def _key(secret: str) -> str:
    return f"install-form:{digest(secret)}"
