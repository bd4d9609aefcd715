"""The guard of Slack's requests: signed by the app they name, over the raw body, within five minutes.

See https://docs.slack.dev/authentication/verifying-requests-from-slack.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from flask import Response, request
from slack_sdk.signature import SignatureVerifier

from sectorflow_slack.domain.slack import APP_ID
from sectorflow_slack.web import current_services

logger = logging.getLogger(__name__)

#: Stands in for the secret of an app that is not known, so that its refusal takes as long.
_NOBODYS_SECRET = "0" * 32


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
    fitting = [secret for secret in secrets or (_NOBODYS_SECRET,) if _is_signed_with(secret)]
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
