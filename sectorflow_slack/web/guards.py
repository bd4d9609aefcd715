"""Checks that run before a view, and the security headers of every response."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, g, request
from slack_sdk.signature import SignatureVerifier
from werkzeug.exceptions import RequestEntityTooLarge

from sectorflow_slack.domain.slack import APP_ID
from sectorflow_slack.web import current_services, current_settings
from sectorflow_slack.web.errors import problem

logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:=+/-]{1,128}")

MAX_BODY_BYTES = 1024 * 1024

#: Verified against if the app is unknown, so that the refusal takes as long as that of a known app.
UNKNOWN_APP_SECRET = "0" * 32

#: Our pages run our own scripts only, send forms only to us, and cannot be framed.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
#: Browsers use https for a year, whatever a link says.
HSTS = "max-age=31536000"


# Bearer tokens: the install API and the metrics


def require_install_api_key() -> str:
    """Raise 401 unless the bearer token is an install API key; return the key's digest."""
    return require_bearer(current_settings.install_api_keys, "An install API key is needed.")


def require_bearer(tokens: Iterable[str], message: str) -> str:
    """Raise 401 with ``message`` unless the bearer token is one of ``tokens``; return its digest."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    digest = _digest(token.strip())
    # Compare with every token: stopping at a match would show in the response time which one it was.
    matches = [hmac.compare_digest(digest, _digest(expected)) for expected in tokens]
    if scheme.lower() != "bearer" or not any(matches):
        raise problem(401, message, headers={"WWW-Authenticate": "Bearer"})
    return digest.hex()


def _digest(token: str) -> bytes:
    # Digests have one length; comparing the tokens themselves would leak theirs.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


# Slack's signature: events and interactions


def read_json(text: str | bytes) -> dict[str, Any] | None:
    """Parse a JSON object; return None for anything else."""
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def is_signed_by_slack(payload: Mapping[str, Any] | None) -> bool:
    """Whether the request is signed with the secret of the app that its ``payload`` names."""
    app_id = payload.get("api_app_id") if payload is not None else None
    if not isinstance(app_id, str) or not re.fullmatch(APP_ID, app_id):
        return False
    secrets = current_services.events.signing_secrets(app_id)
    matching = [secret for secret in secrets or (UNKNOWN_APP_SECRET,) if _verifies(secret)]
    if not secrets:
        return False
    if not matching:
        # A mistyped secret causes this, too. Strangers can flood the log only if they know an app id.
        logger.warning("signature refused", extra={"app_id": app_id})
        return False
    if matching[0] != secrets[0]:
        current_services.events.adopt_signing_secret(app_id, matching[0])
    return True


def unauthorized() -> Response:
    """Return the same empty 401 for every fault, so that a stranger learns nothing from it."""
    return Response(status=401)


def _verifies(secret: str) -> bool:
    try:
        return bool(
            SignatureVerifier(secret).is_valid(
                body=request.get_data(),
                timestamp=request.headers.get("X-Slack-Request-Timestamp", ""),
                signature=request.headers.get("X-Slack-Signature", ""),
            )
        )
    except (ValueError, TypeError, OverflowError):
        # slack_sdk raises on a timestamp that is not a number, a body that is not UTF-8 and a signature
        # that is not ASCII. Slack sends none of these.
        return False


# Every request and response


def refuse_large_chunked_bodies() -> None:
    """Raise 413 for a body without a Content-Length that is too large.

    werkzeug checks the Content-Length, but reads a chunked body up to the limit and ignores the rest.
    """
    if request.content_length is None and request.environ.get("wsgi.input_terminated"):
        request.get_data()
        if request.environ["wsgi.input"].read(1):
            raise RequestEntityTooLarge


def set_request_id() -> None:
    """Take the request's id from the proxy in front, or make one; each response names it."""
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    g.started = time.perf_counter()


def report_refused_call(response: Response) -> Response:
    """Name the request in the response, and log each call of the install API that is refused."""
    response.headers["X-Request-Id"] = g.request_id
    if response.status_code >= 400 and request.path.startswith("/api/"):
        ids = {
            "request_id": g.request_id,
            "method": request.method,
            "endpoint": request.endpoint,
            "status": response.status_code,
            "seconds": round(time.perf_counter() - g.started, 3),
        }
        logger.info("install API call refused", extra=ids)
    return response


def set_security_headers(response: Response) -> Response:
    """Restrict what browsers may run, frame, sniff, cache and send as a referrer."""
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if current_settings.serves_https:
        response.headers["Strict-Transport-Security"] = HSTS
    if not request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response
