"""The pages that people see in a browser: how an install ended, and the install API's documentation."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, render_template

from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.web import current_settings

blueprint = Blueprint("pages", __name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The page of an install that failed: what happened, and what to do now."""

    status: int
    title: str
    text: str


_START_AGAIN = "Start again from SectorFlow: it gives you a new link."
_FOLLOW_AGAIN = "Follow the install link from SectorFlow again; it works for 24 hours."

REFUSALS = {
    "dead_link": Refusal(
        404,
        "This link does not work any more",
        f"An install link works for 24 hours and until the app is installed. {_START_AGAIN}",
    ),
    "cancelled": Refusal(
        403, "The app was not installed", f"You cancelled at Slack, so nothing has changed. {_FOLLOW_AGAIN}"
    ),
    "other_browser": Refusal(
        400,
        "Please use one browser all the way",
        "The install was begun in another browser or window, or cookies are blocked here. " + _FOLLOW_AGAIN,
    ),
    "no_cookie": Refusal(
        400,
        "This page was opened a second time",
        "If the app is in Slack by now, all is well. If not, this may be another browser than the one the "
        f"install began in, or one that blocks cookies. {_FOLLOW_AGAIN}",
    ),
    "stale": Refusal(
        400,
        "This step is over",
        f"It was taken before, or more than ten minutes have passed since it began. {_FOLLOW_AGAIN}",
    ),
    "other_team": Refusal(
        403,
        "That is another Slack workspace",
        f"This app is meant for one certain workspace, and you chose another one. {_FOLLOW_AGAIN}",
    ),
    "already_installed": Refusal(
        409,
        "The app is installed already",
        "This app already answers in this Slack workspace, and nothing has changed about that. "
        "To change how it answers, use the Slack settings in SectorFlow.",
    ),
    "other_app": Refusal(
        400,
        "Slack installed another app",
        f"The app's details in SectorFlow belong to another Slack app. Correct them there. {_START_AGAIN}",
    ),
    "bad_credentials": Refusal(
        400,
        "Slack does not know this app",
        f"The app's client id or client secret in SectorFlow is wrong. Correct it there. {_START_AGAIN}",
    ),
    "slack_error": Refusal(
        400, "Slack did not finish the install", f"Slack ended it with an error. {_FOLLOW_AGAIN}"
    ),
    "slack_away": Refusal(
        503, "Slack does not answer just now", f"Nothing has changed. In a few minutes: {_FOLLOW_AGAIN}"
    ),
    "store_away": Refusal(
        503,
        "We are having trouble",
        f"Our own store does not answer just now. In a few minutes: {_FOLLOW_AGAIN}",
    ),
    "not_found": Refusal(404, "There is nothing here", "Perhaps the address was cut short on its way."),
    "broken": Refusal(500, "Something went wrong on our side", _FOLLOW_AGAIN),
}


@blueprint.get("/docs")
def docs() -> str:
    """Show Swagger UI for ``/openapi.json``; its assets are served from ``/static``."""
    return render_template("docs.html")


def installed_page(installation: Installation) -> Response:
    """Return the page of a successful install, with a link to the workspace."""
    query = {"app": installation.key.app_id, "team": installation.key.tenant_id}
    page = render_template(
        "installed.html",
        app_name=installation.settings.app_name,
        team_name=installation.bot.team_name,
        open_slack=f"{current_settings.slack_base_url}/app_redirect?{urlencode(query)}",
    )
    return make_response(page)


def refusal_page(reason: str) -> Response:
    """Return the page that explains why an install failed."""
    refusal = REFUSALS[reason]
    return make_response(render_template("refusal.html", refusal=refusal), refusal.status)
