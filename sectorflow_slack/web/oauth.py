"""OAuth in the browser: the install link, Slack's consent page and the redirect back."""

from __future__ import annotations

import hashlib
from urllib.parse import unquote_plus, urlencode

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response

from sectorflow_slack.domain.errors import ConsentRefused
from sectorflow_slack.domain.slack import INSTALL_PATH, OAUTH_REDIRECT_PATH
from sectorflow_slack.services.oauth import OAuthCallback
from sectorflow_slack.web import current_services, current_settings
from sectorflow_slack.web.pages import consent_page, installed_page, refusal_page

blueprint = Blueprint("oauth", __name__)

#: Each OAuth has a cookie of its own, so that two in one browser do not disturb each other.
COOKIE_PREFIX = "sectorflow_slack_state_"
STATE_SECONDS = 600
#: What the service adds to a ``returnUrl``.
RETURN_PARAMETERS = frozenset({"status", "id"})


@blueprint.before_request
def refuse_head() -> None:
    """Raise 405 for HEAD: Flask would handle it like GET, which consumes the state."""
    if request.method == "HEAD":
        raise MethodNotAllowed(valid_methods=["GET"])


@blueprint.get(f"{INSTALL_PATH}/<link>")
def show(link: str) -> ResponseReturnValue:
    """Show which app is to be installed and where its questions will go, before Slack asks for consent."""
    try:
        pending = current_services.oauth.find(link)
    except ConsentRefused as refusal:
        return refusal_page(refusal.reason)
    return consent_page(pending)


@blueprint.get(f"{INSTALL_PATH}/<link>/continue")
def begin(link: str) -> ResponseReturnValue:
    """Redirect the browser to Slack's consent page, with a state that is bound to a cookie."""
    try:
        authorize = current_services.oauth.start(link)
    except ConsentRefused as refusal:
        return refusal_page(refusal.reason, refusal.link)
    response = redirect(authorize.url)
    _set_cookie(response, authorize.state)
    return response


@blueprint.get(OAUTH_REDIRECT_PATH)
def complete() -> ResponseReturnValue:
    """Complete the install when Slack redirects the browser back, and show the result."""
    state = request.args.get("state") or ""
    callback = OAuthCallback(
        state=state,
        cookie=request.cookies.get(_cookie_name(state)),
        code=request.args.get("code"),
        error=request.args.get("error"),
    )
    try:
        completed = current_services.oauth.complete(callback)
    except ConsentRefused as refusal:
        response = _redirect_to_platform(refusal.return_url, "failed", refusal.installation_id)
        response = response or refusal_page(refusal.reason, refusal.link)
    else:
        installation = completed.installation
        response = _redirect_to_platform(completed.return_url, "installed", installation.settings.id)
        response = response or installed_page(installation, completed.bot_name)
    if callback.cookie is not None and callback.cookie == state:
        # For as long as a reload shows the result again.
        _set_cookie(response, state)
    return response


def _set_cookie(response: Response, state: str) -> None:
    response.set_cookie(
        _cookie_name(state),
        state,
        max_age=STATE_SECONDS,
        path="/slack",
        secure=current_settings.serves_https,
        httponly=True,
        samesite="Lax",
    )


def _cookie_name(state: str) -> str:
    return COOKIE_PREFIX + hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()[:16]


def _redirect_to_platform(url: str | None, status: str, installation_id: str | None) -> Response | None:
    """Redirect to ``url`` with our parameters in place of those of the same names."""
    if url is None:
        return None
    base, _, query = url.partition("?")
    kept = [part for part in query.split("&") if part and _name(part) not in RETURN_PARAMETERS]
    ours = urlencode({"status": status, "id": installation_id})
    return redirect(f"{base}?{'&'.join([*kept, ours])}")


def _name(parameter: str) -> str:
    return unquote_plus(parameter.partition("=")[0])
