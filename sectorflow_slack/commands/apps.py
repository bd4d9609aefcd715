"""``flask apps``: the Slack apps that the service answers for."""

from __future__ import annotations

from typing import Any

from sectorflow_slack.commands.speaking import Group, json_option, say_json, say_table
from sectorflow_slack.domain.installations import AppSummary
from sectorflow_slack.web import current_services

apps = Group("apps", help="The Slack apps that the service answers for.")

#: A table names so many teams of an app, and counts the others: there may be thousands.
NAMED = 3

_COLUMNS = {
    "appId": "app",
    "clientId": "client id",
    "isOwn": "own",
    "teamIds": "teams",
    "signingSecretWaits": "new secret waits",
}


@apps.command("list")
@json_option("One JSON object a line.")
def list_apps(as_json: bool) -> None:
    """List them, the service's own first; no secrets."""
    shown = [_shown(app) for app in current_services.apps.list()]
    if as_json:
        for app in shown:
            say_json(app)
    else:
        say_table([{**app, "teamIds": _named(app["teamIds"])} for app in shown], _COLUMNS, "No apps.")


def _named(team_ids: list[str]) -> list[str]:
    others = len(team_ids) - NAMED
    return team_ids if others <= 0 else [*team_ids[:NAMED], f"{others} more"]


def _shown(app: AppSummary) -> dict[str, Any]:
    return {
        "appId": app.app_id,
        "clientId": app.client_id,
        "isOwn": app.is_own,
        "teamIds": list(app.tenant_ids),
        "signingSecretWaits": app.secret_waits,
    }
