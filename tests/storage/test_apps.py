"""Slack apps and their secrets: the service's own from the settings, customers' from Redis."""

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.storage import apps as apps_module
from sectorflow_slack.storage.apps import AppStore
from tests.losing import lose
from tests.storage.conftest import lost_cipher
from tests.values import CUSTOMERS_APP, OWN_APP, make_bot, make_installation, make_settings

OLD, NEW = CUSTOMERS_APP.signing_secret, "another-signing-secret"
NEWER = replace(CUSTOMERS_APP, signing_secret=NEW)
APP_ID = CUSTOMERS_APP.app_id
KEY = f"app:{APP_ID}"


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch):
    """Let each look be at Redis."""
    monkeypatch.setattr(apps_module, "SECRETS_SECONDS", 0.0)


@pytest.fixture
def install(db):
    """Install an app in a team, as only an installation stores apps."""

    def save(app, team_id="T0ACME"):
        app_id = app.app_id if app else OWN_APP.app_id
        settings = make_settings(id=f"{app_id}-in-{team_id}", app_id=app_id)
        installation = make_installation(settings, make_bot(app_id=app_id, team_id=team_id))
        assert db.installations.save(installation, app, replaces=None)

    return save


def test_the_own_app_needs_no_redis(db, unreachable):
    apps = AppStore(unreachable, db.cipher, OWN_APP)

    assert apps.find(OWN_APP.app_id) == OWN_APP
    assert apps.signing_secrets(OWN_APP.app_id) == (OWN_APP.signing_secret,)


def test_an_app_is_found_with_the_credentials_of_its_last_install(db, install):
    rotated = replace(CUSTOMERS_APP, client_id="5.6", client_secret="another-client-secret")
    install(CUSTOMERS_APP)
    first = db.apps.find(APP_ID)

    install(rotated)

    assert first == CUSTOMERS_APP
    assert (db.apps.find(APP_ID), db.apps.signing_secrets(APP_ID)) == (rotated, (OLD,))
    assert (db.apps.find("A0UNKNOWN"), db.apps.signing_secrets("A0UNKNOWN")) == (None, ())


def test_signing_secrets_are_in_memory_for_seconds_unless_the_newest_are_asked_for(db, install, monkeypatch):
    monkeypatch.setattr(apps_module, "SECRETS_SECONDS", 600.0)
    unknown = db.apps.signing_secrets(APP_ID)
    install(CUSTOMERS_APP)
    first = db.apps.signing_secrets(APP_ID)
    install(NEWER)

    assert (unknown, first, db.apps.signing_secrets(APP_ID)) == ((), (OLD,), (OLD,))
    assert db.apps.signing_secrets(APP_ID, newest=True) == (OLD, NEW)
    assert db.apps.signing_secrets(APP_ID) == (OLD, NEW)
    db.redis.delete(KEY)
    assert db.apps.signing_secrets(APP_ID, newest=True) == ()
    assert db.apps.signing_secrets(APP_ID) == ()


def test_the_secrets_of_a_bounded_number_of_apps_are_in_memory(db, install, monkeypatch):
    monkeypatch.setattr(apps_module, "SECRETS_SECONDS", 600.0)
    monkeypatch.setattr(apps_module, "MOST_SECRETS", 2)
    for app_id in ("A1", "A2", "A3"):
        install(replace(CUSTOMERS_APP, app_id=app_id))
        db.apps.signing_secrets(app_id)
        db.redis.delete(f"app:{app_id}")

    assert [db.apps.signing_secrets(app_id) for app_id in ("A1", "A2", "A3")] == [(), (), (OLD,)]


@pytest.mark.parametrize("team_id", ["T0ACME", "T0OTHER"])
def test_a_new_signing_secret_is_the_next_one_until_an_install_names_the_old_one(db, install, team_id):
    install(CUSTOMERS_APP)

    install(NEWER, team_id)

    assert db.apps.signing_secrets(APP_ID) == (OLD, NEW)
    assert db.apps.find(APP_ID) == CUSTOMERS_APP
    install(CUSTOMERS_APP)
    assert db.apps.signing_secrets(APP_ID) == (OLD,)


@pytest.mark.parametrize(
    ("named", "adopted", "in_force"),
    [(NEWER, NEW, (NEW,)), (NEWER, "a-third-secret", (OLD, NEW)), (CUSTOMERS_APP, NEW, (OLD,))],
    ids=["the next one", "another one", "no next one"],
)
def test_only_the_next_secret_is_adopted(db, install, named, adopted, in_force):
    install(CUSTOMERS_APP)
    install(named)

    db.apps.adopt_signing_secret(APP_ID, adopted)

    assert db.apps.signing_secrets(APP_ID) == in_force
    assert db.apps.find(APP_ID) == replace(CUSTOMERS_APP, signing_secret=in_force[0])


@pytest.mark.parametrize(("lost", "left"), [("next_signing_secret", OLD), ("signing_secret", NEW)])
def test_a_signing_secret_that_does_not_decrypt_is_logged_and_the_other_one_used(
    db, install, caplog, lost, left
):
    install(CUSTOMERS_APP)
    install(NEWER)
    lose(db.redis, KEY, lost)

    assert db.apps.signing_secrets(APP_ID) == (left,)
    assert caplog.messages == [f"signing secret cannot be read: {KEY} {lost}"]


def test_an_app_whose_secrets_do_not_decrypt_raises_until_it_is_installed_again(db, install):
    install(CUSTOMERS_APP)
    lose(db.redis, KEY, "client_secret", "signing_secret", "next_signing_secret")

    with pytest.raises(CannotDecrypt, match=r" signing_secret$"):
        db.apps.signing_secrets(APP_ID)
    with pytest.raises(CannotDecrypt, match=rf"^no key decrypts {KEY} client_secret$"):
        db.apps.find(APP_ID)
    install(NEWER)

    assert (db.apps.find(APP_ID), db.apps.signing_secrets(APP_ID)) == (NEWER, (NEW,))


def test_apps_are_listed_with_their_teams_and_without_decryption(db, install, monkeypatch):
    monkeypatch.setattr(apps_module, "_BATCH", 2)
    for number in range(3):
        install(None, f"T{number}")
    install(CUSTOMERS_APP)
    install(NEWER)
    db.redis.hset("app:A0HALF", "signing_secret", "of a record without a client id")

    apps = AppStore(db.redis, lost_cipher(), OWN_APP).list()

    assert [(app.app_id, app.client_id, app.is_own, app.secret_waits, app.tenant_ids) for app in apps] == [
        ("A0OWN", OWN_APP.client_id, True, False, ("T0", "T1", "T2")),
        (APP_ID, CUSTOMERS_APP.client_id, False, True, ("T0ACME",)),
    ]
    assert [app.app_id for app in AppStore(db.redis, lost_cipher(), None).list()] == [APP_ID]
