"""``flask installations register``, ``change`` and ``feedback``: what the install API does, from a terminal.

The rules are the install API's own: an option's value goes into its schemas under the field's name. Secrets
are no options, because everybody on the machine could read them: they are asked for, or come on stdin.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import with_appcontext
from marshmallow import Schema, ValidationError

from sectorflow_slack.commands.installations import shown
from sectorflow_slack.commands.output import (
    Command,
    F,
    echo_json,
    echo_one,
    echo_table,
    json_option,
    readable,
)
from sectorflow_slack.commands.sectorflow import ask_token
from sectorflow_slack.domain.errors import AppNotCreated, InstallRefused
from sectorflow_slack.domain.installations import IdempotencyKey, Installation
from sectorflow_slack.services.idempotency import FIELD as IDEMPOTENCY_KEY
from sectorflow_slack.services.idempotency import fingerprint
from sectorflow_slack.web import current_services
from sectorflow_slack.web.feedback import NOT_INSTALLED, votes_by_model
from sectorflow_slack.web.fields import DISPLAYS
from sectorflow_slack.web.request_schemas import (
    IdempotencyKeySchema,
    InstallationRequestSchema,
    SettingsChangeSchema,
)
from sectorflow_slack.web.serializers import serialize

Fields = dict[str, Any]
#: Gives a secret by the name of its field.
Ask = Callable[[str], str]

#: What a secret is called, where it is asked for and where it is wrong.
_SECRETS = {
    "apiToken": "SectorFlow token",
    "clientSecret": "Client secret",
    "signingSecret": "Signing secret",
    "configToken": "App configuration token",
}
#: Under which option a field is found that no option is named after.
_OPTIONS = {"slackApp": "--app", IDEMPOTENCY_KEY: "--idempotency-key"}

_VOTES = {"modelId": "model", "modelName": "name", "up": "up", "down": "down"}


def _with_settings(command: F) -> F:
    """Give a command what an installation is registered with and changed by."""
    options = [
        click.option("--app-name", "appName", help="The app's name, as people see it in Slack."),
        click.option("--workspace", "workspaceId", help="The SectorFlow workspace to ask in."),
        click.option("--model", "modelIds", multiple=True, help="Whom to ask; may come often, in order."),
        click.option("--plus", "--expert", "plusId", help='The SectorPlus expert; "" for none.'),
        click.option("--display", type=click.Choice(DISPLAYS), help="How answers are laid out."),
        click.option(
            "--allow-external-users/--no-external-users",
            "allowExternalUsers",
            default=None,
            help="Whether people of other organisations get answers.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def _naming_options() -> Iterator[None]:
    """Say by option what is wrong with a field: wrong usage, or refused by somebody who was asked."""
    try:
        yield
    except ValidationError as error:
        raise click.UsageError("\n".join(_faults(error.messages))) from None
    except InstallRefused as refusal:
        raise click.ClickException(f"{_option(refusal.field)}: {refusal.message}") from None
    except AppNotCreated as error:
        raise click.ClickException("\n".join([error.message, *_faults(error.faults)])) from None


def _faults(found: Any, place: str = "") -> Iterator[str]:
    """Give a line for each message of a field, of a field within it, or of one of its items."""
    if not isinstance(found, Mapping):
        yield from (readable(f"{place}: {message}") for message in found)
        return
    for name, inner in found.items():
        yield from _faults(inner, f"{place} no. {name + 1}" if isinstance(name, int) else _option(name))


def _option(field: str) -> str:
    name = field.rpartition(".")[2]
    options = {param.name: param.opts[0] for param in click.get_current_context().command.params}
    return options.get(name) or _OPTIONS.get(name) or _SECRETS.get(name) or field


def _given(options: Mapping[str, Any]) -> Fields:
    """Leave out what was not said."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value is not None and value != ()
    }


def _asking(*, on_stdin: bool) -> Ask:
    def ask(name: str) -> str:
        if on_stdin:
            line = sys.stdin.buffer.readline()
            return line.decode(errors="replace").rstrip("\r\n")
        if name == "apiToken":
            return ask_token()
        return str(click.prompt(_SECRETS[name], hide_input=True, err=True))

    return ask


def _load(schema: Schema, fields: Callable[[Ask], Fields], ask: Ask) -> tuple[Any, Fields]:
    """Load what was given; looks at all the rest first, so that nobody is asked for a secret in vain."""
    schema.load(fields(lambda name: "-"))
    body = fields(ask)
    return schema.load(body), body


@click.command(cls=Command)
@_with_settings
@click.option("--customer", "customerId", help="The platform's own id of the customer.")
@click.option("--team", "teamId", help="Only this Slack workspace (T…) may consent.")
@click.option("--replaces", metavar="ID", help="The installation that this one takes the place of.")
@click.option("--return-url", "returnUrl", help="Where the person's browser ends.")
@click.option("--app", "appId", help="A Slack app that exists (A…); left out, the service's own.")
@click.option("--client-id", "clientId", help="That app's client id; its secrets are asked for.")
@click.option("--new-app", is_flag=True, help="Make an app; its configuration token is asked for.")
@click.option("--idempotency-key", help="The same again within 24 hours makes nothing new.")
@click.option("--secrets-stdin", is_flag=True, help="Read from stdin, a line each, what would be asked for.")
@json_option("One JSON document, named as in the install API.")
@with_appcontext
@_naming_options()
def register(
    new_app: bool, idempotency_key: str | None, secrets_stdin: bool, as_json: bool, **options: Any
) -> None:
    """Register an installation and print the link that a person of the customer consents with.

    Needs --app-name, --workspace, --model and the SectorFlow token, which is that of SECTORFLOW_TOKEN or
    asked for. Of an app that exists, client secret and signing secret are asked for after that; where one
    is to be made, a configuration token. The link is a secret.
    """
    given = _given(options)
    app = {name: given.pop(name) for name in ("appId", "clientId") if name in given}
    wanted = [*(("clientSecret", "signingSecret") if app else ()), *(("configToken",) if new_app else ())]

    def fields(ask: Ask) -> Fields:
        body = {**given, "apiToken": ask("apiToken")}
        return {**body, "slackApp": {**app, **{name: ask(name) for name in wanted}}} if wanted else body

    named = {} if idempotency_key is None else {IDEMPOTENCY_KEY: idempotency_key}
    key: str | None = IdempotencyKeySchema().load(named)
    asked, body = _load(InstallationRequestSchema(), fields, _asking(on_stdin=secrets_stdin))
    once = None if key is None else IdempotencyKey(key, fingerprint(body))
    found = current_services.registration.register(asked, once)
    echo_one(shown(found) | {"installUrl": serialize(found)["installUrl"]}, as_json)


@click.command(cls=Command)
@click.argument("installation_id", metavar="ID")
@_with_settings
@click.option("--token", is_flag=True, help="The SectorFlow token: SECTORFLOW_TOKEN's, or asked for.")
@click.option("--token-stdin", is_flag=True, help="The SectorFlow token: the first line of stdin.")
@json_option("One JSON document, named as in the install API.")
@with_appcontext
@_naming_options()
def change(installation_id: str, token: bool, token_stdin: bool, as_json: bool, **options: Any) -> None:
    """Change what is named of an installation, from the next question on."""
    given = _given(options)
    if not given and not token and not token_stdin:
        raise click.UsageError("Name what is to be changed.")

    def fields(ask: Ask) -> Fields:
        return {**given, "apiToken": ask("apiToken")} if token or token_stdin else given

    asked, _ = _load(SettingsChangeSchema(), fields, _asking(on_stdin=token_stdin))
    found = current_services.registration.change(installation_id, asked)
    if found is None:
        raise click.ClickException("There is no such installation.")
    echo_one(shown(found), as_json)


@click.command(cls=Command)
@click.argument("installation_id", metavar="ID")
@json_option("One JSON object a line, named as in the install API.")
@with_appcontext
def feedback(installation_id: str, as_json: bool) -> None:
    """Tell the votes on an installation's answers, by model."""
    found = current_services.registration.find(installation_id)
    if not isinstance(found, Installation):
        raise click.ClickException(NOT_INSTALLED)
    votes = votes_by_model(found.settings.sectorflow, current_services.feedback.votes(found.key))
    if not as_json:
        echo_table(votes, _VOTES, "No votes.")
        return
    for each in votes:
        echo_json(each)
