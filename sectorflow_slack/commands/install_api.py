"""``flask installations register``, ``change`` and ``feedback``: the install API's operations on a terminal.

The install API's schemas validate the options. Secrets are no options, because all users of the machine can
read a process's arguments: they are prompted for, or read from stdin.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import with_appcontext
from marshmallow import Schema, ValidationError

from sectorflow_slack.commands.installations import printed_fields
from sectorflow_slack.commands.output import Command, F, echo_record, echo_rows, json_option, printable
from sectorflow_slack.commands.sectorflow import prompt_token
from sectorflow_slack.domain.errors import AppNotCreated, InstallRefused
from sectorflow_slack.domain.installations import DISPLAYS, Installation
from sectorflow_slack.services.idempotency import FIELD as IDEMPOTENCY_KEY
from sectorflow_slack.web import current_services
from sectorflow_slack.web.feedback import NOT_INSTALLED, feedback_on
from sectorflow_slack.web.request_schemas import (
    IdempotencyKeySchema,
    InstallationRequestSchema,
    SettingsChangeSchema,
)
from sectorflow_slack.web.serializers import serialize

Fields = dict[str, Any]
#: Returns a secret by the name of its field.
ReadSecret = Callable[[str], str]

#: The names of secrets in prompts and messages, by field.
_SECRETS = {
    "apiToken": "SectorFlow token",
    "clientSecret": "Client secret",
    "signingSecret": "Signing secret",
    "configToken": "App configuration token",
}
#: The options of fields that no parameter of a command is named after.
_OPTIONS = {"slackApp": "--app", IDEMPOTENCY_KEY: "--idempotency-key"}

#: In place of an install API key: the keys of commands are not those of the platform.
OPERATOR = "operator"

_VOTES = {"modelId": "model", "modelName": "name", "up": "up", "down": "down"}


def _with_settings(command: F) -> F:
    """Add the options for an installation's settings."""
    options = [
        click.option("--app-name", "appName", help="The app's name in Slack."),
        click.option("--workspace", "workspaceId", help="The SectorFlow workspace to ask in."),
        click.option("--model", "modelIds", multiple=True, help="A model to ask; repeatable, in this order."),
        click.option("--plus", "--expert", "plusId", help='The SectorPlus expert; "" for none.'),
        click.option("--display", type=click.Choice(DISPLAYS), help="The layout of answers."),
        click.option(
            "--allow-external-users/--no-external-users",
            "allowExternalUsers",
            default=None,
            help="Whether users of other organisations get answers.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def _naming_options() -> Iterator[None]:
    """Report errors of fields by option: as wrong usage, or as refused by Slack or SectorFlow."""
    try:
        yield
    except ValidationError as error:
        raise click.UsageError("\n".join(_faults(error.messages))) from None
    except InstallRefused as refusal:
        faults = (f"{_option(field)}: {message}" for field, message in refusal.faults.items())
        raise click.ClickException("\n".join(faults)) from None
    except AppNotCreated as error:
        raise click.ClickException("\n".join([error.message, *_faults(error.faults)])) from None


def _faults(errors: Any, option: str = "") -> Iterator[str]:
    """Yield a line for each message in nested errors; the keys are fields, or positions in a list."""
    if not isinstance(errors, Mapping):
        yield from (printable(f"{option}: {message}") for message in errors)
        return
    for key, inner in errors.items():
        yield from _faults(inner, f"{option} no. {key + 1}" if isinstance(key, int) else _option(key))


def _option(field: str) -> str:
    outer, _, name = field.rpartition(".")
    if name.isdecimal():
        return f"{_option(outer)} no. {int(name) + 1}"
    options = {param.name: param.opts[0] for param in click.get_current_context().command.params}
    return options.get(name) or _OPTIONS.get(name) or _SECRETS.get(name) or field


def _given(options: Mapping[str, Any]) -> Fields:
    """Return the options that were given, as JSON values."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value is not None and value != ()
    }


def _secret_reader(*, from_stdin: bool) -> ReadSecret:
    def read(name: str) -> str:
        if from_stdin:
            line = sys.stdin.buffer.readline()
            return line.decode(errors="replace").rstrip("\r\n")
        if name == "apiToken":
            return prompt_token()
        return str(click.prompt(_SECRETS[name], hide_input=True, err=True))

    return read


def _load(
    schema: Schema, make_body: Callable[[ReadSecret], Fields], read_secret: ReadSecret
) -> tuple[Any, Fields]:
    """Validate the options, then prompt for the secrets and load the whole body."""
    schema.load(make_body(lambda name: "-"))
    body = make_body(read_secret)
    return schema.load(body), body


@click.command(cls=Command)
@_with_settings
@click.option("--customer", "customerId", help="The platform's id of the customer.")
@click.option("--team", "teamId", help="The only Slack workspace (T…) that may consent.")
@click.option("--replaces", metavar="ID", help="The installation that this one replaces.")
@click.option("--return-url", "returnUrl", help="Where to redirect the browser after the consent.")
@click.option("--app", "appId", help="An existing Slack app (A…); by default, the service's own.")
@click.option("--client-id", "clientId", help="The client id of --app; prompts for the app's secrets.")
@click.option("--new-app", is_flag=True, help="Create an app; prompts for a configuration token.")
@click.option("--idempotency-key", help="Repeating a command with it within 24 hours makes nothing new.")
@click.option("--secrets-stdin", is_flag=True, help="Read the secrets from stdin, one a line; no prompts.")
@json_option("Print one JSON document, named as in the install API.")
@with_appcontext
@_naming_options()
def register(
    new_app: bool, idempotency_key: str | None, secrets_stdin: bool, as_json: bool, **options: Any
) -> None:
    """Register an installation and print the link with which the customer's admin installs the app.

    Needs --app-name, --workspace, --model and the SectorFlow token (SECTORFLOW_TOKEN, or a prompt). An
    existing app also needs its client secret and signing secret, a new one a configuration token: the
    command prompts for them. The link is a secret.
    """
    given = _given(options)
    app = {name: given.pop(name) for name in ("appId", "clientId") if name in given}
    secrets = [*(("clientSecret", "signingSecret") if app else ()), *(("configToken",) if new_app else ())]

    def make_body(read: ReadSecret) -> Fields:
        body = {**given, "apiToken": read("apiToken")}
        return {**body, "slackApp": {**app, **{name: read(name) for name in secrets}}} if secrets else body

    header = {} if idempotency_key is None else {IDEMPOTENCY_KEY: idempotency_key}
    key: str | None = IdempotencyKeySchema().load(header)
    read_secret = _secret_reader(from_stdin=secrets_stdin)
    request, body = _load(InstallationRequestSchema(), make_body, read_secret)
    registration = current_services.registration
    once = None if key is None else registration.idempotency.make_key(OPERATOR, key, body)
    pending = registration.register(request, once)
    echo_record(printed_fields(pending) | {"installUrl": serialize(pending)["installUrl"]}, as_json)


@click.command(cls=Command)
@click.argument("installation_id", metavar="ID")
@_with_settings
@click.option("--token", is_flag=True, help="Change the SectorFlow token to SECTORFLOW_TOKEN, or prompt.")
@click.option("--token-stdin", is_flag=True, help="Change the SectorFlow token to the first line of stdin.")
@json_option("Print one JSON document, named as in the install API.")
@with_appcontext
@_naming_options()
def change(installation_id: str, token: bool, token_stdin: bool, as_json: bool, **options: Any) -> None:
    """Change the given settings of installation ID; they apply from the next question on."""
    given = _given(options)
    if not given and not token and not token_stdin:
        raise click.UsageError("Name a setting to change.")

    def make_body(read: ReadSecret) -> Fields:
        return {**given, "apiToken": read("apiToken")} if token or token_stdin else given

    request, _ = _load(SettingsChangeSchema(), make_body, _secret_reader(from_stdin=token_stdin))
    changed = current_services.registration.change(installation_id, request)
    if changed is None:
        raise click.ClickException("There is no such installation.")
    echo_record(printed_fields(changed), as_json)


@click.command(cls=Command)
@click.argument("installation_id", metavar="ID")
@json_option("Print one JSON object a line, named as in the install API.")
@with_appcontext
def feedback(installation_id: str, as_json: bool) -> None:
    """Count the votes on the answers of installation ID by model, to see which models people like."""
    found = current_services.registration.find(installation_id)
    if not isinstance(found, Installation):
        raise click.ClickException(NOT_INSTALLED)
    echo_rows(feedback_on(found), _VOTES, "No votes.", as_json=as_json)
