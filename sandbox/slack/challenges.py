"""The challenge by which Slack verifies an events URL."""

from __future__ import annotations

import json
import secrets
from urllib.parse import parse_qs

import requests

from sandbox.slack.records import App
from sandbox.slack.signing import signed_headers

_TIMEOUT = 3.0


def answers_challenge(app: App, url: str, timestamp: int) -> bool:
    """Send a challenge to a URL (docs.slack.dev, HTTP request URLs); return whether it echoes it in time."""
    challenge = secrets.token_urlsafe(32)
    asked = {"token": app.verification_token, "challenge": challenge, "type": "url_verification"}
    body = json.dumps(asked).encode()
    headers = {"Content-Type": "application/json", **signed_headers(app.signing_secret, timestamp, body)}
    try:
        response = requests.post(url, data=body, headers=headers, timeout=_TIMEOUT)
    except requests.RequestException:
        return False
    return response.status_code == 200 and challenge in _echoes(response)


def _echoes(response: requests.Response) -> list[str]:
    """Return the possible challenges in an answer, by its content type."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
    if kind == "text/plain":
        return [response.text]
    if kind == "application/x-www-form-urlencoded":
        return parse_qs(response.text).get("challenge", [])
    try:
        value = json.loads(response.text)
    except ValueError:
        return []
    return [str(value.get("challenge"))] if kind == "application/json" and isinstance(value, dict) else []
