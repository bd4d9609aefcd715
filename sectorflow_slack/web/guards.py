"""The guard of what programs ask for: a bearer token, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Iterable
from typing import Any

from flask import Response, request
from slack_sdk.signature import SignatureVerifier
from werkzeug.exceptions import RequestEntityTooLarge

from sectorflow_slack.domain.slack import APP_ID
from sectorflow_slack.web import current_services, current_settings
from sectorflow_slack.web.errors import problem

logger = logging.getLogger(__name__)


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


def require_install_api_key() -> str:
    """Refuse a request whose bearer token is none of the install API's keys; gives the key's digest."""
    return require_bearer(current_settings.install_api_keys, "An install API key is needed.")


#: Stands in for the secret of an app that is not known, so that its refusal takes as long.
_UNKNOWN_APP_SECRET = "0" * 32


def read_json(text: str | bytes) -> dict[str, Any] | None:
    """Read a JSON object; None where it is none."""
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def verified_app_id(app_id: object) -> str | None:
    """Give the app that the request claims to be for, if it is signed with that app's secret.

    Raises:
        StorageUnavailable: the secret could not be loaded.

    """
    if not isinstance(app_id, str) or not re.fullmatch(APP_ID, app_id):
        return None
    events = current_services.events
    secrets = events.signing_secrets(app_id)
    fitting = [secret for secret in secrets or (_UNKNOWN_APP_SECRET,) if _is_signed_with(secret)]
    if not fitting or not secrets:
        if secrets:
            # Strangers cannot fill the log with this unless they know an app's id; a mistyped secret can.
            logger.warning("signature refused", extra={"app_id": app_id})
        return None
    if fitting[0] != secrets[0]:
        events.adopt_signing_secret(app_id, fitting[0])
    return app_id


def refuse() -> Response:
    """Answer the same for whatever is wrong: a stranger learns nothing from it."""
    return Response(status=401)


def _is_signed_with(secret: str) -> bool:
    try:
        return bool(
            SignatureVerifier(secret).is_valid(
                body=request.get_data(),
                timestamp=request.headers.get("X-Slack-Request-Timestamp", ""),
                signature=request.headers.get("X-Slack-Signature", ""),
            )
        )
    except (ValueError, TypeError, OverflowError):
        # slack_sdk raises on a timestamp that is no number, a body that is not UTF-8, a signature that is
        # not ASCII; each of them means that Slack did not sign this.
        return False


MAX_BODY_BYTES = 1024 * 1024


def refuse_cut_off_bodies() -> None:
    """Refuse a body that comes in chunks and is too large.

    Where there is a Content-Length, werkzeug refuses by it. Where there is none, it reads up to the limit
    and hands on what it has as if it were all.
    """
    if request.content_length is None and request.environ.get("wsgi.input_terminated"):
        request.get_data()
        if request.environ["wsgi.input"].read(1):
            raise RequestEntityTooLarge


#: Nothing runs in our pages, and nothing frames them.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
#: Swagger UI sets styles from its script and calls the API that it shows.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def set_security_headers(response: Response) -> Response:
    """Tell browsers to run, frame, sniff, keep and pass on as little as can be."""
    response.headers["Content-Security-Policy"] = DOCS_POLICY if request.path == "/docs" else PAGE_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if not request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response
