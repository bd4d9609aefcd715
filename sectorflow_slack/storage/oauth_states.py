"""One-time OAuth states.

``oauth-state:{sha256}``: JSON, for ten minutes: as long as a Slack code is valid (docs.slack.dev,
installing with OAuth).
"""

from __future__ import annotations

import hashlib
import json
import secrets

from redis import Redis

from sectorflow_slack.domain.installations import OAuthState
from sectorflow_slack.storage.connection import translate_errors

LIFETIME_SECONDS = 600


class OAuthStateStore:
    """Issues and consumes OAuth states; Redis has only a digest of the secret in the browser's cookie."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @translate_errors
    def issue(self, state: OAuthState) -> str:
        """Store a state under a new secret of 256 bits and return the secret."""
        secret = secrets.token_urlsafe(32)
        value = json.dumps([state.installation_id, state.app_id])
        self._redis.set(_key(secret), value, ex=LIFETIME_SECONDS)
        return secret

    @translate_errors
    def consume(self, secret: str) -> OAuthState | None:
        """Load and delete a state in one step; None if it is unknown, expired or already consumed."""
        value = self._redis.getdel(_key(secret))
        return OAuthState(*json.loads(value)) if value else None


def _key(secret: str) -> str:
    return f"oauth-state:{hashlib.sha256(secret.encode('utf-8', 'replace')).hexdigest()}"
