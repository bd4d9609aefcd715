"""Installations that are exported as one sealed text and put back."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import InstallationQuery
from sectorflow_slack.storage import backup as backup_module
from sectorflow_slack.storage.backup import Backup
from sectorflow_slack.storage.crypto import Cipher
from tests.storage.conftest import Stores
from tests.values import CUSTOMERS_APP, NOW, make_bot, make_installation, make_terms

OWN = make_installation(
    make_terms(revision=7), make_bot(refresh_token="xoxe-1-first", token_expires_at=NOW + 1)
)
CUSTOMERS = make_installation(
    make_terms(id="customers", app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id)
)


@pytest.fixture
def backup(db: Stores, monkeypatch: pytest.MonkeyPatch) -> Backup:
    """A backup of a store with two installations; it writes two members by one command."""
    monkeypatch.setattr(backup_module, "_BATCH", 2)
    db.installations.save(OWN, None, None)
    db.installations.save(CUSTOMERS, CUSTOMERS_APP, None)
    return Backup(db.redis, db.cipher)


def test_what_was_lost_comes_back_and_is_listed(db: Stores, backup: Backup) -> None:
    tenants = {CUSTOMERS.key.tenant_id, "T1", "T2", "T3", "T4"}
    db.redis.sadd(f"app-tenants:{CUSTOMERS_APP.app_id}", *tenants)
    lists = InstallationQuery(), InstallationQuery(team_id="T0ACME")
    listed = [db.queries.page(query) for query in lists]
    sealed, number = backup.export()
    db.redis.flushdb()

    restored = backup.restore(sealed)

    assert (number, restored) == (2, 2)
    assert db.installations.find_by_id(OWN.settings.id) == OWN
    assert db.installations.find(CUSTOMERS.key) == CUSTOMERS
    assert db.apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert db.redis.smembers(f"app-tenants:{CUSTOMERS_APP.app_id}") == tenants
    assert [db.queries.page(query) for query in lists] == listed
    assert len(listed[0].items) == 2


def test_what_is_there_is_newer_than_a_backup_and_stays(db: Stores, backup: Backup) -> None:
    sealed, _ = backup.export()
    newer = make_installation(make_terms(app_name="A newer name"))
    db.installations.save(newer, None, replaces=OWN.settings.id)
    db.installations.delete(CUSTOMERS.key, before=CUSTOMERS.installed_at)

    restored = backup.restore(sealed)

    assert restored == 1
    assert db.installations.find(OWN.key) == newer
    assert db.installations.find(CUSTOMERS.key) == CUSTOMERS


def test_an_app_that_was_about_to_be_forgotten_stays_with_its_restored_installation(
    db: Stores, backup: Backup
) -> None:
    sealed, _ = backup.export()
    db.installations.delete(CUSTOMERS.key, before=CUSTOMERS.installed_at)
    expiry = db.redis.ttl(f"app:{CUSTOMERS_APP.app_id}")

    backup.restore(sealed)

    assert expiry > 0
    assert db.redis.ttl(f"app:{CUSTOMERS_APP.app_id}") == -1


def test_a_backup_shows_no_secret_and_no_name(backup: Backup) -> None:
    sealed, _ = backup.export()

    for shown in (OWN.bot.bot_token, OWN.settings.app_name, OWN.bot.team_name, "installation:"):
        assert shown not in sealed


def test_a_backup_under_another_key_or_none_at_all_is_refused_and_changes_nothing(
    db: Stores, backup: Backup
) -> None:
    under_another_key, _ = Backup(db.redis, Cipher([Fernet.generate_key().decode()])).export()

    for text in (under_another_key, "no backup", ""):
        with pytest.raises(CannotDecrypt):
            backup.restore(text)

    assert db.installations.find(OWN.key) == OWN
