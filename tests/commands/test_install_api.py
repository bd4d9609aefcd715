"""Installations are registered, changed and asked for votes, by the same rules as in the install API."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import Result

from sectorflow_slack.domain.errors import ManifestRefused, SlackRefused, TokenRefused, WorkspaceMissing
from sectorflow_slack.domain.installations import InstallationSettings, PendingInstallation
from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.services import Services
from tests.commands.conftest import FakeDesk, Run, documents
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
CONFIG_TOKEN = "xoxe-config"
REGISTER = (
    f"installations register --app-name Acme --workspace {WORKSPACE_ID} "
    f"--model {MODEL_IDS[1]} --model {MODEL_IDS[0]}"
)
CHANGE = f"installations change {ID}"
EXISTING = f"--app {CUSTOMERS_APP.app_id} --client-id {CUSTOMERS_APP.client_id}"
APP_SECRETS = f"{CUSTOMERS_APP.client_secret}\n{CUSTOMERS_APP.signing_secret}\n"
SECRETS = (API_TOKEN, NEW_TOKEN, CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret, CONFIG_TOKEN)


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECTORFLOW_TOKEN", API_TOKEN)


@pytest.fixture
def installed(services: Services) -> None:
    services.registration.installations.save(make_installation(), None, None)


def registered(services: Services, result: Result) -> PendingInstallation:
    """What was stored of the installation that a command printed."""
    (printed,) = documents(result)
    found = services.registration.find(printed["id"])
    assert isinstance(found, PendingInstallation)
    return found


def terms(services: Services) -> InstallationSettings:
    """What is stored of the one that is installed."""
    found = services.registration.find(ID)
    assert found is not None
    return found.settings


# Registering


def test_a_registered_installation_waits_and_its_link_is_printed(run: Run, services: Services) -> None:
    for_people = run(REGISTER)
    as_json = run(f"{REGISTER} --json")

    (made,) = documents(as_json)
    pending = registered(services, as_json)
    assert (as_json.exit_code, as_json.stderr) == (0, "")
    assert (made["status"], made["appName"], made["appId"]) == ("pending", "Acme", OWN_APP.app_id)
    assert (made["modelIds"], made["display"]) == ([MODEL_IDS[1], MODEL_IDS[0]], "separated")
    assert made["installUrl"] == f"https://slack.example.com/slack/install/{pending.link}"
    assert pending.settings.sectorflow.api_token == API_TOKEN
    assert "https://slack.example.com/slack/install/" in for_people.stdout
    assert API_TOKEN not in for_people.output + as_json.output


@pytest.mark.usefixtures("installed")
def test_every_field_of_the_install_api_has_an_option(run: Run, services: Services) -> None:
    options = f"--plus {PLUS_ID} --display tabs --allow-external-users --customer c-1 --team T0ACME"

    result = run(
        f"{REGISTER} {options} --replaces {ID} --return-url https://app.sectorflow.example/done --json"
    )

    pending = registered(services, result)
    assert (pending.settings.sectorflow.plus_id, pending.settings.display) == (PLUS_ID, "tabs")
    assert (pending.settings.allow_external_users, pending.settings.customer_id) == (True, "c-1")
    assert (pending.team_id, pending.replaces) == ("T0ACME", ID)
    assert pending.return_url == "https://app.sectorflow.example/done"


@pytest.mark.parametrize(
    ("environment", "options", "typed", "api_token"),
    [
        (API_TOKEN, "", APP_SECRETS, API_TOKEN),
        ("", "", f"{NEW_TOKEN}\n{APP_SECRETS}", NEW_TOKEN),
        (API_TOKEN, "--secrets-stdin", f"{NEW_TOKEN}\r\n{APP_SECRETS}", NEW_TOKEN),
    ],
    ids=["of the app", "of the app and the token", "all on stdin"],
)
def test_secrets_are_asked_for_unseen_or_come_on_stdin(
    run: Run,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    environment: str,
    options: str,
    typed: str,
    api_token: str,
) -> None:
    monkeypatch.setenv("SECTORFLOW_TOKEN", environment)

    result = run(f"{REGISTER} {EXISTING} {options} --json", typed=typed)

    pending = registered(services, result)
    assert (pending.slack_app, pending.settings.sectorflow.api_token) == (CUSTOMERS_APP, api_token)
    assert ("Client secret" in result.stderr) is (not options)
    assert all(secret not in result.output for secret in SECRETS)


def test_an_app_is_made_with_a_configuration_token(run: Run, slack: FakeSlackClient) -> None:
    result = run(f"{REGISTER} --new-app --json", typed=f"{CONFIG_TOKEN}\n")

    (made,) = documents(result)
    assert made["appId"] == MADE_APP.app_id
    assert [token for token, _, _ in slack.created] == [CONFIG_TOKEN]
    assert CONFIG_TOKEN not in result.output


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("--workspace here --team acme", ["--workspace: Not a valid UUID.", "--team: Not a Slack team id."]),
        ("--model gpt-4o", ["--model no. 3: Not a valid UUID."]),
        ("--plus x --replaces x", ["--plus: Not a valid UUID.", "--replaces: Not a valid UUID."]),
        ("--app A0CUSTOMER", ["--client-id: Missing data for required field."]),
        (f"--app {OWN_APP.app_id} --client-id 1.2", ["--app: This is the service's own app"]),
        (f"{EXISTING} --new-app", ["App configuration token: Must be left out beside"]),
        ("--idempotency-key ü", ["--idempotency-key: Must be visible ASCII"]),
        ("--display rows", ["--display", "'separated', 'tabs'"]),
    ],
)
def test_what_is_wrong_is_said_by_option_before_any_secret_is_asked_for(
    run: Run, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, wrong: str, said: list[str]
) -> None:
    monkeypatch.delenv("SECTORFLOW_TOKEN")

    result = run(f"{REGISTER} {wrong}", typed=f"{API_TOKEN}\n" * 3)

    assert (result.exit_code, result.stdout) == (2, "")
    assert all(words in result.stderr for words in said), result.stderr
    assert "SectorFlow token:" not in result.stderr
    assert desk.checked == []


def test_whatever_is_left_out_is_named(run: Run) -> None:
    result = run("installations register")

    assert result.exit_code == 2
    for option in ("--app-name", "--workspace", "--model"):
        assert f"{option}: Missing data" in result.stderr


@pytest.mark.parametrize("secret", ["with space", "", "ümlaut"])
def test_a_token_that_is_none_is_refused_and_not_repeated(run: Run, secret: str) -> None:
    result = run(f"{REGISTER} --secrets-stdin", typed=f"{secret}\n")

    assert result.exit_code == 2
    assert "SectorFlow token: " in result.stderr
    assert not secret or secret not in result.output


@pytest.mark.parametrize(
    ("checked", "created", "said"),
    [
        (TokenRefused("401"), None, ["Error: SectorFlow token: SectorFlow refuses this token.\n"]),
        (WorkspaceMissing("404"), None, ["Error: --workspace: SectorFlow knows no such workspace.\n"]),
        (None, SlackRefused("token_expired"), ["App configuration token: Slack refuses this"]),
        (
            None,
            ManifestRefused("invalid_manifest", {"/display_information/name": ["is\x1b[2J taken"]}),
            ["Slack refused the app's manifest", "/display_information/name: is\ufffd[2J taken"],
        ),
    ],
)
def test_what_sectorflow_or_slack_refuses_is_said_by_option(
    run: Run,
    desk: FakeDesk,
    slack: FakeSlackClient,
    checked: Exception | None,
    created: Exception | None,
    said: list[str],
) -> None:
    desk.checks.then(checked)
    slack.creations.then(created)

    result = run(f"{REGISTER} --new-app", typed=f"{CONFIG_TOKEN}\n")

    assert (result.exit_code, result.stdout) == (1, "")
    assert all(words in result.stderr for words in said), result.stderr


def test_the_same_key_and_fields_again_register_nothing_new(run: Run) -> None:
    once = f"{REGISTER} --idempotency-key attempt-1 --json"

    first, again, other = run(once), run(once), run(f"{once} --customer another")

    assert documents(first) == documents(again)
    assert (other.exit_code, other.stdout) == (1, "")
    assert other.stderr.startswith("Error: --idempotency-key: ")


# Changing


@pytest.mark.usefixtures("installed")
def test_only_what_is_named_is_changed(run: Run, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECTORFLOW_TOKEN", NEW_TOKEN)

    result = run(f"{CHANGE} --display tabs --json")

    assert documents(result)[0]["display"] == "tabs"
    assert terms(services) == replace(make_terms(), display="tabs", revision=2)


@pytest.mark.usefixtures("installed")
def test_everything_that_the_install_api_changes_can_be_changed(run: Run, services: Services) -> None:
    options = f"--workspace {OTHER_WORKSPACE} --model {MODEL_IDS[2]} --plus= --display tabs"

    result = run(
        f"{CHANGE} {options} --app-name Acme2 --allow-external-users --token-stdin", typed=f"{NEW_TOKEN}\n"
    )

    assert result.exit_code == 0, result.output
    assert "Acme2" in result.stdout
    assert all(secret not in result.output for secret in SECRETS)
    changed, sectorflow = terms(services), terms(services).sectorflow
    assert (sectorflow.api_token, sectorflow.workspace_id) == (NEW_TOKEN, OTHER_WORKSPACE)
    assert (sectorflow.model_ids, sectorflow.plus_id) == ((MODEL_IDS[2],), "")
    assert (changed.app_name, changed.allow_external_users) == ("Acme2", True)

    run(f"{CHANGE} --no-external-users")

    assert terms(services).allow_external_users is False


@pytest.mark.usefixtures("installed")
def test_a_token_in_the_environment_is_taken_where_that_is_asked_for(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECTORFLOW_TOKEN", NEW_TOKEN)

    run(f"{CHANGE} --token")

    assert terms(services).sectorflow.api_token == NEW_TOKEN


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "Name what is to be changed."),
        ("--model x", "--model no. 1: Not a valid UUID."),
        ("--token-stdin", "SectorFlow token: Length must be"),
        ("--customer c-2", "--customer"),
    ],
)
def test_a_change_that_is_wrong_is_wrong_usage(run: Run, services: Services, options: str, said: str) -> None:
    result = run(f"{CHANGE} {options}")

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert services.registration.find(ID) == make_installation()


def test_what_is_not_there_is_not_changed(run: Run) -> None:
    result = run(f"{CHANGE} --display tabs")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no such installation.\n"


# Votes


@pytest.mark.usefixtures("installed")
def test_votes_are_told_by_model(run: Run, services: Services) -> None:
    answer = Answer(make_question(), make_reply((MODEL_IDS[1],)).answers)
    services.feedback.vote(answer, 0, "U1", up=True)
    services.feedback.vote(answer, 0, "U2", up=False)

    table = run(f"installations feedback {ID}")
    told = documents(run(f"installations feedback {ID} --json"))

    assert [each["modelId"] for each in told] == list(MODEL_IDS)
    assert told[1] == {"modelId": MODEL_IDS[1], "modelName": None, "up": 1, "down": 1}
    assert MODEL_IDS[1] in table.stdout


def test_of_one_that_is_not_installed_there_are_no_votes(run: Run, services: Services) -> None:
    services.registration.pendings.save(make_pending())

    for installation_id in (ID, "no-such-id"):
        result = run("installations feedback", installation_id)

        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "Error: No installed installation has this id.\n"
