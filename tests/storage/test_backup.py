"""Installations that are exported as one sealed text and put back."""

from __future__ import annotations

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import InstallationQuery
from sectorflow_slack.storage import backup as backup_module
from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.backup import RedisBackup
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.directory import RedisDirectory
from sectorflow_slack.storage.installations import RedisInstallationStore
from tests.values import CUSTOMERS_APP, NOW, make_bot, make_installation, make_terms

OWN = make_installation(
    make_terms(revision=7), make_bot(refresh_token="xoxe-1-first", token_expires_at=NOW + 1)
)
CUSTOMERS = make_installation(
    make_terms(id="customers", app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id)
)


@pytest.fixture
def backup(
    store: redis.Redis, cipher: Cipher, installations: RedisInstallationStore, monkeypatch: pytest.MonkeyPatch
) -> RedisBackup:
    """A backup of a store with two installations; it writes two members by one command."""
    monkeypatch.setattr(backup_module, "_BATCH", 2)
    installations.save(OWN, None, None)
    installations.save(CUSTOMERS, CUSTOMERS_APP, None)
    return RedisBackup(store, cipher)


def test_what_was_lost_comes_back_and_is_listed(
    backup: RedisBackup,
    installations: RedisInstallationStore,
    apps: RedisAppStore,
    queries: RedisDirectory,
    store: redis.Redis,
) -> None:
    tenants = {CUSTOMERS.key.tenant_id, "T1", "T2", "T3", "T4"}
    store.sadd(f"app-tenants:{CUSTOMERS_APP.app_id}", *tenants)
    lists = InstallationQuery(), InstallationQuery(team_id="T0ACME")
    listed = [queries.page(query) for query in lists]
    sealed, number = backup.export()
    store.flushdb()
    store.set("index-built", "1")

    restored = backup.restore(sealed)

    assert (number, restored) == (2, 2)
    assert installations.find_by_id(OWN.terms.id) == OWN
    assert installations.find(CUSTOMERS.key) == CUSTOMERS
    assert apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert store.smembers(f"app-tenants:{CUSTOMERS_APP.app_id}") == tenants
    assert [queries.page(query) for query in lists] == listed
    assert len(listed[0].items) == 2


def test_what_is_there_is_newer_than_a_backup_and_stays(
    backup: RedisBackup, installations: RedisInstallationStore
) -> None:
    sealed, _ = backup.export()
    newer = make_installation(make_terms(app_name="A newer name"))
    installations.save(newer, None, replaces=OWN.terms.id)
    installations.delete(CUSTOMERS.key, before=CUSTOMERS.installed_at)

    restored = backup.restore(sealed)

    assert restored == 1
    assert installations.find(OWN.key) == newer
    assert installations.find(CUSTOMERS.key) == CUSTOMERS


def test_an_app_that_was_about_to_be_forgotten_stays_with_its_restored_installation(
    backup: RedisBackup, installations: RedisInstallationStore, store: redis.Redis
) -> None:
    sealed, _ = backup.export()
    installations.delete(CUSTOMERS.key, before=CUSTOMERS.installed_at)
    expiry = store.ttl(f"app:{CUSTOMERS_APP.app_id}")

    backup.restore(sealed)

    assert expiry > 0
    assert store.ttl(f"app:{CUSTOMERS_APP.app_id}") == -1


def test_a_backup_shows_no_secret_and_no_name(backup: RedisBackup) -> None:
    sealed, _ = backup.export()

    for shown in (OWN.bot.bot_token, OWN.terms.app_name, OWN.bot.team_name, "installation:"):
        assert shown not in sealed


def test_a_backup_under_another_key_or_none_at_all_is_refused_and_changes_nothing(
    backup: RedisBackup, installations: RedisInstallationStore, store: redis.Redis
) -> None:
    under_another_key, _ = RedisBackup(store, Cipher([Fernet.generate_key().decode()])).export()

    for text in (under_another_key, "no backup", ""):
        with pytest.raises(CannotDecrypt):
            backup.restore(text)

    assert installations.find(OWN.key) == OWN
