"""Export of installations as one sealed text, and its restore."""

import pytest

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import InstallationQuery
from sectorflow_slack.storage import backup as backup_module
from sectorflow_slack.storage.backup import Backup
from tests.storage.builders import CUSTOMERS
from tests.storage.conftest import lost_cipher
from tests.values import CUSTOMERS_APP, NOW, make_bot, make_installation, make_settings

OWN = make_installation(
    make_settings(revision=7), make_bot(refresh_token="xoxe-1-first", token_expires_at=NOW + 1)
)
APP_KEY, TENANTS_KEY = f"app:{CUSTOMERS_APP.app_id}", f"app-tenants:{CUSTOMERS_APP.app_id}"


@pytest.fixture
def backup(db, monkeypatch) -> Backup:
    """A backup of a store with two installations; it writes two members by one command."""
    monkeypatch.setattr(backup_module, "_BATCH", 2)
    db.installations.save(OWN, None, None)
    db.installations.save(CUSTOMERS, CUSTOMERS_APP, None)
    return db.backup


def test_lost_installations_are_restored_and_listed(db, backup):
    tenants = {CUSTOMERS.key.tenant_id, "T1", "T2", "T3", "T4"}
    db.redis.sadd(TENANTS_KEY, *tenants)
    queries = InstallationQuery(), InstallationQuery(team_id="T0ACME")
    pages = [db.listing.page(query) for query in queries]
    sealed, number = backup.export()
    db.redis.flushdb()

    assert (number, backup.restore(sealed)) == (2, 2)

    assert db.installations.find_by_id(OWN.settings.id) == OWN
    assert db.installations.find(CUSTOMERS.key) == CUSTOMERS
    assert db.apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert db.redis.smembers(TENANTS_KEY) == tenants
    assert [db.listing.page(query) for query in queries] == pages
    assert len(pages[0].items) == 2


def test_existing_records_are_newer_and_stay_and_an_expiring_app_persists(db, backup):
    sealed, _ = backup.export()
    newer = make_installation(make_settings(app_name="A newer name"))
    db.installations.save(newer, None, replaces=OWN.settings.id)
    db.installations.delete(CUSTOMERS.key, before=CUSTOMERS.installed_at)
    expiry = db.redis.ttl(APP_KEY)

    assert backup.restore(sealed) == 1

    assert db.installations.find(OWN.key) == newer
    assert db.installations.find(CUSTOMERS.key) == CUSTOMERS
    assert expiry > 0
    assert db.redis.ttl(APP_KEY) == -1


def test_a_backup_shows_no_secret_and_no_name(backup):
    sealed, _ = backup.export()

    for text in (OWN.bot.bot_token, OWN.settings.app_name, OWN.bot.team_name, "installation:"):
        assert text not in sealed


def test_a_text_that_does_not_decrypt_is_refused_and_changes_nothing(db, backup):
    under_another_key, _ = Backup(db.redis, lost_cipher()).export()

    for text in (under_another_key, "no backup", ""):
        with pytest.raises(CannotDecrypt):
            backup.restore(text)

    assert db.installations.find(OWN.key) == OWN
