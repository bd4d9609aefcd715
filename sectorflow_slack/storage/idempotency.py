"""The outcome of each ``Idempotency-Key``.

``idempotency:{digest}``: hash of ``fingerprint`` (of the body; sealed, so that a dump does not allow guesses
of the body), ``installation_id``, ``state`` (``claimed``; ``making`` while ``maker`` creates an app at Slack;
``done``) and ``claimed_until``; expires 24 hours after the key's first request.
"""

from __future__ import annotations

import hmac
import uuid

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.errors import CannotDecrypt, RequestInProgress
from sectorflow_slack.domain.installations import Claim, ClaimState
from sectorflow_slack.storage.connection import read_hash, transact, translate_errors, write_hash
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import digest
from sectorflow_slack.storage.records import Fields

LIFETIME_SECONDS = 24 * 3600
#: A request takes seconds; after this time its process has died.
LEASE_SECONDS = 60


class IdempotencyStore:
    """Stores the outcome of each ``Idempotency-Key``; each step is atomic.

    A claim that is neither completed nor released lapses: the same request may claim the key again, unless an
    app may have been created.
    """

    def __init__(self, redis: Redis, cipher: Cipher, *, lease: float = LEASE_SECONDS) -> None:
        self._redis = redis
        self._cipher = cipher
        self._lease = lease

    @translate_errors
    def claim(self, key: str, fingerprint: str, installation_id: str) -> Claim:
        """Claim a key for a request with this body; the state of the claim is "mine" if that succeeded."""
        redis_key = _redis_key(key)
        sealed = self._cipher.seal(redis_key, "fingerprint", fingerprint)

        def step(pipe: Pipeline) -> Claim:
            stored = read_hash(pipe, redis_key)
            # Redis's time, which all processes share.
            seconds, microseconds = pipe.time()
            now = int(seconds) + int(microseconds) / 1e6
            lease = {"claimed_until": repr(now + self._lease)}
            if not stored:
                pipe.multi()
                new = {"fingerprint": sealed, "installation_id": installation_id, "state": "claimed"}
                write_hash(pipe, redis_key, {**new, **lease})
                pipe.expire(redis_key, LIFETIME_SECONDS)
                return Claim("mine", installation_id)
            state = self._state(redis_key, stored, fingerprint, now)
            if state == "mine":
                pipe.multi()
                write_hash(pipe, redis_key, lease)
            return Claim(state, stored["installation_id"])

        return transact(self._redis, step, redis_key)

    @translate_errors
    def mark_app_creation(self, key: str) -> None:
        """Mark that an app is about to be created: from now on a lapsed claim is in doubt.

        Raises:
            RequestInProgress: the claim lapsed, and another request creates the app, or did.

        """
        redis_key, maker = _redis_key(key), uuid.uuid4().hex

        def step(pipe: Pipeline) -> None:
            # A retry after a lost reply finds its own mark.
            state, known = pipe.hmget(redis_key, "state", "maker")
            if known != maker:
                if state != "claimed":
                    raise RequestInProgress
                pipe.multi()
                write_hash(pipe, redis_key, {"state": "making", "maker": maker})

        transact(self._redis, step, redis_key)

    @translate_errors
    def complete(self, key: str) -> None:
        """Record that the installation is registered."""
        redis_key = _redis_key(key)

        def step(pipe: Pipeline) -> None:
            # An expired key is not written again; a write keeps the expiry.
            if pipe.exists(redis_key):
                pipe.multi()
                pipe.hset(redis_key, "state", "done")

        transact(self._redis, step, redis_key)

    @translate_errors
    def release(self, key: str) -> None:
        """Delete the claim of a request that failed, unless it is completed."""
        redis_key = _redis_key(key)

        def step(pipe: Pipeline) -> None:
            if pipe.hget(redis_key, "state") == "done":
                return
            pipe.multi()
            pipe.delete(redis_key)

        transact(self._redis, step, redis_key)

    def _state(self, redis_key: str, stored: Fields, fingerprint: str, now: float) -> ClaimState:
        if not self._is_same(redis_key, stored, fingerprint):
            return "other_body"
        if stored["state"] == "done":
            return "done"
        if now < float(stored["claimed_until"]):
            return "underway"
        return "in_doubt" if stored["state"] == "making" else "mine"

    def _is_same(self, redis_key: str, stored: Fields, fingerprint: str) -> bool:
        try:
            known = self._cipher.open(redis_key, "fingerprint", stored["fingerprint"])
        except CannotDecrypt:
            # Unknown. Refusing the request registers nothing twice.
            return False
        return hmac.compare_digest(known.encode(), fingerprint.encode())


def _redis_key(key: str) -> str:
    # The key is a keyed digest by now; this bounds its length whatever it is.
    return f"idempotency:{digest(key)}"
