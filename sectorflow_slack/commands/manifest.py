"""``flask manifest``: what a Slack app is made from by hand."""

from __future__ import annotations

import json

import click
from flask.cli import with_appcontext

from sectorflow_slack.commands.speaking import Command, json_option, say_json
from sectorflow_slack.services.manifests import app_manifest, creation_link
from sectorflow_slack.web import current_settings

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
        say_json(made)
    else:
        click.echo(json.dumps(made, indent=2))
