"""The guard of the install API: a key as bearer token, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac

from flask import request

from sectorflow_slack.web import current_settings
from sectorflow_slack.web.errors import problem


def require_install_api_key() -> None:
    """Refuse a request whose bearer token is none of the install API's keys."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    digest = _digest(given.strip())
    # Each key is compared, so that the time does not tell which one nearly fitted.
    matches = [hmac.compare_digest(digest, _digest(key)) for key in current_settings.install_api_keys]
    if scheme.lower() != "bearer" or not any(matches):
        raise problem(401, "An install API key is needed.", headers={"WWW-Authenticate": "Bearer"})


def _digest(key: str) -> bytes:
    # Digests are of one length; comparing the keys themselves would tell theirs.
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
