"""Installations and the apps that hang on them: installed, found and uninstalled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from sectorflow_slack.domain.errors import RevisionConflict
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installations import InstallationStore
from tests.storage.conftest import Stores, dump, race
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
    settings=replace(CUSTOMERS.settings, id="elsewhere"),
    bot=replace(CUSTOMERS.bot, team_id="T0ELSEWHERE"),
)
APP_KEY = f"app:{CUSTOMERS_APP.app_id}"


# Installing


def test_installations_of_other_apps_and_teams_are_apart(db: Stores) -> None:
    before = db.installations.find(KEY), db.installations.find_by_id("first")

    assert db.installations.save(FIRST, None, replaces=None)
    assert db.installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)
    assert db.installations.save(ELSEWHERE, CUSTOMERS_APP, replaces=None)

    assert before == (None, None)
    for each in (FIRST, CUSTOMERS, ELSEWHERE):
        assert db.installations.find(each.key) == db.installations.find_by_id(each.settings.id) == each


@pytest.mark.parametrize("replaces", [None, "another-one"])
def test_a_taken_place_stays_as_it_is_and_so_does_the_pending_record(
    db: Stores, replaces: str | None
) -> None:
    db.pendings.save(make_pending(settings=SECOND.settings))
    db.installations.save(FIRST, None, replaces=None)
    before = dump(db.redis)

    assert not db.installations.save(SECOND, CUSTOMERS_APP, replaces=replaces)
    assert dump(db.redis) == before


@pytest.mark.parametrize("is_there", [True, False])
def test_an_installation_takes_the_place_of_the_one_it_names(db: Stores, is_there: bool) -> None:
    if is_there:
        db.installations.save(FIRST, None, replaces=None)
        db.redis.hset(f"installation:{KEY}", "field_of_an_older_version", "1")

    assert db.installations.save(SECOND, None, replaces="first")
    assert db.installations.find(KEY) == db.installations.find_by_id("second") == SECOND
    assert "first" not in str(dump(db.redis))
    assert "field_of_an_older_version" not in str(dump(db.redis))


def test_the_pending_record_goes_with_the_installing(db: Stores) -> None:
    pending = make_pending(settings=FIRST.settings)
    db.pendings.save(pending)

    db.installations.save(FIRST, None, replaces=None)

    assert db.pendings.find("first") is None
    assert db.pendings.find_by_link(pending.link) is None


def test_a_request_that_led_to_one_team_leads_to_no_other(db: Stores) -> None:
    db.installations.save(FIRST, None, replaces=None)
    there = replace(FIRST, bot=make_bot(team_id="T0ELSEWHERE"))

    assert not db.installations.save(there, None, replaces=None)
    assert db.installations.find(there.key) is None
    assert db.installations.find_by_id("first") == FIRST


def test_a_request_that_failed_meanwhile_leads_nowhere(db: Stores) -> None:
    db.pendings.save(make_pending(settings=FIRST.settings))
    db.pendings.fail("first", "already_installed")

    assert not db.installations.save(FIRST, None, replaces=None)


def test_settings_that_changed_on_the_way_are_not_installed_as_they_were(db: Stores) -> None:
    new = replace(FIRST, settings=replace(FIRST.settings, app_name="New", revision=2))
    db.pendings.save(make_pending(settings=FIRST.settings))
    db.pendings.change(make_pending(settings=new.settings), 1)
    before = dump(db.redis)

    with pytest.raises(RevisionConflict):
        db.installations.save(FIRST, None, None)

    assert dump(db.redis) == before
    assert db.installations.save(new, None, None)
    assert db.installations.find_by_id("first") == new


def test_a_request_that_was_deleted_on_the_way_does_not_come_back_until_it_is_made_again(db: Stores) -> None:
    db.pendings.save(make_pending(settings=FIRST.settings))
    db.pendings.remove("first")

    with pytest.raises(RevisionConflict):
        db.installations.save(FIRST, None, None)

    db.pendings.save(make_pending(settings=FIRST.settings))
    assert db.installations.save(FIRST, None, None)


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


def test_an_install_that_is_overtaken_finds_the_place_taken(db: Stores) -> None:
    overtaking = InterruptedCipher(db.cipher, lambda: db.installations.save(FIRST, None, replaces=None))

    assert not InstallationStore(db.redis, overtaking).save(SECOND, None, replaces=None)
    assert db.installations.find(KEY) == FIRST


def test_an_install_that_is_overtaken_by_another_team_lets_its_signing_secret_wait(db: Stores) -> None:
    overtaking = InterruptedCipher(db.cipher, lambda: db.installations.save(ELSEWHERE, CUSTOMERS_APP, None))
    app = replace(CUSTOMERS_APP, signing_secret="a-later-secret")

    assert InstallationStore(db.redis, overtaking).save(CUSTOMERS, app, replaces=None)
    assert db.apps.signing_secrets(app.app_id) == (CUSTOMERS_APP.signing_secret, "a-later-secret")


@pytest.mark.real_redis
@pytest.mark.parametrize("replaces", [None, "customers"])
def test_of_many_that_install_at_one_place_at_once_one_wins(real_db: Stores, replaces: str | None) -> None:
    installations, apps = (
        InstallationStore(real_db.redis, real_db.cipher),
        AppStore(real_db.redis, real_db.cipher, None),
    )
    if replaces:
        installations.save(CUSTOMERS, None, None)

    def install(number: int) -> bool:
        racer = replace(CUSTOMERS, settings=replace(CUSTOMERS.settings, id=f"racer-{number}"))
        return installations.save(racer, replace(CUSTOMERS_APP, signing_secret=f"secret-{number}"), replaces)

    outcomes = race(8, install)

    assert outcomes.count(True) == 1
    winner = outcomes.index(True)
    found = installations.find(CUSTOMERS.key)
    assert found is not None
    assert found.settings.id == f"racer-{winner}"
    assert len(list(real_db.redis.scan_iter("installation-id:*"))) == 1
    assert apps.signing_secrets(CUSTOMERS_APP.app_id) == (f"secret-{winner}",)


@pytest.mark.real_redis
def test_of_many_teams_that_consent_to_one_request_at_once_one_gets_it(real_db: Stores) -> None:

    stored = race(
        8,
        lambda number: real_db.installations.save(
            replace(FIRST, bot=make_bot(team_id=f"T{number}")), None, replaces=None
        ),
    )

    assert sorted(stored) == [False] * 7 + [True]
    assert len(real_db.redis.keys("installation:*")) == 1


@pytest.mark.real_redis
def test_installing_and_uninstalling_at_once_leave_no_app_that_will_be_forgotten(real_db: Stores) -> None:
    steps = (
        partial(real_db.installations.save, ELSEWHERE, CUSTOMERS_APP, replaces=None),
        partial(real_db.installations.delete, CUSTOMERS.key, before=NOW),
    )

    for _ in range(20):
        real_db.redis.flushdb()
        real_db.installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)

        race(2, lambda number: steps[number]())

        assert real_db.redis.ttl(APP_KEY) == -1


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
    db: Stores, installed_at: float, condition: dict[str, Any], is_deleted: bool
) -> None:
    db.installations.save(replace(FIRST, installed_at=installed_at), None, replaces=None)
    before = dump(db.redis)

    assert db.installations.delete(KEY, **condition) is is_deleted
    assert dump(db.redis) == ({} if is_deleted else before)
    assert not (is_deleted and db.installations.delete(KEY, **condition))


@pytest.mark.parametrize("step", ["delete", "remove"])
def test_an_app_is_forgotten_a_day_after_its_last_team_left_unless_it_comes_back(
    db: Stores, step: str
) -> None:
    for each in (CUSTOMERS, ELSEWHERE):
        db.installations.save(each, CUSTOMERS_APP, replaces=None)
    expiries = []
    for each in (ELSEWHERE, CUSTOMERS):
        assert (
            db.installations.delete(each.key, before=NOW)
            if step == "delete"
            else db.installations.remove(each)
        )
        expiries.append(db.redis.ttl(APP_KEY))
    found = db.apps.find(CUSTOMERS_APP.app_id)

    db.installations.save(
        replace(CUSTOMERS, settings=replace(CUSTOMERS.settings, id="again")), CUSTOMERS_APP, None
    )

    assert expiries[0] == -1
    assert 24 * 3600 - 60 < expiries[1] <= 24 * 3600
    assert found == CUSTOMERS_APP
    assert db.redis.ttl(APP_KEY) == -1
