from __future__ import annotations

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import InstallationKey, InstallationQuery
from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.backup import RedisBackup
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.directory import RedisDirectory
from sectorflow_slack.storage.installations import RedisInstallationStore
from tests.values import CUSTOMERS_APP, NOW, FixedClock, make_bot, make_installation, make_terms

OWN = make_installation()
CUSTOMERS = make_installation(
    make_terms(id="8b6cbd5c-0c9f-4a55-9f5c-2f9f0a3a0002", app_id=CUSTOMERS_APP.app_id),
    make_bot(app_id=CUSTOMERS_APP.app_id),
)


@pytest.fixture
def installations(store: redis.Redis, cipher: Cipher) -> RedisInstallationStore:
    kept = RedisInstallationStore(store, cipher)
    kept.save(OWN, None, None)
    kept.save(CUSTOMERS, CUSTOMERS_APP, None)
    return kept


@pytest.fixture
def backup(store: redis.Redis, cipher: Cipher) -> RedisBackup:
    return RedisBackup(store, cipher)


def test_what_was_lost_comes_back_from_a_backup(
    installations: RedisInstallationStore, backup: RedisBackup, store: redis.Redis, cipher: Cipher
) -> None:
    sealed, number = backup.export()
    store.flushdb()

    restored = backup.restore(sealed)

    assert (number, restored) == (2, 2)
    assert installations.find_by_id(OWN.terms.id) == OWN
    assert installations.find(CUSTOMERS.key) == CUSTOMERS
    assert RedisAppStore(store, cipher, None).find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert store.smembers(f"app-tenants:{CUSTOMERS_APP.app_id}") == {CUSTOMERS.key.tenant_id}


def test_what_came_back_is_listed(
    installations: RedisInstallationStore,
    backup: RedisBackup,
    store: redis.Redis,
    cipher: Cipher,
    clock: FixedClock,
) -> None:
    directory = RedisDirectory(store, cipher, clock)
    listed = directory.page(InstallationQuery()), directory.page(InstallationQuery(team_id="T0ACME"))
    sealed, _ = backup.export()
    store.flushdb()
    store.set("index-built", "1")

    backup.restore(sealed)

    assert (
        directory.page(InstallationQuery()),
        directory.page(InstallationQuery(team_id="T0ACME")),
    ) == listed
    assert len(listed[0].items) == 2


def test_the_teams_of_a_large_app_come_back_whole(backup: RedisBackup, store: redis.Redis) -> None:
    teams = {f"T{number}" for number in range(1234)}
    store.sadd("app-tenants:A0OWN", *teams)
    sealed, _ = backup.export()
    store.flushdb()

    backup.restore(sealed)

    assert store.smembers("app-tenants:A0OWN") == teams


def test_a_revision_and_a_refresh_token_come_back(
    installations: RedisInstallationStore, backup: RedisBackup, store: redis.Redis
) -> None:
    bot = make_bot(team_id="T0ROTATING", refresh_token="xoxe-1-first", token_expires_at=NOW)
    rotating = make_installation(make_terms(id="rotating", revision=7), bot)
    installations.save(rotating, None, None)
    sealed, _ = backup.export()
    store.flushdb()

    backup.restore(sealed)

    assert installations.find_by_id("rotating") == rotating


def test_what_is_there_is_newer_than_a_backup_and_stays(
    installations: RedisInstallationStore, backup: RedisBackup
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
    installations: RedisInstallationStore, backup: RedisBackup, store: redis.Redis
) -> None:
    sealed, _ = backup.export()
    installations.delete(CUSTOMERS.key, before=CUSTOMERS.installed_at)
    doomed = store.ttl(f"app:{CUSTOMERS_APP.app_id}")

    backup.restore(sealed)

    assert doomed > 0
    assert store.ttl(f"app:{CUSTOMERS_APP.app_id}") == -1


def test_a_backup_shows_no_secret_and_no_name(
    installations: RedisInstallationStore, backup: RedisBackup
) -> None:
    assert installations.find(OWN.key)

    sealed, _ = backup.export()

    for shown in (OWN.bot.bot_token, OWN.terms.app_name, OWN.bot.team_name, "installation:"):
        assert shown not in sealed


def test_a_backup_of_another_key_or_none_at_all_is_refused_and_changes_nothing(
    installations: RedisInstallationStore, backup: RedisBackup, store: redis.Redis
) -> None:
    other = RedisBackup(store, Cipher([Fernet.generate_key().decode()]))
    sealed, _ = other.export()

    for text in (sealed, "no backup", ""):
        with pytest.raises(CannotDecrypt):
            backup.restore(text)

    assert installations.find(InstallationKey(OWN.key.app_id, OWN.key.tenant_id)) == OWN
