"""How commands speak: tables for people, JSON for scripts, one plain sentence where something went wrong.

Exit codes are the same everywhere: 0 fine, 1 trouble was found or the command failed, 2 wrong usage.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import click
from flask.cli import AppGroup
from tabulate import tabulate

from sectorflow_slack.domain import errors
from sectorflow_slack.domain.checkup import Watch

F = TypeVar("F", bound=Callable[..., Any])
Json = Any

EXIT_CODES = "Exit codes: 0 fine, 1 trouble was found or the command failed, 2 wrong usage."

#: What could move the cursor or change colours of a terminal: texts come from Slack, SectorFlow and LLMs.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")

#: The first that an error is an instance of says what people read; ``{}`` is its own, constant text.
_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (errors.StorageUnavailable, "Redis is away, slow or refuses ({}): look at REDIS_URL and at the server."),
    (errors.CannotDecrypt, "None of ENCRYPTION_KEYS opens what is stored: {}."),
    (errors.TokenRefused, "SectorFlow refuses this token ({})."),
    (errors.WorkspaceMissing, "SectorFlow knows no such workspace ({})."),
    (errors.QuestionRefused, "SectorFlow refuses what was asked ({})."),
    (errors.SectorFlowBusy, "SectorFlow is busy or away ({}): try again in a moment."),
    (errors.SectorFlowBroken, "SectorFlow failed inside ({})."),
    (
        errors.AnswerLost,
        "SectorFlow's answer did not come in time, or not whole ({}); it may have been charged.",
    ),
    (errors.ReplyUnreadable, "SectorFlow's reply cannot be read ({})."),
    (errors.SlackBusy, "Slack is busy or away ({}): try again in a moment."),
    (errors.SlackError, "Slack refuses ({})."),
    (errors.RevisionConflict, "Somebody else changed this meanwhile: look at it, and try again."),
    (errors.RequestInProgress, "The same is under way just now: try again in a moment."),
)


class _ErrorReporting(click.Command):
    """Keeps logs apart from what is printed, and says errors of ours as one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        logs_to_stderr()
        try:
            return super().invoke(ctx)
        except errors.SectorFlowSlackError as error:
            raise click.ClickException(sentence(error)) from None


class Command(_ErrorReporting):
    """A command that belongs to no group."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"epilog": EXIT_CODES, **kwargs})


class Group(_ErrorReporting, AppGroup):
    """A group of commands that run with the application at hand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"epilog": EXIT_CODES, **kwargs})

    def command(  # type: ignore[override]  # as Flask's own
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], click.Command]:
        """Add a command, with the exit codes in its help."""
        return super().command(*args, **{"epilog": EXIT_CODES, **kwargs})


def json_option(what: str) -> Callable[[F], F]:
    """Give a command ``--json``; ``what`` says what it prints then."""
    return click.option("--json", "as_json", is_flag=True, help=what)


def sentence(error: Exception) -> str:
    """Say an error of ours in one sentence."""
    for kind, text in _SENTENCES:
        if isinstance(error, kind):
            return text.format(error)
    return f"{type(error).__name__}: {error}"


def echo_json(value: Json) -> None:
    """Print one JSON document on one line, in ASCII."""
    click.echo(json.dumps(value))


def echo_table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], nothing: str) -> None:
    """Print a table of ``columns`` (heading by name of the field), or ``nothing`` to stderr."""
    cells = [[readable(row.get(name)) for name in columns] for row in rows]
    if cells:
        click.echo(tabulate(cells, headers=list(columns.values()), tablefmt="simple", disable_numparse=True))
    else:
        click.echo(nothing, err=True)


def echo_fields(fields: Mapping[str, Any]) -> None:
    """Print one thing, a line for each of its fields."""
    rows = [[name, readable(value)] for name, value in fields.items()]
    click.echo(tabulate(rows, tablefmt="plain", disable_numparse=True))


def echo_one(fields: Mapping[str, Any], as_json: bool) -> None:
    """Print one thing, as it was asked for."""
    if as_json:
        echo_json(fields)
    else:
        echo_fields(fields)


def readable(value: Any) -> str:
    """Give what a terminal can show of a value, in one line or, of texts, as many as they have."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(readable(part) for part in value) or "-"
    return _CONTROLS.sub("\ufffd", str(value))


def progress(label: str, *, as_json: bool) -> Watch:
    """Give what shows on a terminal how far something long is; to a script it shows nothing."""

    def watch(things: Collection[str]) -> Iterator[str]:
        if as_json or not sys.stderr.isatty():
            yield from things
            return
        with click.progressbar(things, label=label, file=sys.stderr) as bar:
            yield from bar

    return watch


def logs_to_stderr() -> None:
    """Leave stdout to what a command prints. Only errors are logged: the rest, commands say themselves."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stdout__:
            handler.setStream(sys.stderr)
            handler.setLevel(max(handler.level, logging.ERROR))
