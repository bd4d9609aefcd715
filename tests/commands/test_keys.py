"""New encryption keys, and everything that is stored put under them while the service runs."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
import redis
from cryptography.fernet import Fernet
from flask.testing import FlaskCliRunner

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.idempotency import RedisIdempotencyStore
from sectorflow_slack.storage.keyring import SEALED_PREFIXES
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
    terms=make_terms(id="8b6cbd5c-0c9f-4a55-9f5c-2f9f0a3a0002", app_id=CUSTOMERS_APP.app_id),
    slack_app=CUSTOMERS_APP,
)
QUESTION = make_question(installation=INSTALLATION.key)
FAILED = make_question(2, installation=INSTALLATION.key)


def test_a_new_key_is_all_that_is_printed(runner: FlaskCliRunner) -> None:
    one, other = (runner.invoke(args=["keys", "new"]) for _ in range(2))

    assert one.stdout != other.stdout
    assert one.stdout.count("\n") == 1
    assert Fernet(one.stdout.strip())
    assert one.stderr == ""


def test_a_script_reads_a_new_key(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["keys", "new", "--json"])

    made = json.loads(result.stdout)
    assert made.keys() == {"key"}
    assert Fernet(made["key"])


@pytest.fixture
def rotated(settings: Settings) -> Settings:
    """The settings after a new key was put in front."""
    return replace(settings, encryption_keys=(NEW_KEY, *settings.encryption_keys))


@pytest.fixture
def renewer(rotated: Settings, connections: Connections, clock: FixedClock) -> FlaskCliRunner:
    """Runs commands as a process that was started with the new key."""
    return create_app(rotated, build_services(rotated, connections, clock)).test_cli_runner()


@pytest.fixture
def stored(services: Services, settings: Settings, store: redis.Redis) -> None:
    """Something of every kind, under the old key."""
    gone = make_installation(make_terms(id="gone"), make_bot(team_id="T0GONE"))
    services.installs.installations.save(gone, None, None)
    services.installs.installations.remove(gone)
    RedisIdempotencyStore(store, Cipher(settings.encryption_keys)).claim("key", "fingerprint", "some-id")
    services.installs.installations.save(INSTALLATION, CUSTOMERS_APP, None)
    services.installs.pendings.save(PENDING)
    questions = services.answers.questions
    questions.accept(FAILED)
    held = questions.take(FAILED.installation)
    assert held is not None
    questions.finish(held, "token_refused", again=FAILED)
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
def test_after_it_everything_opens_with_the_new_key_alone(
    renewer: FlaskCliRunner, settings: Settings, connections: Connections, clock: FixedClock
) -> None:
    result = renewer.invoke(args=["keys", "re-encrypt"])

    assert result.exit_code == 0, result.output
    only_new = build_services(replace(settings, encryption_keys=(NEW_KEY,)), connections, clock)
    assert only_new.installs.find(INSTALLATION.terms.id) == INSTALLATION
    assert only_new.installs.find(PENDING.terms.id) == PENDING
    assert only_new.apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert only_new.answers.questions.take(QUESTION.installation) == QUESTION
    assert [letter.question for letter in only_new.letters.dead()] == [FAILED]


@pytest.mark.usefixtures("stored")
def test_no_kind_of_record_is_forgotten(renewer: FlaskCliRunner, store: redis.Redis) -> None:
    before = sealed_values(store)
    kinds = {key.partition(":")[0] + ":" for key, _ in before}
    assert kinds == set(SEALED_PREFIXES) - {"answer:"}

    result = renewer.invoke(args=["keys", "re-encrypt", "--json"])

    after, new = sealed_values(store), Cipher([NEW_KEY])
    assert after.keys() == before.keys()
    assert all(new.is_current(value) for value in after.values())
    assert json.loads(result.stdout)["renewed"] == len(before)


@pytest.mark.usefixtures("stored")
def test_a_second_time_there_is_nothing_to_do(renewer: FlaskCliRunner, store: redis.Redis) -> None:
    first = json.loads(renewer.invoke(args=["keys", "re-encrypt", "--json"]).stdout)
    kept = sealed_values(store)

    second = json.loads(renewer.invoke(args=["keys", "re-encrypt", "--json"]).stdout)

    assert (second["renewed"], second["current"]) == (0, first["renewed"])
    assert sealed_values(store) == kept


@pytest.mark.usefixtures("stored")
def test_what_expires_expires_as_before(renewer: FlaskCliRunner, store: redis.Redis) -> None:
    before = {str(key): int(store.ttl(key)) for key in store.scan_iter()}

    renewer.invoke(args=["keys", "re-encrypt"])

    after = {str(key): int(store.ttl(key)) for key in store.scan_iter()}
    assert after.keys() == before.keys()
    assert len(set(before.values())) > 3
    assert all(abs(after[key] - before[key]) <= 2 for key in before)


@pytest.mark.usefixtures("stored")
def test_what_no_key_opens_is_named_and_the_rest_renewed(renewer: FlaskCliRunner, store: redis.Redis) -> None:
    place = f"installation:{INSTALLATION.key}"
    store.hset(place, "api_token", store.hget(place, "bot_token") or "")

    plain = renewer.invoke(args=["keys", "re-encrypt"])
    as_json = renewer.invoke(args=["keys", "re-encrypt", "--json"])

    assert (plain.exit_code, as_json.exit_code) == (1, 1)
    assert plain.stderr == f"No key opens {place} api_token.\n"
    assert json.loads(as_json.stdout)["lost"] == [{"record": place, "field": "api_token"}]
    assert json.loads(as_json.stdout)["renewed"] == 0


@pytest.mark.usefixtures("stored", "terminal")
def test_on_a_terminal_it_shows_how_far_it_is(renewer: FlaskCliRunner) -> None:
    for_people = renewer.invoke(args=["keys", "re-encrypt"])
    as_json = renewer.invoke(args=["keys", "re-encrypt", "--json"])

    assert "Encrypting" in for_people.stderr
    assert "100%" in for_people.stderr
    assert as_json.stderr == ""
    assert json.loads(as_json.stdout)["lost"] == []


def test_an_empty_store_is_fine(renewer: FlaskCliRunner) -> None:
    result = renewer.invoke(args=["keys", "re-encrypt"])

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "0 records: 0 values renewed, 0 were under the first key.\n"


def test_questions_that_come_and_go_meanwhile_are_answered(
    renewer: FlaskCliRunner, rotated: Settings, connections: Connections, clock: FixedClock
) -> None:
    service = build_services(rotated, connections, clock)
    service.installs.installations.save(INSTALLATION, CUSTOMERS_APP, None)
    questions, taken, over = service.answers.questions, [], threading.Event()

    def serve() -> None:
        for number in range(100):
            asked = make_question(number, installation=INSTALLATION.key)
            questions.accept(asked)
            held = questions.take(INSTALLATION.key)
            if held is not None:
                taken.append(held.text)
                questions.finish(held)
        over.set()

    thread = threading.Thread(target=serve)
    thread.start()
    results = []
    while not over.is_set():
        results.append(renewer.invoke(args=["keys", "re-encrypt", "--json"]))
    thread.join(timeout=30)

    assert taken == [QUESTION.text] * 100
    assert all(result.exit_code == 0 for result in results)
