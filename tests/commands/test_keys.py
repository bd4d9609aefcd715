"""New encryption keys, and everything that is stored put under them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.idempotency import IdempotencyStore
from sectorflow_slack.storage.keyring import SEALED_PREFIXES
from tests.commands.conftest import Run, documents, running
from tests.values import (
    CUSTOMERS_APP,
    FixedClock,
    make_bot,
    make_installation,
    make_pending,
    make_question,
    make_terms,
)

NEW_KEY = Fernet.generate_key().decode()
TERMS = make_terms(app_id=CUSTOMERS_APP.app_id)
INSTALLATION = make_installation(TERMS, make_bot(app_id=CUSTOMERS_APP.app_id))
PENDING = make_pending(
    settings=make_terms(id="8b6cbd5c-0c9f-4a55-9f5c-2f9f0a3a0002", app_id=CUSTOMERS_APP.app_id),
    slack_app=CUSTOMERS_APP,
)
QUESTION = make_question(installation=INSTALLATION.key)
FAILED = make_question(2, installation=INSTALLATION.key)


def test_a_new_key_is_all_that_is_printed(run: Run) -> None:
    one, other = (run("keys", "new") for _ in range(2))
    (as_json,) = documents(run("keys", "new", "--json"))

    assert one.stdout != other.stdout
    assert one.stdout.count("\n") == 1
    assert Fernet(one.stdout.strip())
    assert one.stderr == ""
    assert as_json.keys() == {"key"}
    assert Fernet(as_json["key"])


@pytest.fixture
def renew(settings: Settings, connections: Connections, clock: FixedClock) -> Run:
    """Runs commands as a process that was started with a new key in front."""
    rotated = replace(settings, encryption_keys=(NEW_KEY, *settings.encryption_keys))
    return running(create_app(rotated, build_services(rotated, connections, clock)))


@pytest.fixture
def stored(services: Services, settings: Settings, store: redis.Redis) -> None:
    """Something of every kind, under the old key."""
    gone = make_installation(make_terms(id="gone"), make_bot(team_id="T0GONE"))
    services.registration.installations.save(gone, None, None)
    services.registration.installations.remove(gone)
    IdempotencyStore(store, Cipher(settings.encryption_keys)).claim("key", "fingerprint", "some-id")
    services.registration.installations.save(INSTALLATION, CUSTOMERS_APP, None)
    services.registration.pendings.save(PENDING)
    questions = services.answers.questions
    questions.accept(FAILED)
    held = questions.lease(FAILED.installation)
    assert held is not None
    questions.complete(held, "token_refused", again=FAILED)
    questions.accept(QUESTION)


def sealed_values(store: redis.Redis) -> dict[tuple[str, str], str]:
    """Every sealed value of whatever hash, by its place."""
    hashes = [str(key) for key in store.scan_iter() if store.type(key) == "hash"]
    return {
        (key, field): value
        for key in hashes
        for field, value in store.hgetall(key).items()
        if value.startswith("gAAAA")
    }


@pytest.mark.usefixtures("stored")
def test_afterwards_everything_of_every_kind_opens_with_the_new_key_alone(
    renew: Run, settings: Settings, connections: Connections, clock: FixedClock, store: redis.Redis
) -> None:
    before = sealed_values(store)
    assert {key.partition(":")[0] + ":" for key, _ in before} == set(SEALED_PREFIXES) - {"answer:"}

    (counts,) = documents(renew("keys re-encrypt", "--json"))

    after = sealed_values(store)
    assert after.keys() == before.keys()
    assert all(Cipher([NEW_KEY]).is_current(value) for value in after.values())
    assert (counts["renewed"], counts["lost"]) == (len(before), [])
    only_new = build_services(replace(settings, encryption_keys=(NEW_KEY,)), connections, clock)
    assert only_new.registration.find(INSTALLATION.settings.id) == INSTALLATION
    assert only_new.registration.find(PENDING.settings.id) == PENDING
    assert only_new.apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert only_new.answers.questions.lease(QUESTION.installation) == QUESTION
    assert [letter.question for letter in only_new.failed_questions.list()] == [FAILED]


@pytest.mark.usefixtures("stored")
def test_what_no_key_opens_is_named_and_the_rest_renewed(renew: Run, store: redis.Redis) -> None:
    place = f"installation:{INSTALLATION.key}"
    store.hset(place, "api_token", store.hget(place, "bot_token") or "")

    plain = renew("keys re-encrypt")
    as_json = renew("keys re-encrypt", "--json")

    (counts,) = documents(as_json)
    assert (plain.exit_code, as_json.exit_code) == (1, 1)
    assert plain.stderr == f"No key opens {place} api_token.\n"
    assert counts["lost"] == [{"record": place, "field": "api_token"}]
    assert (counts["renewed"], counts["current"]) == (0, len(sealed_values(store)) - 1)


def test_an_empty_store_is_fine(renew: Run) -> None:
    result = renew("keys re-encrypt")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "0 records: 0 values renewed, 0 were under the first key.\n"
