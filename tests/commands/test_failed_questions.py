"""Questions that failed for good are listed, and asked again."""

import pytest

from tests.commands.conftest import documents
from tests.values import make_installation, make_question

QUESTION = make_question(id="0123456789abcdef0123456789abcdef")


@pytest.fixture
def dead(services):
    """A question that failed for good."""
    services.oauth.installations.save(make_installation(), None, None)
    questions = services.answers.questions
    questions.accept(QUESTION)
    held = questions.lease(QUESTION.installation)
    assert held is not None
    questions.complete(held, "token_refused", again=QUESTION)


@pytest.mark.usefixtures("dead")
def test_what_failed_is_listed_by_its_ids_and_without_its_words(run):
    table = run("failed list")
    as_json = run("failed list", "--json")

    assert table.exit_code == as_json.exit_code == 0
    assert QUESTION.id in table.stdout
    assert "token_refused" in table.stdout
    assert QUESTION.text not in table.output + as_json.output
    assert [letter["channel"] for letter in documents(as_json)] == [QUESTION.channel_id]


def test_where_nothing_failed_a_script_reads_nothing(run):
    table = run("failed list")

    assert (table.stdout, table.stderr) == ("", "No question failed.\n")
    assert run("failed list", "--json").output == ""


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize("chosen", [[QUESTION.id], ["--all"], [QUESTION.id, QUESTION.id]])
def test_what_failed_is_asked_again_once(run, services, chosen):
    first = run("failed replay", *chosen)
    second = run("failed replay", "--all")

    assert (first.output, second.output) == ("1 asked again.\n", "0 asked again.\n")
    again = services.answers.questions.lease(QUESTION.installation)
    assert again is not None
    assert (again.id, again.text) == (QUESTION.id, QUESTION.text)


@pytest.mark.usefixtures("dead")
def test_what_failed_is_kept_where_the_app_is_not_installed(run, services):
    services.oauth.installations.delete(QUESTION.installation, before=make_installation().installed_at)

    for_people = run("failed replay", "--all")
    as_json = run("failed replay", "--all", "--json")

    assert "1 stay: the app is not installed" in for_people.stderr
    assert documents(as_json) == [{"askedAgain": [], "kept": [QUESTION.id]}]
    assert [letter.question.id for letter in services.failed_questions.list()] == [QUESTION.id]


@pytest.mark.usefixtures("dead")
def test_a_script_reads_which_were_asked_again(run):
    assert documents(run("failed replay", "--all", "--json")) == [{"askedAgain": [QUESTION.id], "kept": []}]


@pytest.mark.parametrize(("arguments", "exit_code"), [(["no-such-id"], 1), ([], 2)])
def test_replaying_what_is_not_there_is_an_error(run, arguments, exit_code):
    assert run("failed replay", *arguments).exit_code == exit_code
