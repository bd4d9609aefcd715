"""The pages that people see in a browser: the first one, the consent, and how an install ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlencode

from flask import Blueprint, Response, g, make_response, render_template, request

from sectorflow_slack.domain.installations import Installation, PendingInstallation
from sectorflow_slack.domain.slack import INSTALL_PATH
from sectorflow_slack.web import current_settings

blueprint = Blueprint("pages", __name__)
logger = logging.getLogger(__name__)


#: What the button of a refusal does: open the install link again, load the page again, open ``/install``, or
#: the first page.
Action = Literal["link", "reload", "install_page", "home"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The page of an install that failed: what happened, and what to do now."""

    status: int
    title: str
    text: str
    action: Action | None = None


_START_AGAIN = "Start again where you got the link: you get a new one."
_CORRECT = "Correct it where you set up the app: you get a new link."
_FOLLOW_AGAIN = "Open the install link again; it works for 24 hours."

REFUSALS = {
    "dead_link": Refusal(
        404,
        "This link does not work any more",
        f"An install link works for 24 hours and until the app is installed. {_START_AGAIN}",
        "install_page",
    ),
    "too_often": Refusal(
        429,
        "This link was used very often",
        "It was followed to Slack too often within an hour. Wait an hour, then open it again.",
    ),
    "cancelled": Refusal(
        403,
        "The app was not installed",
        f"You cancelled at Slack, so nothing has changed. {_FOLLOW_AGAIN}",
        "link",
    ),
    "other_browser": Refusal(
        400,
        "Please use one browser all the way",
        "The install was begun in another browser, more than ten minutes ago, or cookies are blocked here. "
        f"If the app is in Slack by now, all is well. If not: {_FOLLOW_AGAIN}",
    ),
    "stale": Refusal(
        400,
        "This step is over",
        f"It was taken before, or more than ten minutes have passed since it began. {_FOLLOW_AGAIN}",
        "link",
    ),
    "underway": Refusal(
        503,
        "The install is still in progress",
        "Slack takes longer than usual. Load this page again in a moment.",
        "reload",
    ),
    "other_team": Refusal(
        403,
        "That is another Slack workspace",
        f"This app is meant for one certain workspace, and you chose another one. {_FOLLOW_AGAIN}",
        "link",
    ),
    "already_installed": Refusal(
        409,
        "The app is installed already",
        "This app already answers in this Slack workspace, and nothing has changed about that. "
        "To change how it answers, or to replace it, go where it was set up.",
        "install_page",
    ),
    "other_app": Refusal(
        400,
        "Slack installed another app",
        f"The client id that was entered is that of another Slack app. {_CORRECT}",
        "install_page",
    ),
    "bad_credentials": Refusal(
        400,
        "Slack does not know this app",
        f"The client id or client secret that was entered is wrong. {_CORRECT}",
        "install_page",
    ),
    "slack_error": Refusal(
        400, "Slack did not finish the install", f"Slack ended it with an error. {_FOLLOW_AGAIN}", "link"
    ),
    "slack_away": Refusal(
        503,
        "Slack does not answer just now",
        f"Nothing has changed. In a few minutes: {_FOLLOW_AGAIN}",
        "link",
    ),
    "store_away": Refusal(
        503,
        "We are having trouble",
        "Our own store does not answer just now. Try again in a few minutes; if that does not help, start "
        "again where you began.",
        "reload",
    ),
    "out_of_date": Refusal(
        403,
        "This form is out of date",
        "Nothing was changed. It was opened before you signed in or out in another window, or cookies are "
        "blocked here. Open the page again.",
        "install_page",
    ),
    "too_many": Refusal(
        429,
        "That was too much at once",
        "Nothing was changed. Wait a minute, go back, and press the button again.",
    ),
    "gone": Refusal(
        404,
        "This app is not in your list",
        "It was removed, in another window or at Slack, or it is in the list of another sign-in now.",
        "install_page",
    ),
    "not_found": Refusal(
        404,
        "There is nothing here",
        "Perhaps the address was cut short on its way. Open it again where you found it, or go on from "
        "the first page.",
        "home",
    ),
    "broken": Refusal(
        500,
        "Something went wrong on our side",
        "Try again; if that does not help, start again where you began.",
        "reload",
    ),
}


@dataclass(frozen=True, slots=True)
class Button:
    """The button of a refusal."""

    label: str
    href: str


@blueprint.get("/")
def home() -> str:
    """Show what this service is, and where to go on."""
    return render_template("home.html", has_install_page=current_settings.install_page)


def consent_page(pending: PendingInstallation) -> Response:
    """Return the page before Slack's consent: which app, and where its questions will go."""
    page = render_template(
        "consent.html",
        settings=pending.settings,
        team_id=pending.team_id,
        link=pending.link,
        install_url=f"{current_settings.public_url}{INSTALL_PATH}/{pending.link}",
        expires_at=datetime.fromtimestamp(pending.expires_at, UTC).strftime("%-d %B %Y, %H:%M UTC"),
    )
    return make_response(page)


def installed_page(installation: Installation, bot_name: str) -> Response:
    """Return the page of a successful install, with a link to the workspace."""
    page = render_template(
        "installed.html",
        app_name=installation.settings.app_name,
        team_name=installation.bot.team_name,
        bot_name=bot_name,
        open_slack=open_slack_url(installation),
    )
    return make_response(page)


def open_slack_url(installation: Installation) -> str:
    """Return the page at Slack that opens an installed app."""
    query = {"app": installation.key.app_id, "team": installation.key.tenant_id}
    return f"{current_settings.slack_base_url}/app_redirect?{urlencode(query)}"


def refusal_page(reason: str, link: str | None = None) -> Response:
    """Return the page that explains why an install failed; ``link`` is the install link to try again."""
    refusal = REFUSALS[reason]
    request_id = g.get("request_id", "")
    logger.info("page of a refusal shown: %s", reason, extra={"request_id": request_id})
    # The beginning of the request's id finds that line.
    code = f"{reason} {request_id[:8]}".rstrip()
    page = render_template("refusal.html", refusal=refusal, code=code, button=_button(refusal, link))
    return make_response(page, refusal.status)


def _button(refusal: Refusal, link: str | None) -> Button | None:
    if refusal.action == "link" and link is not None:
        return Button("Try again", f"{INSTALL_PATH}/{link}")
    if refusal.action == "reload" and request.method == "GET":
        # An empty reference is the page itself, with the query that the page must not contain.
        return Button("Try again", "")
    # Only the install page has forms.
    if refusal.action in {"install_page", "reload"} and current_settings.install_page:
        return Button("Open the install page", "/install")
    if refusal.action == "home":
        return Button("Go to the first page", "/")
    return None
