"""Questions that failed for good are listed, and asked again."""

import pytest

from sectorflow_slack.services.event_payloads import question_of
from tests.commands.conftest import documents
from tests.values import make_installation, make_question

QUESTION = make_question(id="0123456789abcdef0123456789abcdef")


@pytest.fixture
def failed(services):
    """Store a question that failed for good."""
    services.oauth.installations.save(make_installation(), None, None)
    questions = services.answers.questions
    questions.accept(QUESTION)
    leased = question_of(questions.lease(), None)
    questions.complete(leased, "token_refused", again=QUESTION)


@pytest.mark.usefixtures("failed")
def test_failed_questions_are_listed_with_ids_and_without_texts(run):
    table = run("failed list")
    as_json = run("failed list", "--json")

    assert table.exit_code == as_json.exit_code == 0
    assert QUESTION.id in table.stdout
    assert "token_refused" in table.stdout
    assert QUESTION.text not in table.output + as_json.output
    assert [question["channel"] for question in documents(as_json)] == [QUESTION.channel_id]


def test_an_empty_list_prints_nothing_on_stdout(run):
    table = run("failed list")

    assert (table.stdout, table.stderr) == ("", "No question failed.\n")
    assert run("failed list", "--json").output == ""


@pytest.mark.usefixtures("failed")
@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        *[(ids, "1 asked again.\n") for ids in ([QUESTION.id], ["--all"], [QUESTION.id, QUESTION.id])],
        (["--all", "--json"], f'{{"askedAgain": ["{QUESTION.id}"], "kept": []}}\n'),
    ],
)
def test_a_failed_question_is_asked_again_once(run, services, arguments, output):
    first = run("failed replay", *arguments)
    second = run("failed replay", "--all", "--json")

    again = services.answers.questions.lease()
    assert first.output == output
    assert documents(second) == [{"askedAgain": [], "kept": []}]
    assert (again.id, again.question.text) == (QUESTION.id, QUESTION.text)


@pytest.mark.usefixtures("failed")
def test_a_question_of_an_uninstalled_app_stays(run, services):
    services.oauth.installations.delete(QUESTION.installation, before=make_installation().installed_at)

    for_people = run("failed replay", "--all")
    as_json = run("failed replay", "--all", "--json")

    assert "1 stay: the app is not installed" in for_people.stderr
    assert documents(as_json) == [{"askedAgain": [], "kept": [QUESTION.id]}]
    assert [failed.question.id for failed in services.failed_questions.list()] == [QUESTION.id]


@pytest.mark.parametrize(("arguments", "exit_code"), [(["no-such-id"], 1), ([], 2)])
def test_replaying_an_unknown_question_or_none_is_an_error(run, arguments, exit_code):
    assert run("failed replay", *arguments).exit_code == exit_code
