"""Slack's request signature."""

from __future__ import annotations

import hashlib
import hmac


def sign(signing_secret: str, timestamp: int, body: bytes) -> str:
    """Sign a body as Slack does (docs.slack.dev, verifying requests from Slack)."""
    base = b"v0:%d:" % timestamp + body
    return "v0=" + hmac.new(signing_secret.encode(), base, hashlib.sha256).hexdigest()


def signed_headers(signing_secret: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the two headers of Slack's signature."""
    return {
        "X-Slack-Request-Timestamp": str(timestamp),
        "X-Slack-Signature": sign(signing_secret, timestamp, body),
    }
