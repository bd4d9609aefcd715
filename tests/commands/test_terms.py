"""Installations are registered, changed and asked for votes, by the same rules as in the install API."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskCliRunner

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.errors import (
    ManifestRefused,
    SlackBusy,
    SlackRefused,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import PendingInstallation
from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.services import Services
from tests.commands.conftest import FakeDesk
from tests.fakes import MADE_APP, FakeSlackClient, make_reply
from tests.values import (
    API_TOKEN,
    CUSTOMERS_APP,
    MODEL_IDS,
    OWN_APP,
    PLUS_ID,
    WORKSPACE_ID,
    make_installation,
    make_pending,
    make_question,
    make_terms,
)

ID = make_terms().id
OTHER_WORKSPACE = "ffffffff-0000-4000-8000-000000000001"
NEW_TOKEN = "new-token-that-nobody-may-see"
TERMS = ["--app-name", "Acme", "--workspace", WORKSPACE_ID, "--model", MODEL_IDS[1], "--model", MODEL_IDS[0]]
REGISTER = ["installations", "register", *TERMS]
EXISTING = ["--app", CUSTOMERS_APP.app_id, "--client-id", CUSTOMERS_APP.client_id]
SECRETS = (API_TOKEN, NEW_TOKEN, CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret, "xoxe-config")


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECTORFLOW_TOKEN", API_TOKEN)


@pytest.fixture
def services(services: Services, desk: FakeDesk, slack: FakeSlackClient) -> Services:
    """Those of the commands, where registering asks the same SectorFlow and Slack."""
    maker = replace(services.installs.maker, slack=slack)
    return replace(services, installs=replace(services.installs, sectorflow=desk, maker=maker))


@pytest.fixture
def installed(services: Services) -> None:
    services.installs.installations.save(make_installation(), None, None)


def registered(services: Services, output: str) -> PendingInstallation:
    """What was stored of the installation that a command printed."""
    found = services.installs.find(json.loads(output)["id"])
    assert isinstance(found, PendingInstallation)
    return found


# Registering


def test_a_registered_installation_waits_and_its_link_is_printed(
    runner: FlaskCliRunner, services: Services
) -> None:
    result = runner.invoke(args=[*REGISTER, "--json"])

    made = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (made["status"], made["appName"], made["appId"]) == ("pending", "Acme", OWN_APP.app_id)
    assert (made["modelIds"], made["display"]) == ([MODEL_IDS[1], MODEL_IDS[0]], "separated")
    link = registered(services, result.stdout).link
    assert made["installUrl"] == f"https://slack.example.com/slack/install/{link}"
    assert registered(services, result.stdout).terms.sectorflow.api_token == API_TOKEN


def test_people_read_a_line_for_each_field_and_the_link(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=REGISTER)

    assert result.exit_code == 0
    assert "status" in result.stdout
    assert "https://slack.example.com/slack/install/" in result.stdout
    assert API_TOKEN not in result.output


def test_every_term_of_the_install_api_has_an_option(
    runner: FlaskCliRunner, services: Services, installed: None
) -> None:
    terms = ["--plus", PLUS_ID, "--display", "tabs", "--allow-external-users", "--customer", "c-1"]
    rest = ["--team", "T0ACME", "--replaces", ID, "--return-url", "https://app.sectorflow.example/done"]

    result = runner.invoke(args=[*REGISTER, *terms, *rest, "--json"])

    pending = registered(services, result.stdout)
    assert (pending.terms.sectorflow.plus_id, pending.terms.display) == (PLUS_ID, "tabs")
    assert (pending.terms.allow_external_users, pending.terms.customer_id) == (True, "c-1")
    assert (pending.team_id, pending.replaces) == ("T0ACME", ID)
    assert pending.return_url == "https://app.sectorflow.example/done"


def test_without_a_token_in_the_environment_it_is_asked_for_unseen(
    runner: FlaskCliRunner, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECTORFLOW_TOKEN")

    result = runner.invoke(args=[*REGISTER, "--json"], input=f"{NEW_TOKEN}\n")

    assert NEW_TOKEN not in result.output
    assert registered(services, result.stdout).terms.sectorflow.api_token == NEW_TOKEN


def test_the_secrets_of_an_app_that_exists_are_asked_for_unseen(
    runner: FlaskCliRunner, services: Services
) -> None:
    typed = f"{CUSTOMERS_APP.client_secret}\n{CUSTOMERS_APP.signing_secret}\n"

    result = runner.invoke(args=[*REGISTER, *EXISTING, "--json"], input=typed)

    assert registered(services, result.stdout).slack_app == CUSTOMERS_APP
    assert "Client secret" in result.stderr
    assert all(secret not in result.output for secret in SECRETS)


def test_a_script_gives_all_secrets_on_stdin(runner: FlaskCliRunner, services: Services) -> None:
    given = f"{NEW_TOKEN}\r\n{CUSTOMERS_APP.client_secret}\n{CUSTOMERS_APP.signing_secret}\n"

    result = runner.invoke(args=[*REGISTER, *EXISTING, "--secrets-stdin", "--json"], input=given)

    pending = registered(services, result.stdout)
    assert (pending.slack_app, pending.terms.sectorflow.api_token) == (CUSTOMERS_APP, NEW_TOKEN)
    assert result.stderr == ""


def test_an_app_is_made_with_a_configuration_token(
    runner: FlaskCliRunner, services: Services, slack: FakeSlackClient
) -> None:
    result = runner.invoke(args=[*REGISTER, "--new-app", "--json"], input="xoxe-config\n")

    assert json.loads(result.stdout)["appId"] == MADE_APP.app_id
    assert [token for token, _, _ in slack.created] == ["xoxe-config"]
    assert "xoxe-config" not in result.output


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--app-name", ""], ["--app-name: "]),
        (["--workspace", "here"], ["--workspace: Not a valid UUID."]),
        (["--model", "gpt-4o"], ["--model no. 3: Not a valid UUID."]),
        (["--model", MODEL_IDS[0]], ["--model: Must be different from each other."]),
        (["--plus", "x"], ["--plus: Not a valid UUID."]),
        (["--team", "acme"], ["--team: Not a Slack team id."]),
        (["--replaces", "x"], ["--replaces: Not a valid UUID."]),
        (["--return-url", "http://localhost"], ["--return-url: Must be an https URL"]),
        (["--customer", "a\nb"], ["--customer: Must have no control characters."]),
        (["--app", "A0CUSTOMER"], ["--client-id: Missing data for required field."]),
        (["--client-id", "1.2"], ["--app: Missing data for required field."]),
        (["--app", OWN_APP.app_id, "--client-id", "1.2"], ["--app: This is the service's own app"]),
        ([*EXISTING, "--new-app"], ["App configuration token: Must be left out beside"]),
        (["--idempotency-key", "two words"], ["--idempotency-key: Must be visible ASCII"]),
        (["--workspace", "here", "--team", "acme"], ["--workspace: ", "--team: "]),
        (["--display", "rows"], ["--display", "'separated', 'tabs'"]),
    ],
)
def test_what_is_wrong_is_said_by_option_before_any_secret_is_asked_for(
    runner: FlaskCliRunner, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, wrong: list[str], said: list[str]
) -> None:
    monkeypatch.delenv("SECTORFLOW_TOKEN")

    result = runner.invoke(args=[*REGISTER, *wrong], input=f"{API_TOKEN}\n" * 3)

    assert (result.exit_code, result.stdout) == (2, "")
    assert all(words in result.stderr for words in said), result.stderr
    assert "SectorFlow token:" not in result.stderr
    assert desk.checked == []


def test_whatever_is_left_out_is_named(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["installations", "register"])

    assert result.exit_code == 2
    assert all(
        f"{option}: Missing data" in result.stderr for option in ("--app-name", "--workspace", "--model")
    )


@pytest.mark.parametrize("secret", ["with space", "", "ümlaut"])
def test_a_token_that_is_none_is_refused_and_not_repeated(runner: FlaskCliRunner, secret: str) -> None:
    result = runner.invoke(args=[*REGISTER, "--secrets-stdin"], input=f"{secret}\n")

    assert result.exit_code == 2
    assert "SectorFlow token: " in result.stderr
    assert not secret or secret not in result.output


def test_a_service_without_an_app_of_its_own_wants_one_named(settings: Settings, services: Services) -> None:
    installs = replace(services.installs, own_app=None)
    app = create_app(replace(settings, slack_app=None), replace(services, installs=installs))

    result = app.test_cli_runner().invoke(args=REGISTER)

    assert result.exit_code == 2
    assert "--app: This service has no Slack app of its own" in result.stderr


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (TokenRefused("401"), "Error: SectorFlow token: SectorFlow refuses this token.\n"),
        (WorkspaceMissing("404"), "Error: --workspace: SectorFlow knows no such workspace.\n"),
    ],
)
def test_what_sectorflow_refuses_is_said_by_option(
    runner: FlaskCliRunner, desk: FakeDesk, fault: Exception, said: str
) -> None:
    desk.checks.then(fault)

    result = runner.invoke(args=REGISTER)

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", said)


def test_what_would_be_replaced_must_be_there(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=[*REGISTER, "--replaces", ID])

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: --replaces: No installed installation of this app has this id.\n"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (SlackRefused("token_expired"), ["App configuration token: Slack refuses this"]),
        (SlackBusy("ReadTimeout"), ["Slack did not say whether it made the app"]),
        (
            ManifestRefused("invalid_manifest", {"/display_information/name": ["is\x1b[2J taken"]}),
            ["Slack refused the app's manifest", "/display_information/name: is\ufffd[2J taken"],
        ),
    ],
)
def test_why_slack_made_no_app_is_said(
    runner: FlaskCliRunner, slack: FakeSlackClient, fault: Exception, said: list[str]
) -> None:
    slack.creations.then(fault)

    result = runner.invoke(args=[*REGISTER, "--new-app"], input="xoxe-config\n")

    assert (result.exit_code, result.stdout) == (1, "")
    assert all(words in result.stderr for words in said), result.stderr


def test_the_same_key_and_terms_again_register_nothing_new(
    runner: FlaskCliRunner, services: Services
) -> None:
    once = [*REGISTER, "--idempotency-key", "attempt-1", "--json"]

    first, again = runner.invoke(args=once), runner.invoke(args=once)
    other = runner.invoke(args=[*once, "--customer", "another"])

    assert json.loads(first.stdout) == json.loads(again.stdout)
    assert (other.exit_code, other.stdout) == (1, "")
    assert other.stderr.startswith("Error: --idempotency-key: ")


# Changing


@pytest.mark.usefixtures("installed")
def test_only_what_is_named_is_changed(runner: FlaskCliRunner, services: Services) -> None:
    result = runner.invoke(args=["installations", "change", ID, "--display", "tabs", "--json"])

    assert (result.exit_code, json.loads(result.stdout)["display"]) == (0, "tabs")
    found = services.installs.find(ID)
    assert found is not None
    assert found.terms == replace(make_terms(), display="tabs", revision=2)


@pytest.mark.usefixtures("installed")
def test_everything_that_the_install_api_changes_can_be_changed(
    runner: FlaskCliRunner, services: Services
) -> None:
    terms = ["--app-name", "Acme 2", "--workspace", OTHER_WORKSPACE, "--model", MODEL_IDS[2], "--plus", ""]
    rest = ["--allow-external-users", "--display", "tabs", "--token-stdin"]

    result = runner.invoke(args=["installations", "change", ID, *terms, *rest], input=f"{NEW_TOKEN}\n")

    assert result.exit_code == 0, result.output
    assert "Acme 2" in result.stdout
    found = services.installs.find(ID)
    assert found is not None
    settings = found.terms.sectorflow
    assert (settings.api_token, settings.workspace_id) == (NEW_TOKEN, OTHER_WORKSPACE)
    assert (settings.model_ids, settings.plus_id) == ((MODEL_IDS[2],), "")
    assert (found.terms.app_name, found.terms.allow_external_users) == ("Acme 2", True)
    assert all(secret not in result.output for secret in SECRETS)


@pytest.mark.usefixtures("installed")
def test_people_of_other_organisations_are_let_in_and_kept_out_again(
    runner: FlaskCliRunner, services: Services
) -> None:
    for option, allowed in (("--allow-external-users", True), ("--no-external-users", False)):
        runner.invoke(args=["installations", "change", ID, option])

        found = services.installs.find(ID)
        assert found is not None
        assert found.terms.allow_external_users is allowed


@pytest.mark.usefixtures("installed")
def test_a_token_in_the_environment_changes_nothing_unless_it_is_asked_to(
    runner: FlaskCliRunner, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECTORFLOW_TOKEN", NEW_TOKEN)

    def stored() -> str:
        found = services.installs.find(ID)
        assert found is not None
        return found.terms.sectorflow.api_token

    runner.invoke(args=["installations", "change", ID, "--display", "tabs"])
    assert stored() == API_TOKEN

    runner.invoke(args=["installations", "change", ID, "--token"])
    assert stored() == NEW_TOKEN


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Name what is to be changed."),
        (["--app-name", "\u202e"], "--app-name: Must be readable text."),
        (["--model", "x"], "--model no. 1: Not a valid UUID."),
        (["--token-stdin"], "SectorFlow token: Length must be"),
        (["--customer", "c-2"], "--customer"),
    ],
)
def test_a_change_that_is_wrong_is_wrong_usage(
    runner: FlaskCliRunner, services: Services, options: list[str], said: str
) -> None:
    result = runner.invoke(args=["installations", "change", ID, *options])

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert services.installs.find(ID) == make_installation()


@pytest.mark.usefixtures("installed")
def test_a_token_that_sectorflow_refuses_changes_nothing(
    runner: FlaskCliRunner, services: Services, desk: FakeDesk
) -> None:
    desk.checks.then(TokenRefused("401"))

    result = runner.invoke(args=["installations", "change", ID, "--token-stdin"], input=f"{NEW_TOKEN}\n")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: SectorFlow token: SectorFlow refuses this token.\n"
    assert services.installs.find(ID) == make_installation()


def test_one_that_failed_is_not_changed(runner: FlaskCliRunner, services: Services) -> None:
    services.installs.pendings.save(make_pending())
    services.installs.pendings.fail(ID, "already_installed")

    result = runner.invoke(args=["installations", "change", ID, "--display", "tabs"])

    assert (result.exit_code, result.stdout) == (1, "")
    assert "failed or expired" in result.stderr


def test_what_is_not_there_is_not_changed(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["installations", "change", "no-such-id", "--display", "tabs"])

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no such installation.\n"


# Votes


def vote(services: Services, model_id: str, user_id: str, *, up: bool) -> None:
    answer = Answer(make_question(), make_reply((model_id,)).answers)
    services.feedback.vote(answer, 0, user_id, up=up)


@pytest.mark.usefixtures("installed")
def test_votes_are_told_by_model(runner: FlaskCliRunner, services: Services) -> None:
    vote(services, MODEL_IDS[1], "U1", up=True)
    vote(services, MODEL_IDS[1], "U2", up=False)

    table = runner.invoke(args=["installations", "feedback", ID])
    as_json = runner.invoke(args=["installations", "feedback", ID, "--json"])

    told: list[dict[str, Any]] = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [each["modelId"] for each in told] == list(MODEL_IDS)
    assert told[1] == {"modelId": MODEL_IDS[1], "modelName": None, "up": 1, "down": 1}
    assert MODEL_IDS[1] in table.stdout


def test_of_one_that_is_not_installed_there_are_no_votes(runner: FlaskCliRunner, services: Services) -> None:
    services.installs.pendings.save(make_pending())

    for installation_id in (ID, "no-such-id"):
        result = runner.invoke(args=["installations", "feedback", installation_id])

        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "Error: No installed installation has this id.\n"
