"""What failed for good is listed, and asked again."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskCliRunner

from sectorflow_slack.services import Services
from tests.values import make_installation, make_question

QUESTION = make_question(id="0123456789abcdef0123456789abcdef")


@pytest.fixture
def dead(services: Services) -> None:
    """A question that failed for good."""
    services.consent.installations.save(make_installation(), None, None)
    questions = services.answers.questions
    questions.accept(QUESTION)
    held = questions.take(QUESTION.installation)
    assert held is not None
    questions.finish(held, "token_refused", again=QUESTION)


@pytest.mark.usefixtures("dead")
def test_what_failed_is_listed_by_its_ids_and_without_its_words(runner: FlaskCliRunner) -> None:
    shown = runner.invoke(args=["failed", "list"])
    as_json = runner.invoke(args=["failed", "list", "--json"])

    assert shown.exit_code == as_json.exit_code == 0
    assert QUESTION.id in shown.output
    assert "token_refused" in shown.output
    assert QUESTION.text not in shown.output + as_json.output
    assert json.loads(as_json.output)["channel"] == QUESTION.channel_id


def test_where_nothing_failed_a_script_reads_nothing(runner: FlaskCliRunner) -> None:
    shown = runner.invoke(args=["failed", "list"])
    as_json = runner.invoke(args=["failed", "list", "--json"])

    assert (shown.stdout, shown.stderr) == ("", "No question failed.\n")
    assert as_json.output == ""


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize("chosen", [[QUESTION.id], ["--all"], [QUESTION.id, QUESTION.id]])
def test_what_failed_is_asked_again_once(
    runner: FlaskCliRunner, services: Services, chosen: list[str]
) -> None:
    first = runner.invoke(args=["failed", "replay", *chosen])
    second = runner.invoke(args=["failed", "replay", "--all"])

    assert (first.output, second.output) == ("1 asked again.\n", "0 asked again.\n")
    again = services.answers.questions.take(QUESTION.installation)
    assert again is not None
    assert (again.id, again.text) == (QUESTION.id, QUESTION.text)


@pytest.mark.usefixtures("dead")
def test_a_script_reads_which_were_asked_again(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["failed", "replay", "--all", "--json"])

    assert json.loads(result.output) == {"askedAgain": [QUESTION.id], "kept": []}


@pytest.mark.usefixtures("dead")
def test_what_failed_is_kept_where_nobody_could_answer_it(runner: FlaskCliRunner, services: Services) -> None:
    services.consent.installations.delete(QUESTION.installation, before=make_installation().installed_at)

    result = runner.invoke(args=["failed", "replay", "--all"])
    as_json = runner.invoke(args=["failed", "replay", "--all", "--json"])

    assert "1 kept" in result.stderr
    assert json.loads(as_json.stdout) == {"askedAgain": [], "kept": [QUESTION.id]}
    assert [letter.question.id for letter in services.letters.dead()] == [QUESTION.id]


@pytest.mark.parametrize(("arguments", "exit_code"), [(["no-such-id"], 1), ([], 2)])
def test_replaying_what_is_not_there_is_an_error(
    runner: FlaskCliRunner, arguments: list[str], exit_code: int
) -> None:
    result = runner.invoke(args=["failed", "replay", *arguments])

    assert result.exit_code == exit_code
