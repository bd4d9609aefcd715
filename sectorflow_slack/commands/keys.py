"""``flask keys``: new encryption keys, and everything stored put under them."""

from __future__ import annotations

import click
from cryptography.fernet import Fernet

from sectorflow_slack.commands.output import Group, echo_json, json_option, progress
from sectorflow_slack.web import current_services

keys = Group("keys", help="The keys that what is stored is encrypted with.")


@keys.command("new", with_appcontext=False)
@json_option("An object that has it.")
def new_key(as_json: bool) -> None:
    """Print a new key for ENCRYPTION_KEYS, and nothing else: it can be piped."""
    key = Fernet.generate_key().decode()
    if as_json:
        echo_json({"key": key})
    else:
        click.echo(key)


@keys.command("re-encrypt")
@json_option("One JSON document.")
def re_encrypt(as_json: bool) -> None:
    """Encrypt what is stored with the first of ENCRYPTION_KEYS.

    May run while the service does, be interrupted, and be run again. Ends with 1 where something is left
    that no key opens; it is named and stays as it is.
    """
    renewed, current = 0, 0
    lost: list[dict[str, str]] = []
    places = dict.fromkeys(current_services.keyring.sealed_keys())
    for place in progress("Encrypting", as_json=as_json)(places):
        found = current_services.keyring.renew(place)
        renewed, current = renewed + found.renewed, current + found.current
        lost += [{"record": place, "field": field} for field in found.lost]
    counts = {"records": len(places), "renewed": renewed, "current": current}
    if as_json:
        echo_json({**counts, "lost": lost})
    else:
        click.echo(f"{len(places)} records: {renewed} values renewed, {current} were under the first key.")
        for each in lost:
            click.echo(f"No key opens {each['record']} {each['field']}.", err=True)
    if lost:
        raise click.exceptions.Exit(1)
