"""Checks that run before a view, and the security headers of every response."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from flask import Response, g, request
from slack_sdk.signature import Clock, SignatureVerifier
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

from sectorflow_slack.domain.slack import APP_ID
from sectorflow_slack.services.events import EventService
from sectorflow_slack.web import current_settings
from sectorflow_slack.web.errors import problem

logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:=+/-]{1,128}")

MAX_BODY_BYTES = 1024 * 1024
#: The blueprints that read no body before they have looked at the headers.
READ_BY_GUARD = frozenset({"interactions"})

#: Verified against if the app is unknown, so that the refusal takes as long as that of a known app.
UNKNOWN_APP_SECRET = "0" * 32

#: How old or early a signature may be (docs.slack.dev, verifying requests).
SIGNATURE_SECONDS = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_APP_ID_FIELD = re.compile(rb'"api_app_id"\s*:\s*"(' + APP_ID.encode() + rb')"')

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


def signed_payload(
    request: Request, events: EventService, read_text: Callable[[bytes], str | bytes] = bytes
) -> dict[str, Any] | None:
    """Return the payload of a request that Slack has signed, else None.

    ``events`` has the signing secrets; ``read_text`` returns the JSON in the body. JSON is parsed only after
    the signature has been verified, and nothing is read of a request whose headers no secret could match.
    """
    if not _is_plausible(request):
        return None
    refuse_large_chunked_bodies(request)
    text = read_text(request.get_data())
    app_id = _app_id_in(text)
    if app_id is None or not _is_signed(request, events, app_id):
        return None
    payload = read_json(text)
    return payload if payload is not None and payload.get("api_app_id") == app_id else None


def read_json(text: str | bytes) -> dict[str, Any] | None:
    """Parse a JSON object; return None for anything else."""
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def unauthorized() -> Response:
    """Return the same empty 401 for every fault, so that a stranger learns nothing from it."""
    return Response(status=401)


def _is_plausible(request: Request) -> bool:
    """Whether the headers are those of a signature of the last five minutes (docs.slack.dev, verifying)."""
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    if not _TIMESTAMP.fullmatch(timestamp) or abs(Clock().now() - int(timestamp)) > SIGNATURE_SECONDS:
        return False
    return _SIGNATURE.fullmatch(request.headers.get("X-Slack-Signature", "")) is not None


def _app_id_in(text: str | bytes) -> str | None:
    """Find the app's id in JSON that is not parsed; it is checked again once that is.

    Quotes within a JSON string are escaped, so that no user's text looks like this field.
    """
    found = _APP_ID_FIELD.search(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
    return found[1].decode() if found else None


def _is_signed(request: Request, events: EventService, app_id: str) -> bool:
    secrets = events.signing_secrets(app_id)
    matching = _matching(request, secrets or (UNKNOWN_APP_SECRET,))
    if matching is None and secrets:
        secrets = events.signing_secrets(app_id, newest=True)
        matching = _matching(request, secrets)
    if matching is None or not secrets:
        if secrets:
            # A mistyped secret causes this, too. Strangers can flood the log only if they know an app id.
            logger.warning("signature refused", extra={"app_id": app_id})
        return False
    if matching != secrets[0]:
        events.adopt_signing_secret(app_id, matching)
    return True


def _matching(request: Request, secrets: Iterable[str]) -> str | None:
    """Return the secret that the request was signed with, if it is one of these."""
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")

    def signed_with(secret: str) -> bool:
        verifier = SignatureVerifier(secret)
        return bool(verifier.is_valid(body=request.get_data(), timestamp=timestamp, signature=signature))

    try:
        return next(filter(signed_with, secrets), None)
    except (ValueError, TypeError, OverflowError):
        # slack_sdk raises on a body that is not UTF-8. Slack sends none.
        return None


# Every request and response


def check_body() -> None:
    """Refuse a body that is too large, unless the view's own guard reads it."""
    if request.blueprint not in READ_BY_GUARD:
        refuse_large_chunked_bodies(request)


def refuse_large_chunked_bodies(request: Request) -> None:
    """Raise 413 for a body without a Content-Length that is too large.

    werkzeug checks the Content-Length, but reads a chunked body up to the limit and ignores the rest.
    """
    if request.content_length is None and request.environ.get("wsgi.input_terminated"):
        request.get_data()
        if request.environ["wsgi.input"].read(1):
            raise RequestEntityTooLarge


def set_request_id() -> None:
    """Take the request's id from the proxy in front, or make one; each response names it."""
    g.request_id = request_id_of(request)
    g.started = time.perf_counter()


def request_id_of(request: Request) -> str:
    """Return the id that a request came with, or a new one."""
    given = request.headers.get("X-Request-Id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


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
    """Set the security headers of a response."""
    response.headers.update(security_headers(request.path, serves_https=current_settings.serves_https))
    return response


def security_headers(path: str, *, serves_https: bool) -> dict[str, str]:
    """Return headers that restrict what browsers may run, frame, sniff, cache and send as a referrer."""
    headers = {
        "Content-Security-Policy": PAGE_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    if serves_https:
        headers["Strict-Transport-Security"] = HSTS
    if not path.startswith("/static/"):
        headers["Cache-Control"] = "no-store"
    return headers
