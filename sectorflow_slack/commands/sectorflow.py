"""``flask sectorflow``: call SectorFlow's API by hand, to find out whether a failure is SectorFlow's."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import click

from sectorflow_slack.commands.output import Group, echo_json, echo_record, echo_rows, json_option, printable
from sectorflow_slack.domain.installations import SectorFlowSettings
from sectorflow_slack.domain.questions import Reply
from sectorflow_slack.domain.slack import VISIBLE_ASCII
from sectorflow_slack.web import current_services

#: No argument: all users of the machine can read those, and the shell's history stores them.
TOKEN_VARIABLE = "SECTORFLOW_TOKEN"  # noqa: S105 - a name


_MODEL_COLUMNS = {"id": "id", "name": "name", "baseModel": "model", "chatCredits": "credits"}
_WORKSPACE_COLUMNS = {
    "id": "id",
    "name": "name",
    "chatHistoryType": "history",
    "contextType": "context",
    "sharingType": "sharing",
    "models": "models",
}

sectorflow = Group(
    "sectorflow",
    help="Call SectorFlow's API by hand, with the token of --installation, of SECTORFLOW_TOKEN or a prompt.",
)

installation_option = click.option(
    "--installation", "installation_id", metavar="ID", help="Use this installation's token and settings."
)


def find_settings(installation_id: str | None) -> SectorFlowSettings:
    """Return the installation's settings, or the token of the environment or of a prompt without any."""
    if installation_id is not None:
        found = current_services.registration.find(installation_id)
        settings = found.settings.sectorflow if found else None
        if settings is None or not settings.api_token:
            raise click.ClickException("There is no such installation, or its token is deleted or lost.")
        return settings
    token = prompt_token()
    if not re.fullmatch(VISIBLE_ASCII, token):
        raise click.ClickException("This is no token: it must be visible ASCII characters, without spaces.")
    return SectorFlowSettings(token, workspace_id="", model_ids=())


def prompt_token() -> str:
    """Return the token of the environment, or prompt for one without echo."""
    return os.environ.get(TOKEN_VARIABLE) or str(click.prompt("SectorFlow token", hide_input=True, err=True))


@sectorflow.command()
@installation_option
@json_option("Print one JSON object a line, as SectorFlow returns it.")
def models(installation_id: str | None, as_json: bool) -> None:
    """List the models that the token's user may use, to find their ids."""
    found = current_services.sectorflow.list_models(find_settings(installation_id).api_token)
    _echo_list(found, _MODEL_COLUMNS, as_json)


@sectorflow.command()
@installation_option
@json_option("Print one JSON object a line, as SectorFlow returns it.")
def workspaces(installation_id: str | None, as_json: bool) -> None:
    """List the workspaces of the token's user, to find their ids."""
    found = current_services.sectorflow.list_workspaces(find_settings(installation_id).api_token)
    _echo_list(found, _WORKSPACE_COLUMNS, as_json)


def _workspace_options(*, is_new: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options for a workspace's fields; a new workspace needs all of them."""
    default = {"history": "TEAM", "context": "SHARED", "sharing": "TEAM"} if is_new else {}
    options = [
        click.option("--name", required=is_new, help="The name of the workspace."),
        click.option("--model", "model_ids", type=UUID, multiple=True, required=is_new, help="Repeatable."),
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
@json_option("Print one JSON document, as SectorFlow returns it.")
def create_workspace(installation_id: str | None, as_json: bool, **fields: Any) -> None:
    """Create a workspace for an installation to ask in."""
    token = find_settings(installation_id).api_token
    _echo_workspace(current_services.sectorflow.create_workspace(token, _workspace(fields)), as_json)


@sectorflow.command("workspace-update")
@click.argument("workspace_id", type=UUID)
@_workspace_options(is_new=False)
@installation_option
@json_option("Print one JSON document, as SectorFlow returns it.")
def update_workspace(workspace_id: UUID, installation_id: str | None, as_json: bool, **fields: Any) -> None:
    """Change the given fields of the workspace WORKSPACE_ID, and no others."""
    changes = _workspace(fields)
    if not changes:
        raise click.UsageError("Name a field to change.")
    token = find_settings(installation_id).api_token
    changed = current_services.sectorflow.update_workspace(token, str(workspace_id), changes)
    _echo_workspace(changed, as_json)


def _workspace(fields: Mapping[str, Any]) -> dict[str, Any]:
    names = {"name": "name", "history": "chatHistoryType", "context": "contextType", "sharing": "sharingType"}
    workspace = {there: fields[here] for here, there in names.items() if fields[here] is not None}
    if fields["model_ids"]:
        workspace["modelIds"] = [str(model_id) for model_id in fields["model_ids"]]
    return workspace


def _echo_list(found: Sequence[Mapping[str, Any]], columns: Mapping[str, str], as_json: bool) -> None:
    rows = found if as_json else [_with_model_names(each) for each in found]
    echo_rows(rows, columns, "None.", as_json=as_json)


def _echo_workspace(workspace: Mapping[str, Any], as_json: bool) -> None:
    if not as_json:
        workspace = _with_model_names(workspace)
        workspace = {name: workspace.get(name) for name in _WORKSPACE_COLUMNS}
    echo_record(workspace, as_json)


def _with_model_names(workspace: Mapping[str, Any]) -> dict[str, Any]:
    """Return a workspace whose models are names."""
    models = workspace.get("models")
    if not isinstance(models, list):
        return dict(workspace)
    names = [model.get("name") or model.get("modelId") for model in models if isinstance(model, dict)]
    return {**workspace, "models": names}


@sectorflow.command()
@click.argument("question")
@click.option("--workspace", "workspace_id", type=UUID, help="The workspace to ask in.")
@click.option("--model", "model_ids", type=UUID, multiple=True, help="A model to ask; repeatable.")
@click.option("--expert", "plus_id", type=UUID, help="The SectorPlus expert.")
@click.option("--thread", "thread_id", help="Continue this SectorFlow thread.")
@installation_option
@json_option("Print one JSON document.")
@click.pass_context
def ask(ctx: click.Context, /, question: str, thread_id: str | None, as_json: bool, **chosen: Any) -> None:
    """Ask QUESTION as the service would, and print each model's answer. SectorFlow charges for it."""
    settings = _chosen(find_settings(chosen.pop("installation_id")), chosen)
    start = time.monotonic()
    reply = current_services.sectorflow.ask(settings, question, thread_id)
    _echo_reply(reply, time.monotonic() - start, as_json)
    if all(answer.failed for answer in reply.answers):
        ctx.exit(1)


def _chosen(settings: SectorFlowSettings, options: Mapping[str, Any]) -> SectorFlowSettings:
    """Return the settings with the chosen options in place of theirs."""
    workspace_id = str(options["workspace_id"] or settings.workspace_id)
    model_ids = tuple(dict.fromkeys(map(str, options["model_ids"] or settings.model_ids)))
    if not workspace_id or not model_ids:
        raise click.UsageError("Name --workspace and --model, or an --installation that has them.")
    plus_id = str(options["plus_id"] or settings.plus_id)
    return replace(settings, workspace_id=workspace_id, model_ids=model_ids, plus_id=plus_id)


def _echo_reply(reply: Reply, seconds: float, as_json: bool) -> None:
    if as_json:
        echo_json(_reply_fields(reply, seconds))
        return
    for answer in reply.answers:
        click.secho(printable(answer.name), bold=True)
        click.echo("(no answer)" if answer.failed else printable(answer.text))
        click.echo()
    charged = "credits unknown" if reply.credits is None else f"{reply.credits:g} credits"
    click.echo(f"{seconds:.1f} s, {charged}, thread {printable(reply.thread_id)}")


def _reply_fields(reply: Reply, seconds: float) -> dict[str, object]:
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
