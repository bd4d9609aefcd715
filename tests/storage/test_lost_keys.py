"""Installations whose secrets no encryption key opens: found without them, and deleted."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import CannotDecrypt, StorageUnavailable
from sectorflow_slack.domain.installations import Installation, PendingInstallation, Revocation
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.directory import RedisDirectory
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.pending import RedisPendingStore
from sectorflow_slack.storage.revocations import RedisRevocationStore
from tests.losing import INSTALLATION_SECRETS, lose
from tests.storage.conftest import dump
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    NOW,
    FixedClock,
    make_bot,
    make_installation,
    make_pending,
    make_terms,
)

HERE = make_installation(bot=make_bot(refresh_token="xoxe-1-refresh", token_expires_at=NOW + 43_200))
PLACE = f"installation:{HERE.key}"
ID = HERE.terms.id
WAITING = make_pending(terms=make_terms(id="waiting"))


@pytest.fixture
def installations(store: redis.Redis, cipher: Cipher) -> RedisInstallationStore:
    found = RedisInstallationStore(store, cipher)
    found.save(HERE, None, None)
    return found


@pytest.fixture
def revocations(store: redis.Redis, cipher: Cipher) -> RedisRevocationStore:
    return RedisRevocationStore(store, cipher)


@pytest.fixture
def directory(store: redis.Redis, cipher: Cipher, clock: FixedClock) -> RedisDirectory:
    RedisPendingStore(store, cipher).save(WAITING)
    return RedisDirectory(store, cipher, clock)


def without(installation: Installation, *lost: str) -> Installation:
    blank = dict.fromkeys(lost, "")
    api_token = {"api_token": blank.pop("api_token")} if "api_token" in blank else {}
    terms = replace(installation.terms, sectorflow=replace(installation.terms.sectorflow, **api_token))
    return replace(installation, terms=terms, bot=replace(installation.bot, **blank))


# Finding


@pytest.mark.parametrize("lost", [[], *[[name] for name in INSTALLATION_SECRETS], INSTALLATION_SECRETS])
def test_one_is_found_by_its_id_with_those_secrets_that_a_key_opens(
    installations: RedisInstallationStore, directory: RedisDirectory, store: redis.Redis, lost: list[str]
) -> None:
    if lost:
        lose(store, PLACE, *lost)
        with pytest.raises(CannotDecrypt):
            installations.find_by_id(ID)

    assert directory.find(ID) == without(HERE, *lost)


@pytest.mark.parametrize("lost", [[], ["link"], ["link", "api_token"]])
def test_one_that_waits_is_found_with_those_secrets_that_a_key_opens(
    directory: RedisDirectory, store: redis.Redis, lost: list[str]
) -> None:
    if lost:
        lose(store, f"pending-secrets:{WAITING.terms.id}", *lost)

    found = directory.find(WAITING.terms.id)

    assert isinstance(found, PendingInstallation)
    assert found.status(NOW) == "pending"
    assert found.link == ("" if "link" in lost else WAITING.link)
    assert found.terms.sectorflow.api_token == ("" if "api_token" in lost else API_TOKEN)


@pytest.mark.parametrize("gone", ["never-there", ID])
def test_what_is_gone_is_not_found(
    installations: RedisInstallationStore, directory: RedisDirectory, gone: str
) -> None:
    installations.save(make_installation(make_terms(id="successor")), None, replaces=ID)

    assert directory.find(gone) is None


def test_without_its_store_nobody_says_that_it_is_not_there(
    nobody: redis.Redis, cipher: Cipher, clock: FixedClock
) -> None:
    with pytest.raises(StorageUnavailable):
        RedisDirectory(nobody, cipher, clock).find(ID)


# Deleting


@pytest.mark.parametrize(
    ("lost", "refresh_token"), [(["api_token"], "xoxe-1-refresh"), (["api_token", "refresh_token"], "")]
)
def test_a_bot_token_that_a_key_opens_is_kept_for_revocation_whatever_else_is_lost(
    installations: RedisInstallationStore,
    directory: RedisDirectory,
    revocations: RedisRevocationStore,
    store: redis.Redis,
    lost: list[str],
    refresh_token: str,
) -> None:
    lose(store, PLACE, *lost)
    found = directory.find(ID)
    assert isinstance(found, Installation)

    assert installations.remove(found)

    assert revocations.take() == Revocation(ID, HERE.key, BOT_TOKEN, refresh_token, NOW + 43_200)
    assert directory.find(ID) is None


def test_one_whose_bot_token_no_key_opens_is_forgotten_and_told_by_place(
    installations: RedisInstallationStore,
    revocations: RedisRevocationStore,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    lose(store, PLACE, *INSTALLATION_SECRETS)

    with caplog.at_level(logging.ERROR):
        assert installations.remove(without(HERE, *INSTALLATION_SECRETS))

    assert revocations.take() is None
    assert [record.getMessage() for record in caplog.records] == [
        f"token never revoked: no key decrypts {PLACE} bot_token"
    ]
    assert set(dump(store)) == {f"removed:{ID}"}
