"""Installations are registered and changed, and their votes counted, under the install API's rules."""

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import ManifestRefused, SlackRefused, TokenRefused, WorkspaceMissing
from sectorflow_slack.domain.installations import Workspace
from sectorflow_slack.domain.questions import Answer
from tests.commands.conftest import documents
from tests.fakes import MADE_APP, make_reply
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
    make_settings,
)

ID = make_settings().id
OTHER_WORKSPACE = "ffffffff-0000-4000-8000-000000000001"
NEW_TOKEN = "the-new-secret-token"
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
def token(monkeypatch):
    monkeypatch.setenv("SECTORFLOW_TOKEN", API_TOKEN)


@pytest.fixture
def installed(services):
    services.registration.installations.save(make_installation(), None, None)


def registered(services, result):
    """Return the pending installation that a command printed."""
    (printed,) = documents(result)
    return services.registration.find(printed["id"])


def settings_of(services):
    return services.registration.find(ID).settings


# register


def test_a_registered_installation_is_pending_and_its_link_is_printed(run, services):
    for_people = run(REGISTER)
    as_json = run(f"{REGISTER} --json")

    (printed,) = documents(as_json)
    pending = registered(services, as_json)
    assert (as_json.exit_code, as_json.stderr) == (0, "")
    assert (printed["status"], printed["appName"], printed["appId"]) == ("pending", "Acme", OWN_APP.app_id)
    assert (printed["modelIds"], printed["display"]) == ([MODEL_IDS[1], MODEL_IDS[0]], "separated")
    assert printed["installUrl"] == f"https://slack.example.com/slack/install/{pending.link}"
    assert pending.settings.sectorflow.api_token == API_TOKEN
    assert "https://slack.example.com/slack/install/" in for_people.stdout
    assert API_TOKEN not in for_people.output + as_json.output


@pytest.mark.usefixtures("installed")
def test_every_field_of_the_install_api_has_an_option(run, services):
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
    ids=["prompts for the app", "prompts for the token too", "stdin"],
)
def test_secrets_come_from_prompts_without_echo_or_from_stdin(
    run, services, monkeypatch, environment, options, typed, api_token
):
    monkeypatch.setenv("SECTORFLOW_TOKEN", environment)

    result = run(f"{REGISTER} {EXISTING} {options} --json", typed=typed)

    pending = registered(services, result)
    assert (pending.slack_app, pending.settings.sectorflow.api_token) == (CUSTOMERS_APP, api_token)
    assert ("Client secret" in result.stderr) is (not options)
    assert all(secret not in result.output for secret in SECRETS)


def test_an_app_is_created_with_a_configuration_token(run, slack):
    result = run(f"{REGISTER} --new-app --json", typed=f"{CONFIG_TOKEN}\n")

    assert documents(result)[0]["appId"] == MADE_APP.app_id
    assert [token for token, _, _ in slack.created] == [CONFIG_TOKEN]
    assert CONFIG_TOKEN not in result.output


@pytest.mark.parametrize(
    ("command", "messages"),
    [
        (
            f"{REGISTER} --workspace here --team acme",
            ["--workspace: Not a valid UUID.", "--team: Not a Slack team id."],
        ),
        (f"{REGISTER} --model gpt-4o", ["--model no. 3: Not a valid UUID."]),
        (f"{REGISTER} --app A0CUSTOMER", ["--client-id: Missing data for required field."]),
        (f"{REGISTER} --app {OWN_APP.app_id} --client-id 1.2", ["--app: This is the service's own app"]),
        (f"{REGISTER} {EXISTING} --new-app", ["App configuration token: Must be left out beside"]),
        (f"{REGISTER} --idempotency-key ü", ["--idempotency-key: Must be visible ASCII"]),
        (f"{REGISTER} --display rows", ["--display", "'separated', 'tabs'"]),
        (
            "installations register",
            [f"{option}: Missing data" for option in ("--app-name", "--workspace", "--model")],
        ),
    ],
)
def test_errors_are_reported_by_option_before_any_prompt(run, sectorflow, monkeypatch, command, messages):
    monkeypatch.delenv("SECTORFLOW_TOKEN")

    result = run(command, typed=f"{API_TOKEN}\n" * 3)

    assert (result.exit_code, result.stdout) == (2, "")
    assert all(message in result.stderr for message in messages), result.stderr
    assert "SectorFlow token:" not in result.stderr
    assert sectorflow.checked == []


@pytest.mark.parametrize("secret", ["with space", "", "ümlaut"])
def test_an_invalid_token_is_refused_and_not_shown(run, secret):
    result = run(f"{REGISTER} --secrets-stdin", typed=f"{secret}\n")

    assert result.exit_code == 2
    assert "SectorFlow token: " in result.stderr
    assert not secret or secret not in result.output


@pytest.mark.parametrize(
    ("of_sectorflow", "of_slack", "messages"),
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
def test_refusals_of_sectorflow_and_slack_are_reported_by_option(
    run, sectorflow, slack, of_sectorflow, of_slack, messages
):
    sectorflow.checks.then(of_sectorflow)
    slack.creations.then(of_slack)

    result = run(f"{REGISTER} --new-app", typed=f"{CONFIG_TOKEN}\n")

    assert (result.exit_code, result.stdout) == (1, "")
    assert all(message in result.stderr for message in messages), result.stderr


def test_models_and_an_expert_that_sectorflow_does_not_have_are_named_by_option(run, sectorflow):
    sectorflow.workspace = Workspace("", model_ids=frozenset())
    sectorflow.expert_ids = ()

    result = run(f"{REGISTER} --expert {PLUS_ID}")

    assert result.exit_code == 1
    assert "--model no. 1: SectorFlow offers no such model to this token.\n" in result.stderr
    assert "SectorFlow knows no such expert.\n" in result.stderr


def test_a_repeated_idempotency_key_registers_nothing_new(run):
    command = f"{REGISTER} --idempotency-key attempt-1 --json"

    first, again, other = run(command), run(command), run(f"{command} --customer another")

    assert documents(first) == documents(again)
    assert (other.exit_code, other.stdout) == (1, "")
    assert other.stderr.startswith("Error: --idempotency-key: ")


# change


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("options", "display", "api_token"),
    [("--display tabs", "tabs", API_TOKEN), ("--token", "separated", NEW_TOKEN)],
)
def test_only_the_given_settings_are_changed(run, services, monkeypatch, options, display, api_token):
    monkeypatch.setenv("SECTORFLOW_TOKEN", NEW_TOKEN)

    result = run(f"{CHANGE} {options} --json")

    sectorflow = replace(make_settings().sectorflow, api_token=api_token)
    assert documents(result)[0]["display"] == display
    assert settings_of(services) == make_settings(display=display, sectorflow=sectorflow, revision=2)


@pytest.mark.usefixtures("installed")
def test_every_setting_that_the_install_api_changes_has_an_option(run, services):
    options = f"--workspace {OTHER_WORKSPACE} --model {MODEL_IDS[2]} --plus= --display tabs"

    result = run(
        f"{CHANGE} {options} --app-name Acme2 --allow-external-users --token-stdin", typed=f"{NEW_TOKEN}\n"
    )

    assert result.exit_code == 0, result.output
    assert "Acme2" in result.stdout
    assert all(secret not in result.output for secret in SECRETS)
    changed, sectorflow = settings_of(services), settings_of(services).sectorflow
    assert (sectorflow.api_token, sectorflow.workspace_id) == (NEW_TOKEN, OTHER_WORKSPACE)
    assert (sectorflow.model_ids, sectorflow.plus_id) == ((MODEL_IDS[2],), "")
    assert (changed.app_name, changed.allow_external_users) == ("Acme2", True)

    run(f"{CHANGE} --no-external-users")

    assert settings_of(services).allow_external_users is False


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "Name a setting to change."),
        ("--model x", "--model no. 1: Not a valid UUID."),
        ("--token-stdin", "SectorFlow token: Length must be"),
        ("--customer c-2", "--customer"),
    ],
)
def test_an_invalid_change_is_wrong_usage(run, services, options, message):
    result = run(f"{CHANGE} {options}")

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert services.registration.find(ID) == make_installation()


# feedback


@pytest.mark.usefixtures("installed")
def test_votes_are_counted_by_model(run, services):
    answer = Answer(make_question(), make_reply((MODEL_IDS[1],)).answers)
    services.feedback.vote(answer, 0, "U1", up=True)
    services.feedback.vote(answer, 0, "U2", up=False)

    table = run(f"installations feedback {ID}")
    votes = documents(run(f"installations feedback {ID} --json"))

    assert [model["modelId"] for model in votes] == list(MODEL_IDS)
    took = {"asked": 0, "failed": 0, "p50Seconds": None, "credits": 0.0}
    assert votes[1] == {"modelId": MODEL_IDS[1], "modelName": None, "up": 1, "down": 1, **took}
    assert MODEL_IDS[1] in table.stdout


@pytest.mark.parametrize("installation_id", [ID, "no-such-id"])
def test_a_pending_or_unknown_installation_has_no_votes(run, services, installation_id):
    services.registration.pendings.save(make_pending())

    result = run("installations feedback", installation_id)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: No installed installation has this id.\n"
