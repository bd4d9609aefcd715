"""``flask keys``: make encryption keys, and re-encrypt the stored data."""

from __future__ import annotations

import click
from cryptography.fernet import Fernet

from sectorflow_slack.commands.output import Group, echo_json, json_option, progress
from sectorflow_slack.web import current_services

keys = Group("keys", help="Replace the keys that encrypt the stored data.")


@keys.command("new", with_appcontext=False)
@json_option("Print a JSON object with the key.")
def new_key(as_json: bool) -> None:
    """Print a new key for ENCRYPTION_KEYS and nothing else, so that it can be piped."""
    key = Fernet.generate_key().decode()
    if as_json:
        echo_json({"key": key})
    else:
        click.echo(key)


@keys.command("re-encrypt")
@json_option("Print one JSON document.")
def re_encrypt(as_json: bool) -> None:
    """Encrypt the stored data with the first of ENCRYPTION_KEYS, so that older keys can be removed.

    Can run while the service does, be interrupted, and be run again. Names the values that no key opens,
    leaves them as they are, and exits with 1.
    """
    renewed, current = 0, 0
    lost: list[dict[str, str]] = []
    records = dict.fromkeys(current_services.keyring.sealed_keys())
    for record in progress("Encrypting", as_json=as_json)(records):
        found = current_services.keyring.renew(record)
        renewed, current = renewed + found.renewed, current + found.current
        lost += [{"record": record, "field": field} for field in found.lost]
    if as_json:
        echo_json({"records": len(records), "renewed": renewed, "current": current, "lost": lost})
    else:
        click.echo(f"{len(records)} records: {renewed} values renewed, {current} were under the first key.")
        for value in lost:
            click.echo(f"No key opens {value['record']} {value['field']}.", err=True)
    if lost:
        raise click.exceptions.Exit(1)
