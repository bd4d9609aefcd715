from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import CannotDecrypt, StorageUnavailable
from sectorflow_slack.domain.installations import SlackApp
from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installations import RedisInstallationStore
from tests.losing import lose
from tests.storage.conftest import dump
from tests.values import CUSTOMERS_APP, OWN_APP, make_bot, make_installation, make_terms

OLD, NEW = CUSTOMERS_APP.signing_secret, "another-signing-secret"
APP_ID = CUSTOMERS_APP.app_id
PLACE = f"app:{APP_ID}"
SECRETS = ("client_secret", "signing_secret", "next_signing_secret")


@pytest.fixture
def apps(store: redis.Redis, cipher: Cipher) -> RedisAppStore:
    return RedisAppStore(store, cipher, OWN_APP)


def install(store: redis.Redis, cipher: Cipher, app: SlackApp, team_id: str = "T0ACME") -> None:
    """Install ``app`` in a team, as the one way by which an app comes into the store."""
    terms = make_terms(id=f"id-in-{team_id}", app_id=app.app_id)
    installation = make_installation(terms, make_bot(app_id=app.app_id, team_id=team_id))
    assert RedisInstallationStore(store, cipher).save(installation, app, replaces=terms.id)


def test_the_own_app_is_known_and_never_in_redis(apps: RedisAppStore, store: redis.Redis) -> None:
    assert apps.find(OWN_APP.app_id) == OWN_APP
    assert apps.signing_secrets(OWN_APP.app_id) == (OWN_APP.signing_secret,)
    apps.adopt_signing_secret(OWN_APP.app_id, OWN_APP.signing_secret)
    assert dump(store) == {}


def test_the_own_app_is_known_without_asking_redis(nobody: redis.Redis, cipher: Cipher) -> None:
    apps = RedisAppStore(nobody, cipher, OWN_APP)

    assert apps.find(OWN_APP.app_id) == OWN_APP
    assert apps.signing_secrets(OWN_APP.app_id) == (OWN_APP.signing_secret,)


def test_what_the_store_holds_under_the_own_apps_id_counts_for_nothing(
    apps: RedisAppStore, store: redis.Redis, cipher: Cipher
) -> None:
    install(store, cipher, replace(CUSTOMERS_APP, app_id=OWN_APP.app_id))

    assert apps.find(OWN_APP.app_id) == OWN_APP
    assert apps.signing_secrets(OWN_APP.app_id) == (OWN_APP.signing_secret,)


@pytest.mark.parametrize("own_app", [OWN_APP, None])
def test_an_app_is_found_with_its_secrets(
    store: redis.Redis, cipher: Cipher, own_app: SlackApp | None
) -> None:
    install(store, cipher, CUSTOMERS_APP)

    apps = RedisAppStore(store, cipher, own_app)

    assert apps.find(APP_ID) == CUSTOMERS_APP
    assert apps.signing_secrets(APP_ID) == (OLD,)


def test_an_unknown_app_has_no_secrets(apps: RedisAppStore) -> None:
    assert apps.find("A0NOBODY") is None
    assert apps.signing_secrets("A0NOBODY") == ()


def test_a_new_signing_secret_waits_behind_the_one_in_force(
    apps: RedisAppStore, store: redis.Redis, cipher: Cipher
) -> None:
    install(store, cipher, CUSTOMERS_APP)

    install(store, cipher, replace(CUSTOMERS_APP, signing_secret=NEW), "T0OTHER")

    assert apps.signing_secrets(APP_ID) == (OLD, NEW)
    assert apps.find(APP_ID) == CUSTOMERS_APP


def test_new_client_credentials_count_at_once(
    apps: RedisAppStore, store: redis.Redis, cipher: Cipher
) -> None:
    install(store, cipher, CUSTOMERS_APP)
    rotated = replace(CUSTOMERS_APP, client_id="5.6", client_secret="another-client-secret")

    install(store, cipher, rotated)

    assert apps.find(APP_ID) == rotated
    assert apps.signing_secrets(APP_ID) == (OLD,)


def test_a_waiting_secret_takes_over_when_it_is_adopted(
    apps: RedisAppStore, store: redis.Redis, cipher: Cipher
) -> None:
    install(store, cipher, CUSTOMERS_APP)
    install(store, cipher, replace(CUSTOMERS_APP, signing_secret=NEW))

    apps.adopt_signing_secret(APP_ID, NEW)

    assert apps.signing_secrets(APP_ID) == (NEW,)
    assert apps.find(APP_ID) == replace(CUSTOMERS_APP, signing_secret=NEW)


def test_a_secret_that_does_not_wait_is_not_adopted(
    apps: RedisAppStore, store: redis.Redis, cipher: Cipher
) -> None:
    install(store, cipher, CUSTOMERS_APP)

    apps.adopt_signing_secret(APP_ID, NEW)

    assert apps.signing_secrets(APP_ID) == (OLD,)


def test_only_the_very_secret_that_waits_is_adopted(
    apps: RedisAppStore, store: redis.Redis, cipher: Cipher
) -> None:
    install(store, cipher, CUSTOMERS_APP)
    install(store, cipher, replace(CUSTOMERS_APP, signing_secret=NEW))

    apps.adopt_signing_secret(APP_ID, "a-third-signing-secret")

    assert apps.signing_secrets(APP_ID) == (OLD, NEW)


def test_adopting_for_an_app_that_is_gone_brings_nothing_back(
    apps: RedisAppStore, store: redis.Redis
) -> None:
    apps.adopt_signing_secret(APP_ID, NEW)

    assert dump(store) == {}


def test_secrets_are_sealed_and_the_client_id_is_readable(
    apps: RedisAppStore, store: redis.Redis, cipher: Cipher
) -> None:
    install(store, cipher, CUSTOMERS_APP)
    install(store, cipher, replace(CUSTOMERS_APP, signing_secret=NEW))

    text = str(dump(store))

    assert CUSTOMERS_APP.client_id in text
    assert not [secret for secret in (CUSTOMERS_APP.client_secret, OLD, NEW) if secret in text]


def test_a_secret_that_was_moved_to_another_app_does_not_open(
    apps: RedisAppStore, store: redis.Redis, cipher: Cipher
) -> None:
    install(store, cipher, CUSTOMERS_APP)
    store.copy(f"app:{APP_ID}", "app:A0THIEF")

    with pytest.raises(CannotDecrypt):
        apps.find("A0THIEF")
    with pytest.raises(CannotDecrypt):
        apps.signing_secrets("A0THIEF")


def test_a_lost_key_is_told_by_place(store: redis.Redis, cipher: Cipher) -> None:
    install(store, cipher, CUSTOMERS_APP)
    apps = RedisAppStore(store, Cipher([Fernet.generate_key().decode()]), None)

    with pytest.raises(CannotDecrypt, match=rf"^no key decrypts app:{APP_ID} client_secret$"):
        apps.find(APP_ID)


@pytest.mark.parametrize(
    ("unread", "left"), [("next_signing_secret", OLD), ("signing_secret", NEW)], ids=["waiting", "in force"]
)
def test_of_two_signing_secrets_the_one_that_no_key_opens_is_told_by_place_and_the_other_verifies(
    apps: RedisAppStore,
    store: redis.Redis,
    cipher: Cipher,
    caplog: pytest.LogCaptureFixture,
    unread: str,
    left: str,
) -> None:
    install(store, cipher, CUSTOMERS_APP)
    install(store, cipher, replace(CUSTOMERS_APP, signing_secret=NEW))
    lose(store, PLACE, unread)

    with caplog.at_level(logging.ERROR):
        found = apps.signing_secrets(APP_ID)

    assert found == (left,)
    assert [record.getMessage() for record in caplog.records] == [
        f"signing secret cannot be read: {PLACE} {unread}"
    ]


def test_where_no_key_opens_any_signing_secret_nobody_says_that_there_is_none(
    apps: RedisAppStore, store: redis.Redis, cipher: Cipher
) -> None:
    install(store, cipher, CUSTOMERS_APP)
    lose(store, PLACE, *SECRETS)

    with pytest.raises(CannotDecrypt, match=r" signing_secret$"):
        apps.signing_secrets(APP_ID)


def test_an_app_whose_signing_secret_no_key_opens_is_installed_again_with_the_one_it_has_now(
    apps: RedisAppStore, store: redis.Redis, cipher: Cipher
) -> None:
    install(store, cipher, CUSTOMERS_APP)
    lose(store, PLACE, *SECRETS)

    install(store, cipher, replace(CUSTOMERS_APP, signing_secret=NEW))

    assert apps.signing_secrets(APP_ID) == (NEW,)
    assert apps.find(APP_ID) == replace(CUSTOMERS_APP, signing_secret=NEW)


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher) -> None:
    apps = RedisAppStore(nobody, cipher, None)

    with pytest.raises(StorageUnavailable):
        apps.find(APP_ID)
    with pytest.raises(StorageUnavailable):
        apps.signing_secrets(APP_ID)
    with pytest.raises(StorageUnavailable):
        apps.adopt_signing_secret(APP_ID, NEW)
