"""One link, followed by two people at once, is one installation."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.pending import RedisPendingStore
from tests.storage.conftest import race
from tests.values import CUSTOMERS_APP, make_bot, make_installation, make_pending, make_terms

HERE = make_installation()
ELSEWHERE = make_installation(bot=make_bot(team_id="T0ELSEWHERE"))


@pytest.fixture
def installations(store: redis.Redis, cipher: Cipher) -> RedisInstallationStore:
    return RedisInstallationStore(store, cipher)


def test_a_request_that_led_to_one_team_leads_to_no_other(installations: RedisInstallationStore) -> None:
    installations.save(HERE, None, replaces=None)

    stored = installations.save(ELSEWHERE, None, replaces=None)

    assert not stored
    assert installations.find(ELSEWHERE.key) is None
    assert installations.find_by_id(HERE.terms.id) == HERE


def test_a_request_that_failed_meanwhile_leads_nowhere(
    installations: RedisInstallationStore, store: redis.Redis, cipher: Cipher
) -> None:
    pendings = RedisPendingStore(store, cipher)
    pendings.save(make_pending())
    pendings.fail(HERE.terms.id, "already_installed")

    assert not installations.save(HERE, None, replaces=None)


def test_of_many_teams_that_consent_to_one_request_at_once_one_gets_it(
    real_store: redis.Redis, cipher: Cipher
) -> None:
    installations = RedisInstallationStore(real_store, cipher)

    def consent(number: int) -> bool:
        there = make_installation(bot=make_bot(team_id=f"T{number}"))
        return installations.save(there, None, replaces=None)

    stored = race(8, consent)

    assert sorted(stored) == [False] * 7 + [True]
    assert len(real_store.keys("installation:*")) == 1


def test_a_secret_that_waited_waits_no_more_once_another_was_named(
    installations: RedisInstallationStore, store: redis.Redis, cipher: Cipher
) -> None:
    apps = RedisAppStore(store, cipher, None)
    first = make_installation(make_terms(app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id))
    mistyped = replace(CUSTOMERS_APP, signing_secret="mistyped")
    installations.save(first, CUSTOMERS_APP, None)

    installations.save(first, mistyped, None)
    before = apps.signing_secrets(CUSTOMERS_APP.app_id)
    installations.save(first, CUSTOMERS_APP, None)

    assert before == (CUSTOMERS_APP.signing_secret, "mistyped")
    assert apps.signing_secrets(CUSTOMERS_APP.app_id) == (CUSTOMERS_APP.signing_secret,)
