"""Installations that wait for consent: kept as long as their link, then shown for a week."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.installations import PendingInstallation
from sectorflow_slack.storage.pending import PendingStore
from tests.storage.conftest import Stores, dump, race
from tests.values import CUSTOMERS_APP, NOW, make_pending, make_terms

DAY = 24 * 3600
OWN = make_pending(settings=make_terms(id="own"))
CUSTOMERS = make_pending(
    settings=make_terms(
        id="customers",
        app_id=CUSTOMERS_APP.app_id,
        display="tabs",
        customer_id="42",
        allow_external_users=True,
    ),
    slack_app=CUSTOMERS_APP,
    link="another-link-that-nobody-may-guess",
    team_id="T0ACME",
    replaces="an-older-one",
    return_url="https://app.sectorflow.example/done?x=1",
)


@pytest.fixture
def saved(db: Stores) -> PendingStore:
    """A store with two pending installations."""
    db.pendings.save(OWN)
    db.pendings.save(CUSTOMERS)
    return db.pendings


def let_the_link_die(store: redis.Redis) -> None:
    """Do what time does to what lives as long as the links."""
    for pattern in ("install-link:*", "pending-secrets:*"):
        store.delete(*store.scan_iter(pattern))


def changed(pending: PendingInstallation, **changes: Any) -> PendingInstallation:
    return replace(
        pending, settings=replace(pending.settings, revision=pending.settings.revision + 1, **changes)
    )


def found(pendings: PendingStore, installation_id: str = "customers") -> PendingInstallation:
    pending = pendings.find(installation_id)
    assert pending is not None
    return pending


# Found


def test_each_is_found_whole_by_id_and_by_link(saved: PendingStore) -> None:
    for pending in (OWN, CUSTOMERS):
        assert saved.find(pending.settings.id) == saved.find_by_link(pending.link) == pending


@pytest.mark.parametrize("unknown", ["unknown", "", "half a pair: \ud800"])
def test_an_id_is_no_link_and_a_link_is_no_id(saved: PendingStore, unknown: str) -> None:
    assert [saved.find_by_link(each) for each in (unknown, "own")] == [None, None]
    assert saved.find(OWN.link) is None


def test_one_whose_link_is_dead_has_expired_whatever_the_clock_says(db: Stores, saved: PendingStore) -> None:
    let_the_link_die(db.redis)

    expired = found(saved)
    assert expired.status(NOW) == "expired"
    assert expired.settings.app_name == CUSTOMERS.settings.app_name
    assert expired.settings.sectorflow.api_token == expired.link == ""
    assert expired.slack_app == replace(CUSTOMERS_APP, client_secret="", signing_secret="")
    assert saved.find_by_link(CUSTOMERS.link) is None


# Failed


def test_a_failed_one_tells_why_for_a_week_without_its_link_and_secrets(
    db: Stores, saved: PendingStore
) -> None:
    saved.fail("customers", "already_installed")

    failed = found(saved)
    assert failed.failure == "already_installed"
    assert failed.status(NOW) == failed.status(NOW + 2 * DAY) == "failed"
    assert 7 * DAY - 60 < db.redis.ttl("pending:customers") <= 7 * DAY
    assert saved.find_by_link(CUSTOMERS.link) is None
    assert list(db.redis.scan_iter("pending-secrets:*")) == ["pending-secrets:own"]
    assert len(list(db.redis.scan_iter("install-link:*"))) == 1
    assert saved.find_by_link(OWN.link) == OWN


def test_failing_one_that_is_gone_brings_nothing_back(db: Stores) -> None:
    db.pendings.fail("own", "already_installed")

    assert dump(db.redis) == {}


@pytest.mark.real_redis
def test_a_reader_never_sees_half_of_a_failure(real_db: Stores) -> None:

    def fail_or_read(number: int) -> list[PendingInstallation | None]:
        if number == 0:
            real_db.pendings.fail("customers", "already_installed")
            return []
        return [real_db.pendings.find("customers") for _ in range(20)]

    for _ in range(10):
        real_db.pendings.save(CUSTOMERS)
        _, *seen = race(4, fail_or_read)

        states = {(each.failure, each.link) for reader in seen for each in reader if each}
        assert states <= {(None, CUSTOMERS.link), ("already_installed", "")}
        real_db.redis.flushdb()


# Changed


def lifetimes(store: redis.Redis) -> dict[str, int]:
    """Return for how many hours each key lives."""
    return {str(key): round(int(store.ttl(key)) / 3600) for key in store.scan_iter()}


def test_new_settings_are_in_force_and_the_link_stays(db: Stores, saved: PendingStore) -> None:
    before = lifetimes(db.redis)
    sectorflow = replace(CUSTOMERS.settings.sectorflow, api_token="another-token")
    new = changed(CUSTOMERS, app_name="New", sectorflow=sectorflow)

    assert saved.change(new, 1)
    assert found(saved) == saved.find_by_link(CUSTOMERS.link) == new
    assert "another-token" not in str(dump(db.redis))
    assert lifetimes(db.redis) == before


def test_a_change_is_made_of_the_revision_that_it_is_of(db: Stores, saved: PendingStore) -> None:
    # What was written before there were revisions is of the first.
    db.redis.hdel("pending:customers", "revision")

    assert found(saved) == CUSTOMERS
    assert saved.change(changed(CUSTOMERS, app_name="First"), 1)
    assert not saved.change(changed(CUSTOMERS, app_name="Second"), 1)
    assert found(saved) == changed(CUSTOMERS, app_name="First")


@pytest.mark.parametrize("state", ["gone", "expired", "failed"])
def test_one_that_failed_expired_or_is_gone_is_not_changed(
    db: Stores, saved: PendingStore, state: str
) -> None:
    if state == "gone":
        db.redis.flushdb()
    elif state == "expired":
        let_the_link_die(db.redis)
    else:
        saved.fail("customers", "already_installed")
        # A failure is final, whatever else is left.
        db.redis.hset("pending-secrets:customers", "link", "")
    before = dump(db.redis)

    assert not saved.change(changed(CUSTOMERS), 1)
    assert dump(db.redis) == before


@pytest.mark.real_redis
def test_of_many_changes_at_once_one_is_made(real_db: Stores) -> None:
    real_db.pendings.save(CUSTOMERS)

    outcomes = race(8, lambda number: real_db.pendings.change(changed(CUSTOMERS, app_name=f"{number}"), 1))

    assert outcomes.count(True) == 1
    assert found(real_db.pendings) == changed(CUSTOMERS, app_name=f"{outcomes.index(True)}")


# Removed


@pytest.mark.parametrize("state", ["pending", "failed", "expired"])
def test_a_removed_one_leaves_only_the_mark_that_it_was_removed(
    db: Stores, saved: PendingStore, state: str
) -> None:
    saved.remove("own")
    if state == "failed":
        saved.fail("customers", "already_installed")
    if state == "expired":
        let_the_link_die(db.redis)

    assert saved.remove("customers")
    assert not saved.remove("customers")
    assert set(dump(db.redis)) == {"removed:own", "removed:customers"}


@pytest.mark.real_redis
def test_a_change_never_outlives_a_removal(real_db: Stores) -> None:
    steps = (
        partial(real_db.pendings.change, changed(CUSTOMERS), 1),
        partial(real_db.pendings.remove, "customers"),
    )

    for _ in range(20):
        real_db.redis.flushdb()
        real_db.pendings.save(CUSTOMERS)

        race(2, lambda number: steps[number]())

        assert set(dump(real_db.redis)) == {"removed:customers"}
