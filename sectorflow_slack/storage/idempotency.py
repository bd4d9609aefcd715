"""What each ``Idempotency-Key`` led to.

``idempotency:{sha256}``: hash of ``fingerprint`` (of the body; sealed, so that nobody can try bodies
against it), ``installation_id``, ``state`` (``claimed``, ``making``: an app is being made at Slack by
``maker``, ``done``) and ``claimed_until``; 24 hours after the key first came.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from typing import Literal

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.errors import CannotDecrypt, RequestInProgress
from sectorflow_slack.domain.installations import Claim
from sectorflow_slack.storage.connection import read_hash, transact, translate_errors, write_hash
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.records import Fields

LIFETIME_SECONDS = 24 * 3600
#: A request is worked on for seconds; who has not finished by now has died.
LEASE_SECONDS = 60


class IdempotencyStore:
    """Keeps for 24 h what each ``Idempotency-Key`` led to."""

    def __init__(self, redis: Redis, cipher: Cipher, *, lease: float = LEASE_SECONDS) -> None:
        """Take the store, the cipher, and for how many seconds a claim holds that nobody finishes."""
        self._redis = redis
        self._cipher = cipher
        self._lease = lease

    @translate_errors
    def claim(self, key: str, fingerprint: str, installation_id: str) -> Claim:
        """Take a key for a request with this body; a claim that nobody finished lapses after a minute."""
        place = _place(key)
        sealed = self._cipher.seal(place, "fingerprint", fingerprint)

        def step(pipe: Pipeline) -> Claim:
            held = read_hash(pipe, place)
            now = _now(pipe)
            lease = {"claimed_until": repr(now + self._lease)}
            if not held:
                pipe.multi()
                new = {"fingerprint": sealed, "installation_id": installation_id, "state": "claimed"}
                write_hash(pipe, place, {**new, **lease})
                pipe.expire(place, LIFETIME_SECONDS)
                return Claim("mine", installation_id)
            state = self._state(place, held, fingerprint, now)
            if state == "mine":
                pipe.multi()
                write_hash(pipe, place, lease)
            return Claim(state, held["installation_id"])

        return transact(self._redis, step, place)

    @translate_errors
    def mark_app_creation(self, key: str) -> None:
        """Say that Slack is about to make an app: from now on a lapsed claim is in doubt.

        Raises:
            RequestInProgress: the claim had lapsed, and somebody else makes the app, or has.

        """
        place, maker = _place(key), uuid.uuid4().hex

        def step(pipe: Pipeline) -> None:
            # Tried again because Redis' answer got lost, it finds its own mark.
            state, known = pipe.hmget(place, "state", "maker")
            if known != maker:
                if state != "claimed":
                    raise RequestInProgress
                pipe.multi()
                write_hash(pipe, place, {"state": "making", "maker": maker})

        transact(self._redis, step, place)

    @translate_errors
    def complete(self, key: str) -> None:
        """Say that the installation is registered."""
        place = _place(key)

        def step(pipe: Pipeline) -> None:
            # What has expired stays so; a write keeps the hash's expiry.
            if pipe.exists(place):
                pipe.multi()
                pipe.hset(place, "state", "done")

        transact(self._redis, step, place)

    @translate_errors
    def release(self, key: str) -> None:
        """Let the key be claimed anew: nothing came of it."""
        place = _place(key)

        def step(pipe: Pipeline) -> None:
            if pipe.hget(place, "state") == "done":
                return
            pipe.multi()
            pipe.delete(place)

        transact(self._redis, step, place)

    def _state(
        self, place: str, held: Fields, fingerprint: str, now: float
    ) -> Literal["mine", "underway", "done", "other_body", "in_doubt"]:
        if not self._is_same(place, held, fingerprint):
            return "other_body"
        if held["state"] == "done":
            return "done"
        if now < float(held["claimed_until"]):
            return "underway"
        return "in_doubt" if held["state"] == "making" else "mine"

    def _is_same(self, place: str, held: Fields, fingerprint: str) -> bool:
        try:
            known = self._cipher.open(place, "fingerprint", held["fingerprint"])
        except CannotDecrypt:
            # Nobody can tell any more; refusing registers nothing twice.
            return False
        return hmac.compare_digest(known.encode(), fingerprint.encode())


def _now(pipe: Pipeline) -> float:
    """Ask Redis for the time, which is the same for all processes."""
    seconds, microseconds = pipe.time()
    return int(seconds) + int(microseconds) / 1e6


def _place(key: str) -> str:
    return f"idempotency:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"
