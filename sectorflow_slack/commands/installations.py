"""``flask installations``: keeping installations elsewhere, and putting them back."""

from __future__ import annotations

import os
from pathlib import Path

import click
from flask.cli import AppGroup

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.web import current_services

installations = AppGroup("installations", help="Installations and the apps they belong to.")


@installations.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export_installations(file: Path) -> None:
    """Write all installations to FILE, sealed with the first of ENCRYPTION_KEYS."""
    sealed, number = current_services.backup.export()
    # Made anew, for its owner only, and put in the place of an older one when it is whole.
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        output.write(sealed)
    draft.replace(file)
    click.echo(f"{number} installations written to {file}.")


@installations.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def import_installations(file: Path) -> None:
    """Put back from FILE what is missing; what is there stays as it is."""
    try:
        number = current_services.backup.restore(file.read_text().strip())
    except CannotDecrypt:
        raise click.ClickException(f"{file} is no backup, or none of ENCRYPTION_KEYS opens it.") from None
    click.echo(f"{number} installations put back.")
