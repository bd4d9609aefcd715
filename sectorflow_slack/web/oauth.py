"""OAuth in the browser: the install link, Slack's consent page and the redirect back."""

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
    """Raise 405 for HEAD: Flask would handle it like GET, which consumes the state."""
    if request.method == "HEAD":
        raise MethodNotAllowed(valid_methods=["GET"])


@blueprint.get(f"{INSTALL_PATH}/<link>")
def begin(link: str) -> ResponseReturnValue:
    """Redirect the browser to Slack's consent page, with a state that is bound to a cookie."""
    try:
        authorize = current_services.oauth.start(link)
    except ConsentRefused as refusal:
        return refusal_page(refusal.reason)
    response = redirect(authorize.url)
    response.set_cookie(
        STATE_COOKIE,
        authorize.state,
        max_age=STATE_SECONDS,
        path="/slack",
        secure=current_settings.serves_https,
        httponly=True,
        samesite="Lax",
    )
    return response


@blueprint.get(OAUTH_REDIRECT_PATH)
def complete() -> ResponseReturnValue:
    """Complete the install when Slack redirects the browser back, and show the result."""
    callback = OAuthCallback(
        state=request.args.get("state"),
        cookie=request.cookies.get(STATE_COOKIE),
        code=request.args.get("code"),
        error=request.args.get("error"),
    )
    try:
        installation, pending = current_services.oauth.complete(callback)
    except ConsentRefused as refusal:
        response = _redirect_to_platform(refusal.return_url, "failed", refusal.installation_id)
        response = response or refusal_page(refusal.reason)
    else:
        response = _redirect_to_platform(pending.return_url, "installed", pending.settings.id)
        response = response or installed_page(installation)
    response.delete_cookie(STATE_COOKIE, path="/slack")
    return response


def _redirect_to_platform(url: str | None, status: str, installation_id: str | None) -> Response | None:
    if url is None:
        return None
    separator = "&" if "?" in url else "?"
    return redirect(f"{url}{separator}{urlencode({'status': status, 'id': installation_id})}")
