"""With whose token SectorFlow is asked, and how its reply is shown."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import click

from sectorflow_slack.commands.speaking import readable, say_json
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
        found = current_services.installs.find(installation_id)
        settings = found.terms.sectorflow if found else None
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


def say_reply(reply: Reply, seconds: float, as_json: bool) -> None:
    """Print each model's answer apart, what it cost and how long it took."""
    if as_json:
        say_json(_as_json(reply, seconds))
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
