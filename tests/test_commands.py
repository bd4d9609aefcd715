"""What whoever runs the service types."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import redis
from flask import Flask
from flask.testing import FlaskCliRunner

from sectorflow_slack.services import Services
from tests.values import make_installation, make_question

QUESTION = make_question(id="0123456789abcdef0123456789abcdef")


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


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


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize("chosen", [QUESTION.id, "--all"])
def test_what_failed_is_asked_again_once(runner: FlaskCliRunner, services: Services, chosen: str) -> None:
    first = runner.invoke(args=["failed", "replay", chosen])
    second = runner.invoke(args=["failed", "replay", "--all"])

    assert (first.output, second.output) == ("1 asked again.\n", "0 asked again.\n")
    again = services.answers.questions.take(QUESTION.installation)
    assert again is not None
    assert (again.id, again.text) == (QUESTION.id, QUESTION.text)


@pytest.mark.usefixtures("dead")
def test_what_failed_is_kept_where_nobody_could_answer_it(runner: FlaskCliRunner, services: Services) -> None:
    services.consent.installations.delete(QUESTION.installation, before=make_installation().installed_at)

    result = runner.invoke(args=["failed", "replay", "--all"])

    assert "1 kept" in result.output
    assert [letter.question.id for letter in services.letters.dead()] == [QUESTION.id]


@pytest.mark.parametrize("arguments", [["no-such-id"], []])
def test_replaying_what_is_not_there_is_an_error(runner: FlaskCliRunner, arguments: list[str]) -> None:
    result = runner.invoke(args=["failed", "replay", *arguments])

    assert result.exit_code != 0


def test_installations_go_to_a_file_of_their_owners_and_come_back(
    runner: FlaskCliRunner, services: Services, store: redis.Redis, tmp_path: Path
) -> None:
    services.consent.installations.save(make_installation(), None, None)
    file = tmp_path / "installations.backup"
    file.write_text("an older one")
    file.chmod(0o644)

    exported = runner.invoke(args=["installations", "export", str(file)])
    store.flushdb()
    imported = runner.invoke(args=["installations", "import", str(file)])

    assert (exported.exit_code, imported.output) == (0, "1 installations put back.\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert services.installs.find(make_installation().terms.id) == make_installation()


def test_a_file_that_is_no_backup_is_an_error_without_a_trace(runner: FlaskCliRunner, tmp_path: Path) -> None:
    file = tmp_path / "other"
    file.write_text("something else")

    result = runner.invoke(args=["installations", "import", str(file)])

    assert result.exit_code == 1
    assert "no backup" in result.output
