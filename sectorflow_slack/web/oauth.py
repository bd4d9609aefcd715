"""OAuth: a person's browser, on its way to Slack's consent page and back."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response

from sectorflow_slack.domain.errors import ConsentRefused
from sectorflow_slack.domain.slack import INSTALL_PATH, OAUTH_REDIRECT_PATH
from sectorflow_slack.services.oauth import OAuthCallback
from sectorflow_slack.web import current_services, current_settings
from sectorflow_slack.web.pages import installed_page, refusal_page

blueprint = Blueprint("oauth", __name__)

STATE_COOKIE = "sectorflow_slack_state"
STATE_SECONDS = 600


@blueprint.before_request
def refuse_head() -> None:
    """Refuse who only looks: Flask answers HEAD as it does GET, which would use up the state."""
    if request.method == "HEAD":
        raise MethodNotAllowed(valid_methods=["GET"])


@blueprint.get(f"{INSTALL_PATH}/<link>")
def begin(link: str) -> ResponseReturnValue:
    """Send the browser to Slack, with a state that only this browser can bring back."""
    try:
        trip = current_services.oauth.start(link)
    except ConsentRefused as refusal:
        return refusal_page(refusal.reason)
    response = redirect(trip.url)
    response.set_cookie(
        STATE_COOKIE,
        trip.state,
        max_age=STATE_SECONDS,
        path="/slack",
        secure=current_settings.serves_https,
        httponly=True,
        samesite="Lax",
    )
    return response


@blueprint.get(OAUTH_REDIRECT_PATH)
def complete() -> ResponseReturnValue:
    """Take the browser back from Slack and show how it ended."""
    answer = OAuthCallback(
        state=request.args.get("state"),
        cookie=request.cookies.get(STATE_COOKIE),
        code=request.args.get("code"),
        error=request.args.get("error"),
    )
    try:
        installation, pending = current_services.oauth.complete(answer)
    except ConsentRefused as refusal:
        response = _return(refusal.return_url, "failed", refusal.installation_id) or refusal_page(
            refusal.reason
        )
    else:
        response = _return(pending.return_url, "installed", pending.settings.id) or installed_page(
            installation
        )
    response.delete_cookie(STATE_COOKIE, path="/slack")
    return response


def _return(url: str | None, status: str, installation_id: str | None) -> Response | None:
    if url is None:
        return None
    joint = "&" if "?" in url else "?"
    return redirect(f"{url}{joint}{urlencode({'status': status, 'id': installation_id})}")
