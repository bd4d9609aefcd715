"""One-time states of trips to Slack's consent page.

``oauth-state:{sha256}``: JSON, ten minutes: as long as a Slack code lives (docs.slack.dev,
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
    """Keeps states in Redis, under a digest of the secret that the browser carries."""

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
        """Take a state out: the first caller gets it, every later one None."""
        value = self._redis.getdel(_key(secret))
        return OAuthState(*json.loads(value)) if value else None


def _key(secret: str) -> str:
    return f"oauth-state:{hashlib.sha256(secret.encode('utf-8', 'replace')).hexdigest()}"
