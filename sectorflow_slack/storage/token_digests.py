"""Keyed digests, by which an installation is found by its API token, and callers are counted.

``digest-key:tokens``: hash of ``key``, 256 random bits in hex, sealed. It never changes, so the digests stay
the same when encryption keys are replaced. A dump of Redis does not allow guesses of tokens.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from redis import Redis

from sectorflow_slack.storage.connection import translate_errors
from sectorflow_slack.storage.crypto import Cipher

KEY = "digest-key:tokens"
_FIELD = "key"


class TokenDigests:
    """Makes keyed digests of tokens, and of other texts that must not be read in Redis."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def of(self, text: str) -> str:
        """Return the digest of a text; raise ``CannotDecrypt`` if no encryption key decrypts its key."""
        return hmac.new(self._key(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def _key(self) -> bytes:
        sealed = self._redis.hget(KEY, _FIELD)
        if sealed is None:
            # Another process may be doing the same; the first one's is used.
            self._redis.hsetnx(KEY, _FIELD, self._cipher.seal(KEY, _FIELD, secrets.token_hex(32)))
            sealed = self._redis.hget(KEY, _FIELD)
        return bytes.fromhex(self._cipher.open(KEY, _FIELD, str(sealed)))
