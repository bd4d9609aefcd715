"""Installations and the apps that hang on them: installed, found and uninstalled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import Changed
from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.pending import RedisPendingStore
from tests.storage.conftest import dump, race
from tests.values import (
    CUSTOMERS_APP,
    NOW,
    make_bot,
    make_installation,
    make_pending,
    make_terms,
)

FIRST = make_installation(make_terms(id="first"))
SECOND = make_installation(make_terms(id="second", app_name="Second"))
KEY = FIRST.key
CUSTOMERS = make_installation(
    make_terms(id="customers", app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id)
)
#: The same app in another team.
ELSEWHERE = replace(
    CUSTOMERS,
    terms=replace(CUSTOMERS.terms, id="elsewhere"),
    bot=replace(CUSTOMERS.bot, team_id="T0ELSEWHERE"),
)
APP_KEY = f"app:{CUSTOMERS_APP.app_id}"


# Installing


def test_installations_of_other_apps_and_teams_are_apart(installations: RedisInstallationStore) -> None:
    before = installations.find(KEY), installations.find_by_id("first")

    assert installations.save(FIRST, None, replaces=None)
    assert installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)
    assert installations.save(ELSEWHERE, CUSTOMERS_APP, replaces=None)

    assert before == (None, None)
    for each in (FIRST, CUSTOMERS, ELSEWHERE):
        assert installations.find(each.key) == installations.find_by_id(each.terms.id) == each


@pytest.mark.parametrize("replaces", [None, "another-one"])
def test_a_taken_place_stays_as_it_is_and_so_does_the_pending_record(
    installations: RedisInstallationStore,
    pendings: RedisPendingStore,
    store: redis.Redis,
    replaces: str | None,
) -> None:
    pendings.save(make_pending(terms=SECOND.terms))
    installations.save(FIRST, None, replaces=None)
    before = dump(store)

    assert not installations.save(SECOND, CUSTOMERS_APP, replaces=replaces)
    assert dump(store) == before


@pytest.mark.parametrize("is_there", [True, False])
def test_an_installation_takes_the_place_of_the_one_it_names(
    installations: RedisInstallationStore, store: redis.Redis, is_there: bool
) -> None:
    if is_there:
        installations.save(FIRST, None, replaces=None)
        store.hset(f"installation:{KEY}", "field_of_an_older_version", "1")

    assert installations.save(SECOND, None, replaces="first")
    assert installations.find(KEY) == installations.find_by_id("second") == SECOND
    assert "first" not in str(dump(store))
    assert "field_of_an_older_version" not in str(dump(store))


def test_an_installation_may_be_saved_again_under_its_own_id(installations: RedisInstallationStore) -> None:
    installations.save(FIRST, None, replaces=None)
    renamed = replace(FIRST, terms=replace(FIRST.terms, app_name="Renamed"))

    assert installations.save(renamed, None, replaces=None)
    assert installations.find_by_id("first") == renamed


def test_the_pending_record_goes_with_the_installing(
    installations: RedisInstallationStore, pendings: RedisPendingStore
) -> None:
    pending = make_pending(terms=FIRST.terms)
    pendings.save(pending)

    installations.save(FIRST, None, replaces=None)

    assert pendings.find("first") is None
    assert pendings.find_by_link(pending.link) is None


def test_a_request_that_led_to_one_team_leads_to_no_other(installations: RedisInstallationStore) -> None:
    installations.save(FIRST, None, replaces=None)
    there = replace(FIRST, bot=make_bot(team_id="T0ELSEWHERE"))

    assert not installations.save(there, None, replaces=None)
    assert installations.find(there.key) is None
    assert installations.find_by_id("first") == FIRST


def test_a_request_that_failed_meanwhile_leads_nowhere(
    installations: RedisInstallationStore, pendings: RedisPendingStore
) -> None:
    pendings.save(make_pending(terms=FIRST.terms))
    pendings.fail("first", "already_installed")

    assert not installations.save(FIRST, None, replaces=None)


def test_settings_that_changed_on_the_way_are_not_installed_as_they_were(
    installations: RedisInstallationStore, pendings: RedisPendingStore, store: redis.Redis
) -> None:
    new = replace(FIRST, terms=replace(FIRST.terms, app_name="New", revision=2))
    pendings.save(make_pending(terms=FIRST.terms))
    pendings.change(make_pending(terms=new.terms), 1)
    before = dump(store)

    with pytest.raises(Changed):
        installations.save(FIRST, None, None)

    assert dump(store) == before
    assert installations.save(new, None, None)
    assert installations.find_by_id("first") == new


def test_a_request_that_was_deleted_on_the_way_does_not_come_back_until_it_is_made_again(
    installations: RedisInstallationStore, pendings: RedisPendingStore
) -> None:
    pendings.save(make_pending(terms=FIRST.terms))
    pendings.remove("first")

    with pytest.raises(Changed):
        installations.save(FIRST, None, None)

    pendings.save(make_pending(terms=FIRST.terms))
    assert installations.save(FIRST, None, None)


# Installing at once


class InterruptedCipher(Cipher):
    """Something happens once between what a step reads and what it writes, when it seals tokens."""

    def __init__(self, cipher: Cipher, interruption: Callable[[], object]) -> None:
        self._fernet = cipher._fernet
        self._interruptions = [interruption]

    def seal(self, key: str, field: str, value: str) -> str:
        if field == "api_token" and self._interruptions:
            self._interruptions.pop()()
        return super().seal(key, field, value)


def test_an_install_that_is_overtaken_finds_the_place_taken(
    installations: RedisInstallationStore, store: redis.Redis, cipher: Cipher
) -> None:
    overtaking = InterruptedCipher(cipher, lambda: installations.save(FIRST, None, replaces=None))

    assert not RedisInstallationStore(store, overtaking).save(SECOND, None, replaces=None)
    assert installations.find(KEY) == FIRST


def test_an_install_that_is_overtaken_by_another_team_lets_its_signing_secret_wait(
    installations: RedisInstallationStore, apps: RedisAppStore, store: redis.Redis, cipher: Cipher
) -> None:
    overtaking = InterruptedCipher(cipher, lambda: installations.save(ELSEWHERE, CUSTOMERS_APP, None))
    app = replace(CUSTOMERS_APP, signing_secret="a-later-secret")

    assert RedisInstallationStore(store, overtaking).save(CUSTOMERS, app, replaces=None)
    assert apps.signing_secrets(app.app_id) == (CUSTOMERS_APP.signing_secret, "a-later-secret")


@pytest.mark.real_redis
@pytest.mark.parametrize("replaces", [None, "customers"])
def test_of_many_that_install_at_one_place_at_once_one_wins(
    real_store: redis.Redis, cipher: Cipher, replaces: str | None
) -> None:
    installations, apps = (
        RedisInstallationStore(real_store, cipher),
        RedisAppStore(real_store, cipher, None),
    )
    if replaces:
        installations.save(CUSTOMERS, None, None)

    def install(number: int) -> bool:
        racer = replace(CUSTOMERS, terms=replace(CUSTOMERS.terms, id=f"racer-{number}"))
        return installations.save(racer, replace(CUSTOMERS_APP, signing_secret=f"secret-{number}"), replaces)

    outcomes = race(8, install)

    assert outcomes.count(True) == 1
    winner = outcomes.index(True)
    found = installations.find(CUSTOMERS.key)
    assert found is not None
    assert found.terms.id == f"racer-{winner}"
    assert len(list(real_store.scan_iter("installation-id:*"))) == 1
    assert apps.signing_secrets(CUSTOMERS_APP.app_id) == (f"secret-{winner}",)


@pytest.mark.real_redis
def test_of_many_teams_that_consent_to_one_request_at_once_one_gets_it(
    real_store: redis.Redis, cipher: Cipher
) -> None:
    installations = RedisInstallationStore(real_store, cipher)

    stored = race(
        8,
        lambda number: installations.save(
            replace(FIRST, bot=make_bot(team_id=f"T{number}")), None, replaces=None
        ),
    )

    assert sorted(stored) == [False] * 7 + [True]
    assert len(real_store.keys("installation:*")) == 1


@pytest.mark.real_redis
def test_installing_and_uninstalling_at_once_leave_no_app_that_will_be_forgotten(
    real_store: redis.Redis, cipher: Cipher
) -> None:
    installations = RedisInstallationStore(real_store, cipher)
    steps = (
        partial(installations.save, ELSEWHERE, CUSTOMERS_APP, replaces=None),
        partial(installations.delete, CUSTOMERS.key, before=NOW),
    )

    for _ in range(20):
        real_store.flushdb()
        installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)

        race(2, lambda number: steps[number]())

        assert real_store.ttl(APP_KEY) == -1


# Uninstalling


@pytest.mark.parametrize(
    ("installed_at", "condition", "is_deleted"),
    [
        (NOW, {"before": NOW + 100}, True),
        (NOW + 0.9, {"before": NOW}, True),
        (NOW, {"before": NOW - 1}, False),
        (NOW, {"before": NOW, "bot_token": FIRST.bot.bot_token}, True),
        (NOW, {"before": NOW, "bot_token": "an-earlier-token"}, False),
    ],
    ids=["later", "of the very second", "older", "this token", "another token"],
)
def test_an_event_deletes_the_installation_that_it_is_about(
    installations: RedisInstallationStore,
    store: redis.Redis,
    installed_at: float,
    condition: dict[str, Any],
    is_deleted: bool,
) -> None:
    installations.save(replace(FIRST, installed_at=installed_at), None, replaces=None)
    before = dump(store)

    assert installations.delete(KEY, **condition) is is_deleted
    assert dump(store) == ({} if is_deleted else before)
    assert not (is_deleted and installations.delete(KEY, **condition))


@pytest.mark.parametrize("step", ["delete", "remove"])
def test_an_app_is_forgotten_a_day_after_its_last_team_left_unless_it_comes_back(
    installations: RedisInstallationStore, apps: RedisAppStore, store: redis.Redis, step: str
) -> None:
    for each in (CUSTOMERS, ELSEWHERE):
        installations.save(each, CUSTOMERS_APP, replaces=None)
    expiries = []
    for each in (ELSEWHERE, CUSTOMERS):
        assert installations.delete(each.key, before=NOW) if step == "delete" else installations.remove(each)
        expiries.append(store.ttl(APP_KEY))
    found = apps.find(CUSTOMERS_APP.app_id)

    installations.save(replace(CUSTOMERS, terms=replace(CUSTOMERS.terms, id="again")), CUSTOMERS_APP, None)

    assert expiries[0] == -1
    assert 24 * 3600 - 60 < expiries[1] <= 24 * 3600
    assert found == CUSTOMERS_APP
    assert store.ttl(APP_KEY) == -1
