"""Keys are created, and the stored data is encrypted again."""

from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import build_services
from tests.commands.conftest import documents, runner
from tests.values import (
    CUSTOMERS_APP,
    make_bot,
    make_installation,
    make_pending,
    make_question,
    make_settings,
)

NEW_KEY = Fernet.generate_key().decode()
INSTALLATION = make_installation(
    make_settings(app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id)
)
PENDING = make_pending(
    settings=make_settings(id="8b6cbd5c-0c9f-4a55-9f5c-2f9f0a3a0002", app_id=CUSTOMERS_APP.app_id),
    slack_app=CUSTOMERS_APP,
)
QUESTION = make_question(installation=INSTALLATION.key)


def test_a_new_key_is_the_only_output(run):
    one, other = (run("keys", "new") for _ in range(2))
    (as_json,) = documents(run("keys", "new", "--json"))

    assert one.stdout != other.stdout
    assert (one.stdout.count("\n"), one.stderr) == (1, "")
    assert Fernet(one.stdout.strip())
    assert as_json.keys() == {"key"}
    assert Fernet(as_json["key"])


@pytest.fixture
def run_rotated(settings, store, clock):
    """Run a command in a process whose first key is new."""
    rotated = replace(settings, encryption_keys=(NEW_KEY, *settings.encryption_keys))
    return runner(create_app(rotated, build_services(rotated, store, clock)))


@pytest.fixture
def stored(services):
    """Store records under the old key."""
    services.registration.installations.save(INSTALLATION, CUSTOMERS_APP, None)
    services.registration.pendings.save(PENDING)
    services.answers.questions.accept(QUESTION)


@pytest.mark.usefixtures("stored")
def test_re_encrypted_records_open_with_the_new_key_alone(run_rotated, settings, store, clock):
    (counts,) = documents(run_rotated("keys re-encrypt", "--json"))

    assert counts["renewed"] > counts["records"] > 3
    assert (counts["current"], counts["lost"]) == (0, [])
    only_new = build_services(replace(settings, encryption_keys=(NEW_KEY,)), store, clock)
    assert only_new.registration.find(INSTALLATION.settings.id) == INSTALLATION
    assert only_new.registration.find(PENDING.settings.id) == PENDING
    assert only_new.apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert only_new.answers.questions.lease().question == QUESTION


@pytest.mark.usefixtures("stored")
def test_a_value_that_no_key_opens_is_named_and_the_others_are_re_encrypted(run_rotated, store):
    key = f"installation:{INSTALLATION.key}"
    store.hset(key, "api_token", store.hget(key, "bot_token"))

    plain = run_rotated("keys re-encrypt")
    as_json = run_rotated("keys re-encrypt", "--json")

    (counts,) = documents(as_json)
    assert (plain.exit_code, as_json.exit_code) == (1, 1)
    assert plain.stderr == f"No key opens {key} api_token.\n"
    assert counts["lost"] == [{"record": key, "field": "api_token"}]
    assert counts["renewed"] == 0
    assert counts["current"] > 3


def test_an_empty_store_is_not_an_error(run_rotated):
    result = run_rotated("keys re-encrypt")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "0 records: 0 values renewed, 0 were under the first key.\n"
