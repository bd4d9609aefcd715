"""Slack apps and their secrets: the service's own outside Redis, customers' in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import SlackApp
from sectorflow_slack.storage import apps as apps_module
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.crypto import Cipher
from tests.losing import lose
from tests.storage.conftest import Stores, dump
from tests.values import CUSTOMERS_APP, OWN_APP, make_bot, make_installation, make_terms

OLD, NEW = CUSTOMERS_APP.signing_secret, "another-signing-secret"
NEWER = replace(CUSTOMERS_APP, signing_secret=NEW)
APP_ID = CUSTOMERS_APP.app_id
PLACE = f"app:{APP_ID}"
SECRETS = ("client_secret", "signing_secret", "next_signing_secret")

Install = Callable[..., None]


@pytest.fixture
def install(db: Stores) -> Install:
    """Install an app in a team, the one way by which an app comes into the store."""

    def save(app: SlackApp | None, team_id: str = "T0ACME") -> None:
        app_id = app.app_id if app else OWN_APP.app_id
        terms = make_terms(id=f"{app_id}-in-{team_id}", app_id=app_id)
        installation = make_installation(terms, make_bot(app_id=app_id, team_id=team_id))
        assert db.installations.save(installation, app, replaces=None)

    return save


def test_the_own_app_is_known_without_redis(db: Stores, unreachable: redis.Redis) -> None:
    apps = AppStore(unreachable, db.cipher, OWN_APP)

    assert apps.find(OWN_APP.app_id) == OWN_APP
    assert apps.signing_secrets(OWN_APP.app_id) == (OWN_APP.signing_secret,)


def test_an_app_is_found_with_its_secrets(db: Stores, install: Install) -> None:
    install(CUSTOMERS_APP)

    assert db.apps.find(APP_ID) == CUSTOMERS_APP
    assert db.apps.signing_secrets(APP_ID) == (OLD,)
    assert db.apps.find("A0UNKNOWN") is None
    assert db.apps.signing_secrets("A0UNKNOWN") == ()


def test_new_client_credentials_count_at_once(db: Stores, install: Install) -> None:
    rotated = replace(CUSTOMERS_APP, client_id="5.6", client_secret="another-client-secret")
    install(CUSTOMERS_APP)

    install(rotated)

    assert db.apps.find(APP_ID) == rotated
    assert db.apps.signing_secrets(APP_ID) == (OLD,)


@pytest.mark.parametrize("team_id", ["T0ACME", "T0OTHER"])
def test_a_new_signing_secret_waits_behind_the_one_in_force(
    db: Stores, install: Install, team_id: str
) -> None:
    install(CUSTOMERS_APP)

    install(NEWER, team_id)

    assert db.apps.signing_secrets(APP_ID) == (OLD, NEW)
    assert db.apps.find(APP_ID) == CUSTOMERS_APP


def test_a_secret_that_waits_is_dropped_when_another_install_names_the_old_one(
    db: Stores, install: Install
) -> None:
    install(CUSTOMERS_APP)
    install(NEWER)

    install(CUSTOMERS_APP)

    assert db.apps.signing_secrets(APP_ID) == (OLD,)


@pytest.mark.parametrize(
    ("named", "adopted", "in_force"),
    [(NEWER, NEW, (NEW,)), (NEWER, "a-third-secret", (OLD, NEW)), (CUSTOMERS_APP, NEW, (OLD,))],
    ids=["the one that waits", "another one", "none waits"],
)
def test_only_the_secret_that_waits_is_adopted(
    db: Stores, install: Install, named: SlackApp, adopted: str, in_force: tuple[str, ...]
) -> None:
    install(CUSTOMERS_APP)
    install(named)

    db.apps.adopt_signing_secret(APP_ID, adopted)

    assert db.apps.signing_secrets(APP_ID) == in_force
    assert db.apps.find(APP_ID) == replace(CUSTOMERS_APP, signing_secret=in_force[0])


def test_adopting_for_an_app_that_is_gone_brings_nothing_back(db: Stores) -> None:
    db.apps.adopt_signing_secret(APP_ID, NEW)

    assert dump(db.redis) == {}


@pytest.mark.parametrize(("lost", "left"), [("next_signing_secret", OLD), ("signing_secret", NEW)])
def test_a_signing_secret_that_no_key_opens_is_logged_by_place_and_the_other_verifies(
    db: Stores, install: Install, caplog: pytest.LogCaptureFixture, lost: str, left: str
) -> None:
    install(CUSTOMERS_APP)
    install(NEWER)
    lose(db.redis, PLACE, lost)

    with caplog.at_level(logging.ERROR):
        found = db.apps.signing_secrets(APP_ID)

    assert found == (left,)
    assert caplog.messages == [f"signing secret cannot be read: {PLACE} {lost}"]


def test_an_app_whose_secrets_no_key_opens_raises_until_it_is_installed_again(
    db: Stores, install: Install
) -> None:
    install(CUSTOMERS_APP)
    lose(db.redis, PLACE, *SECRETS)

    with pytest.raises(CannotDecrypt, match=r" signing_secret$"):
        db.apps.signing_secrets(APP_ID)
    with pytest.raises(CannotDecrypt, match=rf"^no key decrypts {PLACE} client_secret$"):
        db.apps.find(APP_ID)
    install(NEWER)

    assert db.apps.signing_secrets(APP_ID) == (NEW,)
    assert db.apps.find(APP_ID) == NEWER


def test_apps_are_listed_without_a_key_and_with_the_teams_that_have_them(
    db: Stores, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps_module, "_BATCH", 2)
    for number in range(3):
        install(None, f"T{number}")
    install(CUSTOMERS_APP)
    install(NEWER)
    db.redis.hset("app:A0HALF", "signing_secret", "of a record without a client id")
    keyless = Cipher(["A" * 43 + "="])

    apps = AppStore(db.redis, keyless, OWN_APP).list()

    assert [(app.app_id, app.client_id, app.is_own, app.secret_waits, app.tenant_ids) for app in apps] == [
        ("A0OWN", OWN_APP.client_id, True, False, ("T0", "T1", "T2")),
        (APP_ID, CUSTOMERS_APP.client_id, False, True, ("T0ACME",)),
    ]
    assert [app.app_id for app in AppStore(db.redis, keyless, None).list()] == [APP_ID]
