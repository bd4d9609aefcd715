"""``flask failed``: the questions that failed for good, and asking them again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import click

from sectorflow_slack.commands.output import Group, echo_json, echo_table, json_option
from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.questions import FailedQuestion, Question
from sectorflow_slack.web import current_services

failed = Group("failed", help="Questions that failed for good; kept for a week.")

_COLUMNS = {name: name for name in ("id", "failed", "reason", "installation", "channel")}


@failed.command("list")
@json_option("One JSON object a line.")
def list_failed(as_json: bool) -> None:
    """List them, oldest first: ids only, never what was asked."""
    shown = [_shown(failed_question) for failed_question in current_services.failed_questions.list()]
    if as_json:
        for failed_question in shown:
            echo_json(failed_question)
    else:
        echo_table(shown, _COLUMNS, "No question failed.")


@failed.command()
@click.argument("question_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every one that is listed.")
@json_option("One JSON document.")
def replay(question_ids: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Ask them again: those named, or all."""
    wanted = {
        failed_question.question.id: failed_question
        for failed_question in current_services.failed_questions.list()
    }
    chosen = list(wanted) if everything else list(dict.fromkeys(question_ids))
    if not chosen and not everything:
        raise click.UsageError("Name questions, or say --all.")
    unknown = [question_id for question_id in chosen if question_id not in wanted]
    if unknown:
        raise click.ClickException(f"No such failed question: {', '.join(unknown)}")
    questions = [replace(wanted[question_id].question, button_ts=None) for question_id in chosen]
    kept = [question for question in questions if not _is_installed(question)]
    # Workers look for questions that nobody woke them for every few seconds.
    again = [one for one in questions if one not in kept and current_services.failed_questions.revive(one)]
    if as_json:
        echo_json({"askedAgain": [one.id for one in again], "kept": [one.id for one in kept]})
        return
    if kept:
        click.echo(f"{len(kept)} kept: the app is not installed there any more.", err=True)
    click.echo(f"{len(again)} asked again.")


def _is_installed(question: Question) -> bool:
    try:
        return current_services.answers.installations.find(question.installation) is not None
    except CannotDecrypt:
        # It is there, but nobody could answer without its token.
        return False


def _shown(failed_question: FailedQuestion) -> dict[str, str]:
    question = failed_question.question
    return {
        "id": question.id,
        "failed": datetime.fromtimestamp(failed_question.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": failed_question.reason,
        "installation": str(question.installation),
        "channel": question.channel_id,
    }
