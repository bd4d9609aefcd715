"""``flask apps`` and ``flask manifest``: the Slack apps of the service, and the manifest for a new one."""

from __future__ import annotations

import json
from typing import Any

import click
from flask.cli import with_appcontext

from sectorflow_slack.commands.output import Command, Group, echo_json, echo_rows, json_option
from sectorflow_slack.domain.installations import AppSummary
from sectorflow_slack.services.manifests import app_manifest, creation_link
from sectorflow_slack.web import current_services, current_settings

apps = Group("apps", help="Show the Slack apps that the service answers for.")

#: How many teams of an app a table names; it counts the others, which may be thousands.
NAMED_TEAMS = 3
#: Slack's limit for the name of an app (docs.slack.dev, app manifest reference).
APP_NAME_MAX_LENGTH = 35

_COLUMNS = {
    "appId": "app",
    "clientId": "client id",
    "isOwn": "own",
    "teamIds": "teams",
    "signingSecretWaits": "new secret waits",
}


@apps.command("list")
@json_option("Print one JSON object a line.")
def list_apps(as_json: bool) -> None:
    """List the apps and their teams, to see who uses which. The service's own app is first; no secrets."""
    rows = [_row(app) for app in current_services.apps.list()]
    if not as_json:
        rows = [{**row, "teamIds": _first_teams(row["teamIds"])} for row in rows]
    echo_rows(rows, _COLUMNS, "No apps.", as_json=as_json)


def _first_teams(team_ids: list[str]) -> list[str]:
    others = len(team_ids) - NAMED_TEAMS
    return team_ids if others <= 0 else [*team_ids[:NAMED_TEAMS], f"{others} more"]


def _row(app: AppSummary) -> dict[str, Any]:
    return {
        "appId": app.app_id,
        "clientId": app.client_id,
        "isOwn": app.is_own,
        "teamIds": list(app.tenant_ids),
        "signingSecretWaits": app.secret_waits,
    }


@click.command(cls=Command)
@click.argument("app_name")
@click.option(
    "--link", "as_link", is_flag=True, help="Print a link to Slack's form with the manifest filled in."
)
@json_option("Print the manifest on one line; with --link, an object with the link.")
@with_appcontext
def manifest(app_name: str, as_link: bool, as_json: bool) -> None:
    """Print the manifest to create a Slack app called APP_NAME by hand."""
    name = app_name.strip()
    if not 1 <= len(name) <= APP_NAME_MAX_LENGTH or not name.isprintable():
        raise click.UsageError(f"APP_NAME must be 1 to {APP_NAME_MAX_LENGTH} printable characters.")
    content = app_manifest(name, current_settings.public_url)
    if as_link:
        link = creation_link(content, current_settings.slack_base_url)
        click.echo(json.dumps({"link": link}) if as_json else link)
    elif as_json:
        echo_json(content)
    else:
        click.echo(json.dumps(content, indent=2))
