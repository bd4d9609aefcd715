"""SectorFlow is called by hand, and the token is not shown."""

import pytest

from sectorflow_slack.domain.questions import ModelAnswer, Reply
from tests.commands.conftest import documents
from tests.values import API_TOKEN, MODEL_IDS, PLUS_ID, WORKSPACE_ID, make_installation, make_pending

TOKEN = "token-of-the-operator"
ID = make_installation().settings.id
ASK = ["Why?", "--workspace", WORKSPACE_ID, "--model", MODEL_IDS[0]]
REPLY = Reply(
    (
        ModelAnswer(MODEL_IDS[0], "Ada", text="Because.\x1b[2J\nSo there."),
        ModelAnswer(MODEL_IDS[1], "Bob", failed=True),
    ),
    thread_id="thread-7",
    credits=3.5,
)


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv("SECTORFLOW_TOKEN", TOKEN)


@pytest.fixture
def installed(services):
    services.registration.installations.save(make_installation(), None, None)


# The token


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("environment", "arguments", "used"),
    [(TOKEN, [], TOKEN), ("", [], "typed-token"), (TOKEN, ["--installation", ID], API_TOKEN)],
    ids=["of the environment", "prompt", "of an installation"],
)
def test_a_token_is_used_and_not_shown(run, sectorflow, monkeypatch, environment, arguments, used):
    monkeypatch.setenv("SECTORFLOW_TOKEN", environment)

    result = run("sectorflow models", *arguments, typed="typed-token\n")

    assert (result.exit_code, sectorflow.tokens) == (0, [used])
    assert used not in result.output


def test_an_installation_without_a_token_is_an_error(run, services, sectorflow):
    pending = make_pending()
    services.registration.pendings.save(pending)
    services.registration.pendings.fail(pending.settings.id, "cancelled")

    for installation_id in (pending.settings.id, "no-such-id"):
        result = run("sectorflow models", "--installation", installation_id)
        assert result.exit_code == 1
        assert "no such installation, or its token is deleted or lost" in result.stderr
    assert sectorflow.tokens == []


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "t\u00f6ken"])
def test_an_invalid_token_is_not_sent(run, sectorflow, monkeypatch, token):
    monkeypatch.setenv("SECTORFLOW_TOKEN", token)

    result = run("sectorflow models")

    assert (result.exit_code, sectorflow.tokens) == (1, [])
    assert token not in result.output


# Models and workspaces


def test_models_and_workspaces_are_listed_as_sectorflow_returns_them(run):
    models, workspaces = run("sectorflow models").stdout, run("sectorflow workspaces").stdout
    (model,) = documents(run("sectorflow models", "--json"))
    (workspace,) = documents(run("sectorflow workspaces", "--json"))

    assert all(word in models for word in (MODEL_IDS[0], "Ada", "ada-1", "2"))
    assert all(word in workspaces for word in (WORKSPACE_ID, "Team", "Ada"))
    assert model["hasVision"] is True
    assert workspace["models"][0]["modelId"] == MODEL_IDS[0]


def test_a_workspace_is_created_with_the_given_fields(run, sectorflow):
    models = ["--model", MODEL_IDS[0], "--model", MODEL_IDS[1]]

    result = run("sectorflow workspace-create --name Slack --sharing PRIVATE --json", *models)

    (made,) = documents(result)
    assert made["id"] == WORKSPACE_ID
    expected = {
        "name": "Slack",
        "modelIds": list(MODEL_IDS[:2]),
        "chatHistoryType": "TEAM",
        "contextType": "SHARED",
        "sharingType": "PRIVATE",
    }
    assert sectorflow.saved == [(None, expected)]


def test_only_the_given_fields_of_a_workspace_are_changed(run, sectorflow):
    result = run("sectorflow workspace-update", WORKSPACE_ID, "--name", "Other")

    assert (result.exit_code, sectorflow.saved) == (0, [(WORKSPACE_ID, {"name": "Other"})])


@pytest.mark.parametrize(
    "command",
    [
        f"workspace-update {WORKSPACE_ID}",
        "workspace-update ../models --name x",
        "workspace-create --name x",
        "workspace-create --name x --model no-uuid",
        "ask Why?",
        f"ask Why? --workspace {WORKSPACE_ID}",
    ],
)
def test_wrong_usage_sends_nothing(run, sectorflow, command):
    result = run(f"sectorflow {command}")

    assert (result.exit_code, sectorflow.saved, sectorflow.asked) == (2, [], [])


# Asking


def test_each_answer_is_printed_with_the_credits(run, sectorflow):
    sectorflow.reply = REPLY

    result = run("sectorflow ask", *ASK, "--model", MODEL_IDS[1], "--expert", PLUS_ID, "--thread", "thread-7")
    (as_json,) = documents(run("sectorflow ask", *ASK, "--json"))

    settings, question, thread_id = sectorflow.asked[0]
    assert (settings.api_token, settings.workspace_id, settings.plus_id) == (TOKEN, WORKSPACE_ID, PLUS_ID)
    assert (settings.model_ids, question, thread_id) == (MODEL_IDS[:2], "Why?", "thread-7")
    assert result.exit_code == 0
    assert "Ada\nBecause.\ufffd[2J\nSo there.\n\nBob\n(no answer)\n" in result.stdout
    assert "s, 3.5 credits, thread thread-7" in result.stdout
    answers = [(each["modelId"], each["failed"]) for each in as_json["answers"]]
    assert answers == [(MODEL_IDS[0], False), (MODEL_IDS[1], True)]
    assert (as_json["threadId"], as_json["credits"]) == ("thread-7", 3.5)


def test_the_command_fails_if_every_model_failed(run, sectorflow):
    sectorflow.reply = Reply((ModelAnswer(MODEL_IDS[0], "Ada", failed=True),))

    assert run("sectorflow ask", *ASK).exit_code == 1


@pytest.mark.usefixtures("installed")
def test_options_override_the_settings_of_an_installation(run, sectorflow):
    run("sectorflow ask Why? --installation", ID)
    run("sectorflow ask Why? --installation", ID, "--model", MODEL_IDS[2])

    (as_stored, _, _), (with_one, _, _) = sectorflow.asked
    assert as_stored == make_installation().settings.sectorflow
    assert (with_one.model_ids, with_one.workspace_id) == ((MODEL_IDS[2],), WORKSPACE_ID)
