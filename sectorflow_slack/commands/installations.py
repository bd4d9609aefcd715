"""``flask installations``: who has the app, ending that, keeping all of it elsewhere and putting it back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from sectorflow_slack.commands.output import Group, echo_json, echo_one, echo_table, json_option, progress
from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import Installation, InstallationQuery, PendingInstallation
from sectorflow_slack.web import current_services
from sectorflow_slack.web.serializers import serialize

Shown = dict[str, Any]

#: What a list shows of each, and under which heading.
COLUMNS = {
    "id": "id",
    "status": "status",
    "appId": "app",
    "appName": "name",
    "teamId": "team",
    "teamName": "team name",
    "customerId": "customer",
    "createdAt": "created",
}


def shown(installation: Installation | PendingInstallation) -> Shown:
    """Give what is shown of an installation; moments as the install API writes them, ISO 8601 in UTC."""
    fields = {name: value for name, value in serialize(installation).items() if name != "installUrl"}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()
    }


installations = Group("installations", help="Installations and the apps they belong to.")

#: The most that one page of the directory has.
_PAGE = 100

Found = Installation | PendingInstallation


@installations.command("list")
@click.option("--status", type=click.Choice(["pending", "installed", "failed", "expired"]))
@click.option("--app", "app_id", help="Of this Slack app (A…).")
@click.option("--team", "team_id", help="In this Slack workspace (T…).")
@click.option("--customer", "customer_id", help="Of this customer of the platform's.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="So many at most.")
@click.option("--all", "everything", is_flag=True, help="However many there are.")
@json_option("One JSON object a line, named as in the install API.")
def list_installations(limit: int, everything: bool, as_json: bool, **filters: str | None) -> None:
    """List them, oldest first; no secrets are opened."""
    found = _walk(InstallationQuery(**filters))  # type: ignore[arg-type]  # click has checked the status
    rows: list[Shown] = []
    has_more = False
    for each in found:
        if len(rows) == limit and not everything:
            has_more = True
            break
        row = shown(each)
        rows.append(row)
        if as_json:
            echo_json(row)
    if not as_json:
        echo_table(rows, COLUMNS, "No installations.")
    if has_more:
        click.echo("There are more: say --all, or a higher --limit.", err=True)


@installations.command()
@click.argument("installation_id", metavar="ID")
@json_option("One JSON document, named as in the install API.")
def show(installation_id: str, as_json: bool) -> None:
    """Show one; no tokens, no secrets, no install link."""
    found = _find(installation_id)
    echo_one(shown(found), as_json)
    if lost := _lost(found):
        click.echo(f"No key opens its secrets ({lost}): it cannot be used as it is.", err=True)


@installations.command()
@click.argument("installation_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@json_option("One JSON document.")
def delete(installation_id: str, yes: bool, as_json: bool) -> None:
    """Forget one with its secrets, and revoke its bot token at Slack."""
    found = _find(installation_id)
    if not yes:
        name = f"{found.settings.app_name!r}, {shown(found)['teamName'] or 'no team'}"
        click.confirm(f"Delete {installation_id} ({name})?", abort=True, err=True)
    if not current_services.registration.delete(installation_id):
        raise click.ClickException("There is no such installation any more.")
    revocation = _revocation(found)
    if as_json:
        echo_json({"id": installation_id, "deleted": True, "revocation": revocation})
        return
    click.echo(f"{installation_id} is deleted.")
    if revocation in _REVOCATIONS:
        click.echo(_REVOCATIONS[revocation], err=True)


_REVOCATIONS = {
    "waiting": "Its bot token is still to be revoked at Slack: a worker goes on trying.",
    "impossible": "Its bot token could not be read and is not revoked: remove the app in Slack.",
}


def _revocation(found: Found) -> str:
    """Say what became of the bot token, in a word."""
    if isinstance(found, PendingInstallation):
        return "none"
    if not found.bot.bot_token:
        return "impossible"
    return "waiting" if current_services.checkup.awaits_revocation(found.key) else "done"


def _find(installation_id: str) -> Found:
    found = current_services.registration.find(installation_id)
    if found is None:
        raise click.ClickException("There is no such installation.")
    return found


def _lost(found: Found) -> str:
    """Name what keeps an installation from being used: a secret that no key opens; "" where none does."""
    installs = current_services.registration
    try:
        if isinstance(found, Installation):
            installs.installations.find(found.key)
        else:
            installs.pendings.find(found.settings.id)
    except CannotDecrypt as error:
        return error.place
    return ""


def _walk(query: InstallationQuery) -> Iterator[Found]:
    """Go through all installations that a query fits."""
    query = replace(query, limit=_PAGE)
    while True:
        page = current_services.registration.list(query)
        yield from page.items
        if page.next_cursor is None:
            return
        query = replace(query, cursor=page.next_cursor)


@installations.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option("One JSON document.")
def export_installations(file: Path, as_json: bool) -> None:
    """Write all installations to FILE, sealed with the first of ENCRYPTION_KEYS."""
    sealed, number = current_services.backup.export(progress("Reading", as_json=as_json))
    try:
        _write_for_owner(file, sealed)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
    if as_json:
        echo_json({"file": str(file), "installations": number})
    else:
        click.echo(f"{number} installations written to {file}.")


def _write_for_owner(file: Path, text: str) -> None:
    """Make a file anew, for its owner only, and put it in the place of an older one when it is whole."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
            output.write(text)
        draft.replace(file)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise


@installations.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@json_option("One JSON document.")
def import_installations(file: Path, as_json: bool) -> None:
    """Put back from FILE what is missing; what is there stays as it is."""
    try:
        watch = progress("Putting back", as_json=as_json)
        number = current_services.backup.restore(file.read_text().strip(), watch)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from None
    except (CannotDecrypt, UnicodeDecodeError):
        raise click.ClickException(f"{file} is no backup, or none of ENCRYPTION_KEYS opens it.") from None
    if as_json:
        echo_json({"file": str(file), "installations": number})
    else:
        click.echo(f"{number} installations put back.")
