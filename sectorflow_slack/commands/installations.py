"""``flask installations``: list, show, delete, export and import installations."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click

from sectorflow_slack.commands.output import Group, echo_json, echo_record, echo_rows, json_option, progress
from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import (
    AnyInstallation,
    Installation,
    InstallationQuery,
    PendingInstallation,
)
from sectorflow_slack.web import current_services
from sectorflow_slack.web.serializers import serialize

#: How many installations are loaded at once.
_PAGE = 100
#: A container whose file system is read-only has nowhere else to put a backup.
_STANDARD_STREAM = Path("-")

#: The columns of a list: headings by field.
_COLUMNS = {
    "id": "id",
    "status": "status",
    "appId": "app",
    "appName": "name",
    "teamId": "team",
    "teamName": "team name",
    "customerId": "customer",
    "createdAt": "created",
}


_REVOCATIONS = {
    "waiting": "Its bot token is still to be revoked at Slack: a worker retries.",
    "impossible": "Its bot token could not be decrypted and is not revoked: remove the app in Slack.",
}

installations = Group("installations", help="Register, change, show, delete and back up installations.")


def printed_fields(installation: AnyInstallation) -> dict[str, Any]:
    """Return the fields as in the install API, without the install link; times are ISO 8601 in UTC."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in serialize(installation).items()
        if name != "installUrl"
    }


@installations.command("list")
@click.option("--status", type=click.Choice(["pending", "installed", "failed", "expired"]))
@click.option("--app", "app_id", help="Only of this Slack app (A…).")
@click.option("--team", "team_id", help="Only in this Slack workspace (T…).")
@click.option("--customer", "customer_id", help="Only of this customer of the platform.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The longest list.")
@click.option("--all", "is_all", is_flag=True, help="List all, without a limit.")
@json_option("Print one JSON object a line, named as in the install API.")
def list_installations(limit: int, is_all: bool, as_json: bool, **filters: str | None) -> None:
    """List installations, oldest first, to find one or its state. Decrypts no secrets."""
    found = _load_all(InstallationQuery(**filters))  # type: ignore[arg-type]  # click has checked the status
    listed = map(printed_fields, found if is_all else islice(found, limit))
    echo_rows(listed, _COLUMNS, "No installations.", as_json=as_json)
    if next(found, None):
        click.echo("There are more: use --all, or a higher --limit.", err=True)


def _load_all(query: InstallationQuery) -> Iterator[AnyInstallation]:
    query = replace(query, limit=_PAGE)
    while True:
        page = current_services.registration.list(query)
        yield from page.items
        if page.next_cursor is None:
            return
        query = replace(query, cursor=page.next_cursor)


@installations.command()
@click.argument("installation_id", metavar="ID")
@json_option("Print one JSON document, named as in the install API.")
def show(installation_id: str, as_json: bool) -> None:
    """Show the settings and state of installation ID: no tokens, no secrets, no install link."""
    found = _find(installation_id)
    echo_record(printed_fields(found), as_json)
    if lost := _find_lost_secret(found):
        click.echo(f"No key opens its secrets ({lost}): it cannot be used.", err=True)


@installations.command()
@click.argument("installation_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@json_option("Print one JSON document.")
def delete(installation_id: str, yes: bool, as_json: bool) -> None:
    """Delete installation ID with its secrets, and revoke its bot token at Slack."""
    found = _find(installation_id)
    if not yes:
        name = f"{found.settings.app_name!r}, {printed_fields(found)['teamName'] or 'no team'}"
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


def _revocation(found: AnyInstallation) -> str:
    """Return the state of the bot token's revocation after the deletion."""
    if isinstance(found, PendingInstallation):
        return "none"
    if not found.bot.bot_token:
        return "impossible"
    return "waiting" if current_services.checkup.awaits_revocation(found.key) else "done"


def _find(installation_id: str) -> AnyInstallation:
    found = current_services.registration.find(installation_id)
    if found is None:
        raise click.ClickException("There is no such installation.")
    return found


def _find_lost_secret(found: AnyInstallation) -> str:
    """Return the Redis key and field of a secret that no key opens, else ""."""
    registration = current_services.registration
    try:
        if isinstance(found, Installation):
            registration.installations.find(found.key)
        else:
            registration.pendings.find(found.settings.id)
    except CannotDecrypt as error:
        return error.location
    return ""


@installations.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@json_option("Print one JSON document.")
def export_installations(file: Path, as_json: bool) -> None:
    """Back up all installations to FILE (- is stdout), encrypted with the first of ENCRYPTION_KEYS."""
    encrypted, number = current_services.backup.export(progress("Reading", as_json=as_json))
    if file == _STANDARD_STREAM:
        click.echo(encrypted)
        click.echo(f"{number} installations written to stdout.", err=True)
        return
    try:
        _write_for_owner(file, encrypted)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
    if as_json:
        echo_json({"file": str(file), "installations": number})
    else:
        click.echo(f"{number} installations written to {file}.")


def _write_for_owner(file: Path, text: str) -> None:
    """Write a file that only its owner can read; replace an older one when the new one is complete.

    What is no regular file, such as a pipe or /dev/stdout, is written to and not replaced.
    """
    if file.is_symlink() or (file.exists() and not file.is_file()):
        file.write_text(text)
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
            output.write(text)
        draft.replace(file)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise


def _read(file: Path) -> str:
    return sys.stdin.read() if file == _STANDARD_STREAM else file.read_text()


@installations.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@json_option("Print one JSON document.")
def import_installations(file: Path, as_json: bool) -> None:
    """Restore the installations that are missing from FILE (- is stdin); existing ones stay unchanged."""
    try:
        watch = progress("Restoring", as_json=as_json)
        number = current_services.backup.restore(_read(file).strip(), watch)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from None
    except (CannotDecrypt, UnicodeDecodeError):
        raise click.ClickException(f"{file} is no backup, or none of ENCRYPTION_KEYS opens it.") from None
    if as_json:
        echo_json({"file": str(file), "installations": number})
    else:
        click.echo(f"{number} installations restored.")
