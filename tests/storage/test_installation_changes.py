"""Installations whose settings change, whose tokens are renewed, and that are removed."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from sectorflow_slack.domain.errors import RevisionConflict
from sectorflow_slack.domain.installations import FreshToken, Installation, Revocation
from sectorflow_slack.storage.installations import InstallationStore
from tests.losing import INSTALLATION_SECRETS, lose
from tests.storage.conftest import Stores, dump, race
from tests.values import NOW, make_bot, make_installation, make_pending, make_terms

HERE = make_installation(bot=make_bot(refresh_token="xoxe-1-first", token_expires_at=NOW + 43_200))
ID, PLACE = HERE.settings.id, f"installation:{HERE.key}"
FRESH = FreshToken("xoxe.xoxb-fresh", "xoxe-1-second", NOW + 86_400)
SUCCESSOR = make_installation(make_terms(id="successor"))


def changed(installation: Installation, **changes: Any) -> Installation:
    """Return the installation as the next revision has it."""
    terms = replace(installation.settings, revision=installation.settings.revision + 1, **changes)
    return replace(installation, settings=terms)


def with_token(installation: Installation, fresh: FreshToken) -> Installation:
    return replace(installation, bot=installation.bot.with_token(fresh))


RENEWED = with_token(HERE, FRESH)


@pytest.fixture
def here(db: Stores) -> InstallationStore:
    """A store with one installation."""
    assert db.installations.save(HERE, None, None)
    return db.installations


# Changed


def test_new_settings_are_in_force_at_once(here: InstallationStore) -> None:
    sectorflow = replace(HERE.settings.sectorflow, api_token="another-token", model_ids=("m9",))
    new = changed(HERE, app_name="New", display="tabs", sectorflow=sectorflow)

    assert here.change(new, 1)
    assert here.find(HERE.key) == here.find_by_id(ID) == new


def test_of_two_changes_of_one_revision_the_first_is_made(here: InstallationStore) -> None:
    assert here.change(changed(HERE, app_name="First"), 1)
    assert not here.change(changed(HERE, app_name="Second"), 1)
    assert here.find(HERE.key) == changed(HERE, app_name="First")


def test_a_change_leaves_a_token_that_was_renewed_meanwhile(here: InstallationStore) -> None:
    here.renew(HERE, RENEWED)

    assert here.change(changed(HERE, app_name="New"), 1)
    assert here.find(HERE.key) == with_token(changed(HERE, app_name="New"), FRESH)


# Renewed


def test_a_renewed_token_takes_the_place_of_the_old_one_once(here: InstallationStore) -> None:
    assert here.renew(HERE, RENEWED)
    assert not here.renew(HERE, with_token(HERE, replace(FRESH, bot_token="too-late")))
    assert here.find(HERE.key) == RENEWED


@pytest.mark.parametrize("other", [{"bot_token": "xoxe.xoxb-other"}, {"refresh_token": "xoxe-1-other"}])
def test_a_token_that_is_not_the_stored_one_is_not_renewed(
    here: InstallationStore, other: dict[str, str]
) -> None:
    stale = replace(HERE, bot=replace(HERE.bot, **other))

    assert not here.renew(stale, RENEWED)
    assert here.find(HERE.key) == HERE


def test_another_install_of_the_same_app_and_team_brings_its_bot_and_its_moment(
    here: InstallationStore,
) -> None:
    again = replace(HERE, bot=make_bot(bot_user_id="U0NEWBOT", bot_token="again"), installed_at=NOW + 60)

    assert here.renew(HERE, again)
    assert here.find(HERE.key) == again


# Removed


@pytest.mark.parametrize(
    ("lost", "refresh_token"),
    [([], FRESH.refresh_token), (["api_token"], FRESH.refresh_token), (["refresh_token"], "")],
)
def test_a_removed_installation_is_gone_and_its_token_waits_for_revocation(
    db: Stores, here: InstallationStore, lost: list[str], refresh_token: str
) -> None:
    here.renew(HERE, RENEWED)
    if lost:
        lose(db.redis, PLACE, *lost)
    found = db.queries.find(ID)
    assert isinstance(found, Installation)

    assert here.remove(found)
    assert not here.remove(found)

    assert (here.find(HERE.key), here.find_by_id(ID), db.queries.find(ID)) == (None, None, None)
    assert set(dump(db.redis)) == {f"revocation:{HERE.key}", "revocations", f"removed:{ID}"}
    assert db.revocations.lease() == Revocation(
        ID, HERE.key, FRESH.bot_token, refresh_token, FRESH.expires_at
    )


def test_a_removed_installation_whose_bot_token_no_key_opens_is_forgotten_and_logged_by_place(
    db: Stores, here: InstallationStore, caplog: pytest.LogCaptureFixture
) -> None:
    lose(db.redis, PLACE, *INSTALLATION_SECRETS)

    with caplog.at_level(logging.ERROR):
        assert here.remove(HERE)

    assert caplog.messages == [f"token never revoked: no key decrypts {PLACE} bot_token"]
    assert set(dump(db.redis)) == {f"removed:{ID}"}


def test_an_installation_that_was_changed_meanwhile_is_not_removed(here: InstallationStore) -> None:
    here.change(changed(HERE), 1)

    assert not here.remove(HERE)
    assert here.find(HERE.key) == changed(HERE)
    assert here.remove(changed(HERE))


def test_installing_again_takes_back_that_the_token_was_to_be_revoked(
    db: Stores, here: InstallationStore
) -> None:
    here.remove(HERE)

    here.save(SUCCESSOR, None, None)

    assert list(db.redis.scan_iter("revocation*")) == []


@pytest.mark.parametrize("successor", [None, SUCCESSOR], ids=["gone", "replaced"])
def test_no_step_touches_what_took_the_place_or_brings_back_what_is_gone(
    db: Stores, successor: Installation | None
) -> None:
    if successor:
        db.installations.save(successor, None, None)
    before = dump(db.redis)

    assert not db.installations.change(changed(HERE), 1)
    assert not db.installations.renew(HERE, RENEWED)
    assert not db.installations.remove(HERE)

    assert dump(db.redis) == before


# At once


@pytest.mark.real_redis
@pytest.mark.parametrize("step", ["change", "renew"])
def test_of_many_changes_or_renewals_at_once_one_is_made(real_db: Stores, step: str) -> None:
    real_db.installations.save(HERE, None, None)
    if step == "change":
        results = [changed(HERE, app_name=f"{number}") for number in range(8)]
        outcomes = race(8, lambda number: real_db.installations.change(results[number], 1))
    else:
        results = [with_token(HERE, replace(FRESH, refresh_token=f"xoxe-{number}")) for number in range(8)]
        outcomes = race(8, lambda number: real_db.installations.renew(HERE, results[number]))

    assert outcomes.count(True) == 1
    assert real_db.installations.find(HERE.key) == results[outcomes.index(True)]


@pytest.mark.real_redis
def test_a_change_on_the_way_to_the_installing_is_never_lost(real_db: Stores) -> None:

    def install_or_change(number: int) -> bool:
        if number:
            return real_db.pendings.change(make_pending(settings=changed(HERE).settings), 1)
        try:
            return real_db.installations.save(HERE, None, None)
        except RevisionConflict:
            return False

    for _ in range(20):
        real_db.redis.flushdb()
        real_db.pendings.save(make_pending(settings=HERE.settings))

        saved, was_changed = race(2, install_or_change)

        assert saved is not was_changed
        assert real_db.installations.find_by_id(ID) == (HERE if saved else None)


@pytest.mark.real_redis
def test_removing_and_replacing_at_once_leave_the_successor(real_db: Stores) -> None:
    steps = (
        partial(real_db.installations.remove, HERE),
        partial(real_db.installations.save, SUCCESSOR, None, ID),
    )

    for _ in range(20):
        real_db.redis.flushdb()
        real_db.installations.save(HERE, None, None)

        race(2, lambda number: steps[number]())

        # Either it was replaced and there was nothing to remove, or removed and then installed anew.
        assert real_db.installations.find(HERE.key) == SUCCESSOR
        assert real_db.redis.exists(f"revocation:{HERE.key}", "revocations") == 0
        assert real_db.redis.zcard("installations") == 1
        assert real_db.redis.smembers("app-tenants:A0OWN") == {HERE.key.tenant_id}
