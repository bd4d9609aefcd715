"""``flask failed``: list the questions that failed for good, and ask them again."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import click

from sectorflow_slack.commands.output import Group, echo_json, echo_rows, json_option
from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.questions import FailedQuestion, Question
from sectorflow_slack.web import current_services

failed = Group("failed", help="List questions that failed for good (stored for a week), and ask them again.")

_COLUMNS = {name: name for name in ("id", "failed", "reason", "installation", "channel")}


@failed.command("list")
@json_option("Print one JSON object a line.")
def list_failed(as_json: bool) -> None:
    """List failed questions, oldest first, to see how many there are and why. Prints ids, never texts."""
    rows = [_row(failed_question) for failed_question in current_services.failed_questions.list()]
    echo_rows(rows, _COLUMNS, "No question failed.", as_json=as_json)


@failed.command()
@click.argument("question_ids", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Ask every listed question again.")
@json_option("Print one JSON document.")
def replay(question_ids: tuple[str, ...], is_all: bool, as_json: bool) -> None:
    """Ask the questions QUESTION_IDS again, after the reason for their failure is gone."""
    failed_by_id = {each.question.id: each.question for each in current_services.failed_questions.list()}
    chosen = list(failed_by_id) if is_all else list(dict.fromkeys(question_ids))
    if not chosen and not is_all:
        raise click.UsageError("Name questions, or use --all.")
    unknown = [question_id for question_id in chosen if question_id not in failed_by_id]
    if unknown:
        raise click.ClickException(f"No such failed question: {', '.join(unknown)}")
    now = time.time()
    questions = [replace(failed_by_id[each], button_ts=None, asked_at=now) for each in chosen]
    uninstalled = [question for question in questions if not _is_installed(question)]
    revive = current_services.failed_questions.revive
    revived = [question for question in questions if question not in uninstalled and revive(question)]
    if as_json:
        echo_json({"askedAgain": [one.id for one in revived], "kept": [one.id for one in uninstalled]})
        return
    if uninstalled:
        click.echo(f"{len(uninstalled)} stay: the app is not installed any more.", err=True)
    click.echo(f"{len(revived)} asked again.")


def _is_installed(question: Question) -> bool:
    try:
        return current_services.answers.installations.find(question.installation) is not None
    except CannotDecrypt:
        # It is stored, but the question can't be answered without its token.
        return False


def _row(failed_question: FailedQuestion) -> dict[str, str]:
    question = failed_question.question
    return {
        "id": question.id,
        "failed": datetime.fromtimestamp(failed_question.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": failed_question.reason,
        "installation": str(question.installation),
        "channel": question.channel_id,
    }
