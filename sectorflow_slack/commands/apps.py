"""``flask apps``: the Slack apps that the service answers for."""

from __future__ import annotations

import json
from typing import Any

import click
from flask.cli import with_appcontext

from sectorflow_slack.commands.output import Command, Group, echo_json, echo_table, json_option
from sectorflow_slack.domain.installations import AppSummary
from sectorflow_slack.services.manifests import app_manifest, creation_link
from sectorflow_slack.web import current_services, current_settings

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
            echo_json(app)
    else:
        echo_table([{**app, "teamIds": _named(app["teamIds"])} for app in shown], _COLUMNS, "No apps.")


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


#: Slack's limit for the name of an app (docs.slack.dev, app manifest reference).
APP_NAME_MAX_LENGTH = 35


@click.command(cls=Command)
@click.argument("app_name")
@click.option("--link", "as_link", is_flag=True, help="Print the address at Slack where it is filled in.")
@json_option("On one line; with --link, an object that has it.")
@with_appcontext
def manifest(app_name: str, as_link: bool, as_json: bool) -> None:
    """Print the manifest of a Slack app called APP_NAME, to make one by hand."""
    name = app_name.strip()
    if not 1 <= len(name) <= APP_NAME_MAX_LENGTH or not name.isprintable():
        raise click.UsageError(f"APP_NAME must be 1 to {APP_NAME_MAX_LENGTH} readable characters.")
    made = app_manifest(name, current_settings.public_url)
    if as_link:
        link = creation_link(made, current_settings.slack_base_url)
        click.echo(json.dumps({"link": link}) if as_json else link)
    elif as_json:
        echo_json(made)
    else:
        click.echo(json.dumps(made, indent=2))
