"""The guard of what programs ask for: a bearer token, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from flask import request

from sectorflow_slack.web.errors import problem


def require_bearer(tokens: Iterable[str], message: str) -> str:
    """Refuse a request whose bearer token is none of these, with 401 and ``message``.

    Returns a digest of the token, by which its holder may be known elsewhere.
    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    digest = _digest(given.strip())
    # Each token is compared, so that the time does not tell which one nearly fitted.
    matches = [hmac.compare_digest(digest, _digest(token)) for token in tokens]
    if scheme.lower() != "bearer" or not any(matches):
        raise problem(401, message, headers={"WWW-Authenticate": "Bearer"})
    return digest.hex()


def _digest(token: str) -> bytes:
    # Digests are of one length; comparing the tokens themselves would tell theirs.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
