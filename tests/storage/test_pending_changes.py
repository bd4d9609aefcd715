"""Pending installations whose terms change, and that are deleted."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import PendingInstallation
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.pending import RedisPendingStore
from tests.storage.conftest import dump, race
from tests.values import CUSTOMERS_APP, make_pending, make_terms

PENDING = make_pending(
    terms=make_terms(id="asked", app_id=CUSTOMERS_APP.app_id, customer_id="42"),
    slack_app=CUSTOMERS_APP,
    team_id="T0ACME",
)


@pytest.fixture
def pendings(store: redis.Redis, cipher: Cipher) -> RedisPendingStore:
    return RedisPendingStore(store, cipher)


def changed(pending: PendingInstallation, **changes: Any) -> PendingInstallation:
    return replace(pending, terms=replace(pending.terms, revision=pending.terms.revision + 1, **changes))


def lifetimes(store: redis.Redis) -> dict[str, int]:
    return {str(key): round(int(store.ttl(key)) / 10) for key in store.scan_iter()}


def test_new_terms_are_in_force_and_the_link_stays(pendings: RedisPendingStore, store: redis.Redis) -> None:
    pendings.save(PENDING)
    before = lifetimes(store)
    sectorflow = replace(PENDING.terms.sectorflow, api_token="another-token")
    new = changed(PENDING, app_name="New", sectorflow=sectorflow)

    assert pendings.change(new, 1)
    assert pendings.find("asked") == pendings.find_by_link(PENDING.link) == new
    assert "another-token" not in str(dump(store))
    assert lifetimes(store) == before


def test_a_change_of_what_was_changed_meanwhile_changes_nothing(pendings: RedisPendingStore) -> None:
    pendings.save(PENDING)
    pendings.change(changed(PENDING, app_name="First"), 1)

    assert not pendings.change(changed(PENDING, app_name="Second"), 1)
    assert pendings.find("asked") == changed(PENDING, app_name="First")


def test_what_failed_expired_or_is_gone_is_not_changed(
    pendings: RedisPendingStore, store: redis.Redis
) -> None:
    nothing = pendings.change(changed(PENDING), 1), dump(store)
    pendings.save(PENDING)
    store.delete("pending-secrets:asked")
    expired = pendings.change(changed(PENDING), 1)
    pendings.save(PENDING)
    pendings.fail("asked", "already_installed")
    failed = pendings.change(changed(PENDING), 1)

    assert nothing == (False, {})
    assert not expired
    assert not failed
    assert store.exists("pending-secrets:asked") == 0


@pytest.mark.parametrize("state", ["pending", "failed", "expired"])
def test_what_is_deleted_leaves_nothing_but_that_it_was(
    pendings: RedisPendingStore, store: redis.Redis, state: str
) -> None:
    pendings.save(PENDING)
    if state == "failed":
        pendings.fail("asked", "already_installed")
    if state == "expired":
        store.delete("pending-secrets:asked", *store.scan_iter("install-link:*"))

    assert pendings.remove("asked")
    assert not pendings.remove("asked")
    assert pendings.find("asked") is None
    assert pendings.find_by_link(PENDING.link) is None
    assert set(dump(store)) == {"removed:asked"}
    assert 0 < store.ttl("removed:asked") <= 600


@pytest.mark.real_redis
def test_of_many_changes_at_once_one_is_made(real_store: redis.Redis, cipher: Cipher) -> None:
    pendings = RedisPendingStore(real_store, cipher)
    pendings.save(PENDING)

    outcomes = race(8, lambda number: pendings.change(changed(PENDING, app_name=f"{number}"), 1))

    assert outcomes.count(True) == 1
    assert pendings.find("asked") == changed(PENDING, app_name=f"{outcomes.index(True)}")


@pytest.mark.real_redis
def test_a_change_never_outlives_a_deletion(real_store: redis.Redis, cipher: Cipher) -> None:
    pendings = RedisPendingStore(real_store, cipher)

    for _ in range(30):
        real_store.flushdb()
        pendings.save(PENDING)
        steps = (partial(pendings.change, changed(PENDING), 1), partial(pendings.remove, "asked"))

        race(2, lambda number, steps=steps: steps[number]())  # type: ignore[misc]

        assert set(dump(real_store)) == {"removed:asked"}


def test_a_record_without_a_revision_is_of_the_first(pendings: RedisPendingStore, store: redis.Redis) -> None:
    pendings.save(PENDING)
    store.hdel("pending:asked", "revision")

    assert pendings.find("asked") == PENDING
    assert pendings.change(changed(PENDING), 1)


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher) -> None:
    pendings = RedisPendingStore(nobody, cipher)

    with pytest.raises(StorageUnavailable):
        pendings.change(PENDING, 1)
    with pytest.raises(StorageUnavailable):
        pendings.remove("asked")
