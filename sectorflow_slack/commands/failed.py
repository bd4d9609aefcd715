"""``flask failed``: the questions that failed for good, and asking them again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import click
from flask.cli import AppGroup

from sectorflow_slack.domain.models import Question
from sectorflow_slack.domain.progress import Letter
from sectorflow_slack.web import current_services

failed = AppGroup("failed", help="Questions that failed for good; kept for a week.")


@failed.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_failed(as_json: bool) -> None:
    """List them, oldest first: ids only, never what was asked."""
    for letter in current_services.letters.dead():
        shown = _shown(letter)
        click.echo(json.dumps(shown) if as_json else "  ".join(shown.values()))


@failed.command()
@click.argument("question_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every one that is listed.")
def replay(question_ids: tuple[str, ...], everything: bool) -> None:
    """Ask them again: those named, or all."""
    wanted = {letter.question.id: letter for letter in current_services.letters.dead()}
    chosen = list(wanted) if everything else list(question_ids)
    if not chosen and not everything:
        raise click.UsageError("Name questions, or say --all.")
    unknown = [question_id for question_id in chosen if question_id not in wanted]
    if unknown:
        raise click.ClickException(f"No such failed question: {', '.join(unknown)}")
    questions = [replace(wanted[question_id].question, button_ts=None) for question_id in chosen]
    gone = [question for question in questions if not _is_installed(question)]
    questions = [question for question in questions if question not in gone]
    if gone:
        click.echo(f"{len(gone)} kept: the app is not installed there any more.", err=True)
    # Workers look for questions that nobody woke them for every few seconds.
    done = sum(current_services.letters.revive(question) for question in questions)
    click.echo(f"{done} asked again.")


def _is_installed(question: Question) -> bool:
    return current_services.answers.installations.find(question.installation) is not None


def _shown(letter: Letter) -> dict[str, str]:
    question = letter.question
    return {
        "id": question.id,
        "failed": datetime.fromtimestamp(letter.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": letter.reason,
        "installation": str(question.installation),
        "channel": question.channel_id,
    }
