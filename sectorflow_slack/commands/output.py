"""Output shared by all commands: tables for people, JSON for scripts, one sentence for an error."""

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

#: Characters that move a terminal's cursor or change its colours; texts come from Slack, SectorFlow and LLMs.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")

#: The message of the first class that an error is an instance of; ``{}`` is the error's own, constant text.
_MESSAGES: tuple[tuple[type[Exception], str], ...] = (
    (errors.StorageUnavailable, "Redis is down, slow or refuses ({}): check REDIS_URL and the server."),
    (errors.CannotDecrypt, "None of ENCRYPTION_KEYS decrypts this value: {}."),
    (errors.TokenRefused, "SectorFlow refuses this token ({})."),
    (errors.WorkspaceMissing, "SectorFlow knows no such workspace ({})."),
    (errors.QuestionRefused, "SectorFlow refuses the question ({})."),
    (errors.SectorFlowBusy, "SectorFlow is busy or down ({}): try again in a moment."),
    (errors.SectorFlowBroken, "SectorFlow failed ({})."),
    (errors.AnswerLost, "SectorFlow's answer was late or incomplete ({}); it may have been charged."),
    (errors.ReplyUnreadable, "SectorFlow's reply cannot be read ({})."),
    (errors.SlackBusy, "Slack is busy or down ({}): try again in a moment."),
    (errors.SlackError, "Slack refuses ({})."),
    (errors.RevisionConflict, "It was changed at the same time: look at it, and try again."),
    (errors.RequestInProgress, "The same request is in progress: try again in a moment."),
)


class Command(click.Command):
    """A command whose help lists the exit codes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"epilog": EXIT_CODES, **kwargs})

    def invoke(self, ctx: click.Context) -> Any:
        """Run with the log on stderr, and print an error of this service as one sentence."""
        logs_to_stderr()
        try:
            return super().invoke(ctx)
        except errors.SectorFlowSlackError as error:
            raise click.ClickException(error_message(error)) from None


class Group(Command, AppGroup):
    """A group of such commands, which run in the application's context."""

    command_class = Command


def json_option(description: str) -> Callable[[F], F]:
    """Add the option ``--json``, with the description of its output as help text."""
    return click.option("--json", "as_json", is_flag=True, help=description)


def error_message(error: Exception) -> str:
    """Return an error of this service as one sentence."""
    for kind, text in _MESSAGES:
        if isinstance(error, kind):
            return text.format(error)
    return f"{type(error).__name__}: {error}"


def echo_json(value: Json) -> None:
    """Print one JSON document on one line, in ASCII."""
    click.echo(json.dumps(value))


def echo_rows(
    rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], empty: str, *, as_json: bool
) -> None:
    """Print rows as JSON, one a line, or as a table of ``columns`` (headings by field name).

    Without rows, ``empty`` is printed to stderr in place of the table.
    """
    if as_json:
        for row in rows:
            echo_json(row)
    elif cells := [[printable(row.get(name)) for name in columns] for row in rows]:
        click.echo(tabulate(cells, headers=list(columns.values()), tablefmt="simple", disable_numparse=True))
    else:
        click.echo(empty, err=True)


def echo_record(fields: Mapping[str, Any], as_json: bool) -> None:
    """Print a record as JSON, or one field a line."""
    if as_json:
        echo_json(fields)
    else:
        rows = [[name, printable(value)] for name, value in fields.items()]
        click.echo(tabulate(rows, tablefmt="plain", disable_numparse=True))


def printable(value: Any) -> str:
    """Return a value as text for a terminal, without control characters; texts keep their line breaks."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(printable(part) for part in value) or "-"
    return _CONTROLS.sub("\ufffd", str(value))


def progress(label: str, *, as_json: bool) -> Watch:
    """Return an iterator over items that shows a progress bar on a terminal, and nothing to a script."""

    def watch(items: Collection[str]) -> Iterator[str]:
        if as_json or not sys.stderr.isatty():
            yield from items
            return
        with click.progressbar(items, label=label, file=sys.stderr) as bar:
            yield from bar

    return watch


def logs_to_stderr() -> None:
    """Keep stdout for the command's output. Log errors only: commands print the rest themselves."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stdout__:
            handler.setStream(sys.stderr)
            handler.setLevel(max(handler.level, logging.ERROR))
