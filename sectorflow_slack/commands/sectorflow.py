"""``flask sectorflow``: SectorFlow's API with a given token, to tell whose fault a failure is."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import click

from sectorflow_slack.commands.output import Group, echo_fields, echo_json, echo_table, json_option, readable
from sectorflow_slack.domain.installations import SectorFlowSettings
from sectorflow_slack.domain.questions import Reply
from sectorflow_slack.domain.slack import VISIBLE_ASCII
from sectorflow_slack.web import current_services

#: Not an argument: those are seen by everybody on the machine, and kept in the shell's history.
TOKEN_VARIABLE = "SECTORFLOW_TOKEN"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Defaults:
    """What SectorFlow is asked with."""

    api_token: str = field(repr=False)
    #: Those of the installation whose token it is.
    settings: SectorFlowSettings | None = None


def find_defaults(installation_id: str | None) -> Defaults:
    """Give the token of an installation, or of the environment, or ask for one unseen.

    Raises:
        click.ClickException: there is no such installation, or what was given is no token.

    """
    if installation_id is not None:
        found = current_services.registration.find(installation_id)
        settings = found.settings.sectorflow if found else None
        if settings is None or not settings.api_token:
            raise click.ClickException("There is no such installation, or its token is forgotten or lost.")
        return Defaults(settings.api_token, settings)
    token = ask_token()
    if not re.fullmatch(VISIBLE_ASCII, token):
        raise click.ClickException("This is no token: it must be visible ASCII characters, without spaces.")
    return Defaults(token)


def ask_token() -> str:
    """Give the token of the environment, or ask for one unseen."""
    return os.environ.get(TOKEN_VARIABLE) or str(click.prompt("SectorFlow token", hide_input=True, err=True))


def timed(ask: Callable[[], Reply]) -> tuple[Reply, float]:
    """Ask, and give how many seconds it took as well."""
    start = time.monotonic()
    reply = ask()
    return reply, time.monotonic() - start


def echo_reply(reply: Reply, seconds: float, as_json: bool) -> None:
    """Print each model's answer apart, what it cost and how long it took."""
    if as_json:
        echo_json(_as_json(reply, seconds))
        return
    for answer in reply.answers:
        click.secho(readable(answer.name), bold=True)
        click.echo("(no answer)" if answer.failed else readable(answer.text))
        click.echo()
    charged = "credits unknown" if reply.credits is None else f"{reply.credits:g} credits"
    click.echo(f"{seconds:.1f} s, {charged}, thread {readable(reply.thread_id)}")


def _as_json(reply: Reply, seconds: float) -> dict[str, object]:
    answers = [
        {
            "modelId": answer.model_id,
            "modelName": answer.name,
            "baseModel": answer.base_model,
            "failed": answer.failed,
            "answer": answer.text,
        }
        for answer in reply.answers
    ]
    figures = {"threadId": reply.thread_id, "credits": reply.credits, "seconds": round(seconds, 3)}
    return {"answers": answers, **figures}


sectorflow = Group(
    "sectorflow",
    help="SectorFlow's API, with the token of SECTORFLOW_TOKEN, of a stored installation, or asked for.",
)

_MODEL_COLUMNS = {"id": "id", "name": "name", "baseModel": "model", "chatCredits": "credits"}
_WORKSPACE_COLUMNS = {
    "id": "id",
    "name": "name",
    "chatHistoryType": "history",
    "contextType": "context",
    "sharingType": "sharing",
    "models": "models",
}

installation_option = click.option(
    "--installation", "installation_id", metavar="ID", help="Use this installation's token and settings."
)


@sectorflow.command()
@installation_option
@json_option("One JSON object a line, as SectorFlow gave it.")
def models(installation_id: str | None, as_json: bool) -> None:
    """List the models that the token's user may use."""
    found = current_services.sectorflow.list_models(find_defaults(installation_id).api_token)
    _say_list(found, _MODEL_COLUMNS, as_json)


@sectorflow.command()
@installation_option
@json_option("One JSON object a line, as SectorFlow gave it.")
def workspaces(installation_id: str | None, as_json: bool) -> None:
    """List the workspaces of the token's user."""
    found = current_services.sectorflow.list_workspaces(find_defaults(installation_id).api_token)
    _say_list(found, _WORKSPACE_COLUMNS, as_json)


def _workspace_options(*, is_new: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the fields of a workspace; all of them are needed where one is made."""
    default = {"history": "TEAM", "context": "SHARED", "sharing": "TEAM"} if is_new else {}
    options = [
        click.option("--name", required=is_new, help="What people call it."),
        click.option(
            "--model", "model_ids", type=UUID, multiple=True, required=is_new, help="May come often."
        ),
        click.option("--history", type=click.Choice(["TEAM", "USER"]), default=default.get("history")),
        click.option("--context", type=click.Choice(["SHARED", "PRIVATE"]), default=default.get("context")),
        click.option("--sharing", type=click.Choice(["TEAM", "PRIVATE"]), default=default.get("sharing")),
    ]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@sectorflow.command("workspace-create")
@_workspace_options(is_new=True)
@installation_option
@json_option("One JSON document, as SectorFlow gave it.")
def create_workspace(installation_id: str | None, as_json: bool, **fields: Any) -> None:
    """Make a workspace."""
    token = find_defaults(installation_id).api_token
    _say_one(current_services.sectorflow.create_workspace(token, _workspace(fields)), as_json)


@sectorflow.command("workspace-update")
@click.argument("workspace_id", type=UUID)
@_workspace_options(is_new=False)
@installation_option
@json_option("One JSON document, as SectorFlow gave it.")
def update_workspace(workspace_id: UUID, installation_id: str | None, as_json: bool, **fields: Any) -> None:
    """Change what is named of the workspace WORKSPACE_ID; the rest is not sent."""
    changes = _workspace(fields)
    if not changes:
        raise click.UsageError("Name what is to be changed.")
    token = find_defaults(installation_id).api_token
    changed = current_services.sectorflow.update_workspace(token, str(workspace_id), changes)
    _say_one(changed, as_json)


@sectorflow.command()
@click.argument("question")
@click.option("--workspace", "workspace_id", type=UUID, help="Where to ask.")
@click.option("--model", "model_ids", type=UUID, multiple=True, help="Whom to ask; may come often.")
@click.option("--expert", "plus_id", type=UUID, help="The SectorPlus expert.")
@click.option("--thread", "thread_id", help="Go on with this SectorFlow thread.")
@installation_option
@json_option("One JSON document.")
@click.pass_context
def ask(ctx: click.Context, /, question: str, thread_id: str | None, as_json: bool, **chosen: Any) -> None:
    """Ask QUESTION and print each model's answer; it is charged as any other."""
    defaults = find_defaults(chosen.pop("installation_id"))
    settings = _settings(defaults, chosen)
    reply, seconds = timed(lambda: current_services.sectorflow.ask(settings, question, thread_id))
    echo_reply(reply, seconds, as_json)
    if all(answer.failed for answer in reply.answers):
        ctx.exit(1)


def _settings(defaults: Defaults, chosen: Mapping[str, Any]) -> SectorFlowSettings:
    stored = defaults.settings
    workspace_id = str(chosen["workspace_id"] or (stored and stored.workspace_id) or "")
    model_ids = tuple(map(str, chosen["model_ids"])) or (stored.model_ids if stored else ())
    if not workspace_id or not model_ids:
        raise click.UsageError("Name --workspace and --model, or an --installation that has them.")
    return SectorFlowSettings(
        api_token=defaults.api_token,
        workspace_id=workspace_id,
        model_ids=tuple(dict.fromkeys(model_ids)),
        plus_id=str(chosen["plus_id"] or (stored.plus_id if stored else "")),
        model_names=stored.model_names if stored else {},
    )


def _workspace(fields: Mapping[str, Any]) -> dict[str, Any]:
    names = {"name": "name", "history": "chatHistoryType", "context": "contextType", "sharing": "sharingType"}
    workspace = {there: fields[here] for here, there in names.items() if fields[here] is not None}
    if fields["model_ids"]:
        workspace["modelIds"] = [str(model_id) for model_id in fields["model_ids"]]
    return workspace


def _say_list(found: Sequence[Mapping[str, Any]], columns: Mapping[str, str], as_json: bool) -> None:
    if not as_json:
        echo_table([_flat(each) for each in found], columns, "None.")
        return
    for each in found:
        echo_json(dict(each))


def _say_one(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        echo_json(dict(found))
    else:
        flat = _flat(found)
        echo_fields({name: flat.get(name) for name in _WORKSPACE_COLUMNS})


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """Give the names of a workspace's models in the place of all that is known about them."""
    models = found.get("models")
    if not isinstance(models, list):
        return dict(found)
    named = [model.get("name") or model.get("modelId") for model in models if isinstance(model, dict)]
    return {**found, "models": named}
