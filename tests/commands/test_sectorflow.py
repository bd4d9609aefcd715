"""SectorFlow is tried by hand, with a token that nobody sees."""

from __future__ import annotations

import json

import pytest
import responses
import responses.matchers
from flask.testing import FlaskCliRunner

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from sectorflow_slack.domain import errors
from sectorflow_slack.domain.questions import ModelAnswer, Reply
from sectorflow_slack.services import Services
from tests.commands.conftest import FakeDesk
from tests.values import API_TOKEN, MODEL_IDS, PLUS_ID, WORKSPACE_ID, make_installation, make_pending

TOKEN = "token-of-the-operator"
ASK = ["sectorflow", "ask", "Why?", "--workspace", WORKSPACE_ID, "--model", MODEL_IDS[0]]
REPLY = Reply(
    (
        ModelAnswer(MODEL_IDS[0], "Ada", text="Because.\x1b[2J\nSo there."),
        ModelAnswer(MODEL_IDS[1], "Bob", failed=True),
    ),
    thread_id="thread-7",
    credits=3.5,
)


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECTORFLOW_TOKEN", TOKEN)


@pytest.fixture
def installed(services: Services) -> str:
    """An installation whose settings are used."""
    services.installs.installations.save(make_installation(), None, None)
    return make_installation().terms.id


# Whose token


def test_the_token_of_the_environment_is_used(runner: FlaskCliRunner, desk: FakeDesk) -> None:
    result = runner.invoke(args=["sectorflow", "models"])

    assert (result.exit_code, desk.tokens) == (0, [TOKEN])
    assert TOKEN not in result.output


def test_without_one_it_is_asked_for_unseen(
    runner: FlaskCliRunner, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECTORFLOW_TOKEN")

    result = runner.invoke(args=["sectorflow", "models", "--json"], input="typed-token\n")

    assert desk.tokens == ["typed-token"]
    assert "typed-token" not in result.output
    assert json.loads(result.stdout)["name"] == "Ada"


def test_an_installations_token_is_used(runner: FlaskCliRunner, desk: FakeDesk, installed: str) -> None:
    result = runner.invoke(args=["sectorflow", "models", "--installation", installed])

    assert (result.exit_code, desk.tokens) == (0, [API_TOKEN])
    assert API_TOKEN not in result.output


def test_an_installation_whose_token_is_forgotten_is_an_error(
    runner: FlaskCliRunner, services: Services, desk: FakeDesk
) -> None:
    pending = make_pending()
    services.installs.pendings.save(pending)
    services.installs.pendings.fail(pending.terms.id, "cancelled")

    for installation_id in (pending.terms.id, "no-such-id"):
        result = runner.invoke(args=["sectorflow", "models", "--installation", installation_id])
        assert result.exit_code == 1
        assert "no such installation, or its token is forgotten or lost" in result.stderr
    assert desk.tokens == []


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "t\u00f6ken"])
def test_what_is_no_token_is_not_sent(
    runner: FlaskCliRunner, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("SECTORFLOW_TOKEN", token)

    result = runner.invoke(args=["sectorflow", "models"])

    assert (result.exit_code, desk.tokens) == (1, [])
    assert token not in result.output


# Models and workspaces


def test_models_are_listed(runner: FlaskCliRunner) -> None:
    table = runner.invoke(args=["sectorflow", "models"])
    as_json = runner.invoke(args=["sectorflow", "models", "--json"])

    assert all(word in table.stdout for word in (MODEL_IDS[0], "Ada", "ada-1", "2"))
    assert json.loads(as_json.stdout)["hasVision"] is True


def test_workspaces_are_listed_with_their_models_names(runner: FlaskCliRunner) -> None:
    table = runner.invoke(args=["sectorflow", "workspaces"])
    as_json = runner.invoke(args=["sectorflow", "workspaces", "--json"])

    assert all(word in table.stdout for word in (WORKSPACE_ID, "Team", "Ada"))
    assert json.loads(as_json.stdout)["models"][0]["modelId"] == MODEL_IDS[0]


def test_a_workspace_is_made_with_what_was_named(runner: FlaskCliRunner, desk: FakeDesk) -> None:
    arguments = ["sectorflow", "workspace-create", "--name", "Slack", "--sharing", "PRIVATE", "--json"]

    result = runner.invoke(args=[*arguments, "--model", MODEL_IDS[0], "--model", MODEL_IDS[1]])

    assert json.loads(result.stdout)["id"] == WORKSPACE_ID
    expected = {
        "name": "Slack",
        "modelIds": list(MODEL_IDS[:2]),
        "chatHistoryType": "TEAM",
        "contextType": "SHARED",
        "sharingType": "PRIVATE",
    }
    assert desk.saved == [(None, expected)]


def test_of_a_workspace_only_what_was_named_is_changed(runner: FlaskCliRunner, desk: FakeDesk) -> None:
    result = runner.invoke(args=["sectorflow", "workspace-update", WORKSPACE_ID, "--name", "Other"])

    assert result.exit_code == 0
    assert desk.saved == [(WORKSPACE_ID, {"name": "Other"})]


@pytest.mark.parametrize(
    "arguments",
    [
        ["workspace-update", WORKSPACE_ID],
        ["workspace-update", "../models", "--name", "x"],
        ["workspace-create", "--name", "x"],
        ["workspace-create", "--name", "x", "--model", "no-uuid"],
        ["ask", "Why?"],
        ["ask", "Why?", "--workspace", WORKSPACE_ID],
    ],
)
def test_wrong_usage_is_told_apart_and_sends_nothing(
    runner: FlaskCliRunner, desk: FakeDesk, arguments: list[str]
) -> None:
    result = runner.invoke(args=["sectorflow", *arguments])

    assert (result.exit_code, desk.saved, desk.asked) == (2, [], [])


# Asking


def test_each_models_answer_is_printed_apart_with_what_it_cost(
    runner: FlaskCliRunner, desk: FakeDesk
) -> None:
    desk.reply = REPLY

    result = runner.invoke(args=[*ASK, "--model", MODEL_IDS[1], "--expert", PLUS_ID, "--thread", "thread-7"])

    ((settings, question, thread_id),) = desk.asked
    assert (settings.api_token, settings.workspace_id, settings.plus_id) == (TOKEN, WORKSPACE_ID, PLUS_ID)
    assert (settings.model_ids, question, thread_id) == (MODEL_IDS[:2], "Why?", "thread-7")
    assert "Ada\nBecause.\ufffd[2J\nSo there.\n\nBob\n(no answer)\n" in result.stdout
    assert "s, 3.5 credits, thread thread-7" in result.stdout
    assert result.exit_code == 0


def test_a_script_reads_each_models_answer(runner: FlaskCliRunner, desk: FakeDesk) -> None:
    desk.reply = REPLY

    said = json.loads(runner.invoke(args=[*ASK, "--json"]).stdout)

    assert [(each["modelId"], each["failed"]) for each in said["answers"]] == [
        (MODEL_IDS[0], False),
        (MODEL_IDS[1], True),
    ]
    assert (said["threadId"], said["credits"]) == ("thread-7", 3.5)
    assert said["seconds"] >= 0


def test_where_every_model_failed_the_command_did(runner: FlaskCliRunner, desk: FakeDesk) -> None:
    desk.reply = Reply((ModelAnswer(MODEL_IDS[0], "Ada", failed=True),))

    assert runner.invoke(args=ASK).exit_code == 1


def test_an_installations_settings_are_used_but_for_what_is_named(
    runner: FlaskCliRunner, desk: FakeDesk, installed: str
) -> None:
    runner.invoke(args=["sectorflow", "ask", "Why?", "--installation", installed])
    runner.invoke(args=["sectorflow", "ask", "Why?", "--installation", installed, "--model", MODEL_IDS[2]])

    (as_stored, _, _), (with_one, _, _) = desk.asked
    assert as_stored == make_installation().terms.sectorflow
    assert (with_one.model_ids, with_one.workspace_id) == ((MODEL_IDS[2],), WORKSPACE_ID)


def test_the_real_client_asks_with_the_token_and_its_refusal_is_one_sentence(
    settings: Settings, connections: Connections
) -> None:
    runner = create_app(settings, build_services(settings, connections)).test_cli_runner()
    with responses.RequestsMock() as sectorflow:
        matcher = responses.matchers.header_matcher({"Authorization": f"Bearer {TOKEN}"})
        sectorflow.get(f"{settings.sectorflow_base_url}/models", status=403, json={}, match=[matcher])

        result = runner.invoke(args=["sectorflow", "models"])

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: SectorFlow refuses this token (status 403).\n"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (errors.TokenRefused("status 403"), "SectorFlow refuses this token (status 403)."),
        (errors.WorkspaceMissing("status 404"), "SectorFlow knows no such workspace (status 404)."),
        (errors.SectorFlowBusy("no connection"), "SectorFlow is busy or away (no connection)"),
        (errors.SectorFlowBroken("status 500"), "SectorFlow failed inside (status 500)."),
        (errors.QuestionRefused("status 400"), "SectorFlow refuses what was asked (status 400)."),
        (errors.AnswerLost("ReadTimeout"), "did not come in time, or not whole (ReadTimeout)"),
        (errors.ReplyUnreadable("the reply is no object"), "cannot be read (the reply is no object)."),
    ],
)
def test_a_failure_is_one_plain_sentence(
    runner: FlaskCliRunner, desk: FakeDesk, fault: Exception, said: str
) -> None:
    desk.answers.then(fault)

    result = runner.invoke(args=ASK)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
