"""One-time OAuth states, and how each ended.

``oauth-state:{sha256}``: sealed JSON. First the installation that the state was issued for, for ten minutes:
as long as a Slack code is valid (docs.slack.dev, installing with OAuth). Once the state is consumed, how the
OAuth ended, for ten minutes more, so that a reload of the last page shows it again.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import OAuthResult, OAuthState
from sectorflow_slack.storage.connection import transact, translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import digest
from sectorflow_slack.storage.records import known_fields

LIFETIME_SECONDS = 600
#: The reason of a result while the request that consumed the state is in progress.
UNDERWAY = "underway"
_FIELD = "state"


class OAuthStateStore:
    """Issues and consumes OAuth states; Redis has only a digest of the secret in the browser's cookie."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def issue(self, state: OAuthState) -> str:
        """Store a state under a new secret of 256 bits and return the secret."""
        secret = secrets.token_urlsafe(32)
        key = _key(secret)
        self._redis.set(key, self._seal(key, state), ex=LIFETIME_SECONDS)
        return secret

    @translate_errors
    def consume(self, secret: str) -> OAuthState | OAuthResult | None:
        """Return a state to its first caller, and to later ones the result; None if it is unknown or expired.

        The reason of the result is ``UNDERWAY`` until ``finish`` has stored it.
        """
        key = _key(secret)

        def step(pipe: Pipeline) -> OAuthState | OAuthResult | None:
            found = self._open(key, pipe.get(key))
            if isinstance(found, OAuthState):
                pipe.multi()
                underway = OAuthResult(found.installation_id, UNDERWAY)
                pipe.set(key, self._seal(key, underway), ex=LIFETIME_SECONDS)
            return found

        return transact(self._redis, step, key)

    @translate_errors
    def finish(self, secret: str, result: OAuthResult) -> None:
        """Store how the OAuth of a consumed state ended."""
        key = _key(secret)
        self._redis.set(key, self._seal(key, result), ex=LIFETIME_SECONDS)

    def _seal(self, key: str, value: OAuthState | OAuthResult) -> str:
        return self._cipher.seal(key, _FIELD, json.dumps(asdict(value)))

    def _open(self, key: str, sealed: object) -> OAuthState | OAuthResult | None:
        if not sealed:
            return None
        try:
            values = json.loads(self._cipher.open(key, _FIELD, str(sealed)))
        except CannotDecrypt:
            # Its encryption key was removed, or another program wrote it: the user starts again.
            return None
        kind = OAuthState if "app_id" in values else OAuthResult
        return kind(**known_fields(kind, values))


def _key(secret: str) -> str:
    return f"oauth-state:{digest(secret)}"
