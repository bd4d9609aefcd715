"""Installations that wait for consent: stored as long as their link, then shown for a week."""

import hashlib
from dataclasses import replace
from functools import partial

import pytest
import redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import PendingInstallation
from sectorflow_slack.storage.pending import PendingStore
from tests.storage.builders import DAY, changed
from tests.storage.conftest import dump, race_often
from tests.values import CUSTOMERS_APP, NOW, make_pending, make_settings

OWN = make_pending(settings=make_settings(id="own"))
CUSTOMERS = make_pending(
    settings=make_settings(
        id="customers",
        app_id=CUSTOMERS_APP.app_id,
        display="tabs",
        customer_id="42",
        allow_external_users=True,
    ),
    slack_app=CUSTOMERS_APP,
    link="another-link-that-must-stay-secret",
    team_id="T0ACME",
    replaces="an-older-one",
    return_url="https://app.sectorflow.example/done?x=1",
)


@pytest.fixture
def pending(db) -> PendingStore:
    """A store with two pending installations."""
    db.pending.save(OWN)
    db.pending.save(CUSTOMERS)
    return db.pending


def expire_links(store: redis.Redis) -> None:
    """Delete the keys that expire with the links."""
    for pattern in ("install-link:*", "pending-secrets:*"):
        store.delete(*store.scan_iter(pattern))


def found(pending: PendingStore) -> PendingInstallation:
    installation = pending.find("customers")
    assert installation is not None
    return installation


def test_each_is_found_whole_by_id_and_by_link(pending):
    for each in (OWN, CUSTOMERS):
        assert pending.find(each.settings.id) == pending.find_by_link(each.link) == each


# A stranger who can write to Redis and has no key


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("return_url", "https://evil.example/"),
        ("team_id", "T0EVIL"),
        ("replaces", "another"),
        ("client_id", "6.6"),
        ("workspace_id", "00000000-ebe5-4e83-ae2b-3daf6ed02c22"),
        ("workspace_name", '"Evil"'),
        ("app_name", '"Evil"'),
        ("allow_external_users", "false"),
        ("revision", "2"),
    ],
)
def test_a_field_that_a_stranger_changed_in_redis_is_noticed(db, pending, name, value):
    db.redis.hset("pending:customers", name, value)

    for find in (partial(pending.find, "customers"), partial(pending.find_by_link, CUSTOMERS.link)):
        with pytest.raises(CannotDecrypt):
            find()
    assert pending.find("own") == OWN


@pytest.mark.parametrize("name", ["return_url", "team_id", "replaces"])
def test_a_field_that_a_stranger_deleted_in_redis_is_noticed(db, pending, name):
    db.redis.hdel("pending:customers", name)

    with pytest.raises(CannotDecrypt):
        pending.find("customers")


def test_a_link_that_a_stranger_planted_in_redis_leads_nowhere(db, pending):
    planted = hashlib.sha256(b"a-planted-link").hexdigest()
    db.redis.set(f"install-link:{planted}", "customers")

    assert pending.find_by_link("a-planted-link") is None


def test_an_earlier_api_token_that_a_stranger_put_back_in_redis_is_noticed(db, pending):
    earlier = db.redis.hget("pending-secrets:customers", "api_token")
    settings = replace(CUSTOMERS.settings.sectorflow, api_token="the-next-token")
    assert pending.change(changed(CUSTOMERS, sectorflow=settings), 1)
    db.redis.hset("pending-secrets:customers", "api_token", earlier)

    with pytest.raises(CannotDecrypt):
        pending.find("customers")


@pytest.mark.parametrize("unknown", ["unknown", "", "half a pair: \ud800"])
def test_an_id_is_no_link_and_a_link_is_no_id(pending, unknown):
    assert [pending.find_by_link(each) for each in (unknown, "own")] == [None, None]
    assert pending.find(OWN.link) is None


def test_one_whose_link_has_expired_has_expired_whatever_the_clock_shows(db, pending):
    expire_links(db.redis)

    expired = found(pending)
    assert expired.status(NOW) == "expired"
    assert expired.settings.app_name == CUSTOMERS.settings.app_name
    assert expired.settings.sectorflow.api_token == expired.link == ""
    assert expired.slack_app == replace(CUSTOMERS_APP, client_secret="", signing_secret="")
    assert pending.find_by_link(CUSTOMERS.link) is None


def test_a_failed_one_shows_the_failure_for_a_week_without_its_link_and_secrets(db, pending):
    pending.fail("customers", "already_installed")

    failed = found(pending)
    assert failed.failure == "already_installed"
    assert failed.status(NOW) == failed.status(NOW + 2 * DAY) == "failed"
    assert 7 * DAY - 60 < db.redis.ttl("pending:customers") <= 7 * DAY
    assert pending.find_by_link(CUSTOMERS.link) is None
    assert list(db.redis.scan_iter("pending-secrets:*")) == ["pending-secrets:own"]
    assert len(list(db.redis.scan_iter("install-link:*"))) == 1
    assert pending.find_by_link(OWN.link) == OWN


@pytest.mark.real_redis
def test_a_reader_never_sees_half_of_a_failure(real_db):
    def read():
        return [real_db.pending.find("customers") for _ in range(20)]

    save = partial(real_db.pending.save, CUSTOMERS)
    fail = partial(real_db.pending.fail, "customers", "already_installed")
    for _, *seen in race_often(real_db.redis, save, fail, read, read, read):
        states = {(each.failure, each.link) for reader in seen for each in reader if each}
        assert states <= {(None, CUSTOMERS.link), ("already_installed", "")}


def hours_left(store: redis.Redis) -> dict[str, int]:
    return {str(key): round(int(store.ttl(key)) / 3600) for key in store.scan_iter()}


def test_new_settings_are_in_force_and_the_link_stays_valid(db, pending):
    before = hours_left(db.redis)
    sectorflow = replace(CUSTOMERS.settings.sectorflow, api_token="another-token")
    new = changed(CUSTOMERS, app_name="New", sectorflow=sectorflow)

    assert pending.change(new, 1)
    assert found(pending) == pending.find_by_link(CUSTOMERS.link) == new
    assert "another-token" not in str(dump(db.redis))
    assert hours_left(db.redis) == before


def test_the_first_of_two_changes_of_one_revision_is_stored(db, pending):
    # A record without a revision has the first.
    db.redis.hdel("pending:customers", "revision")

    assert found(pending) == CUSTOMERS
    assert pending.change(changed(CUSTOMERS, app_name="First"), 1)
    assert not pending.change(changed(CUSTOMERS, app_name="Second"), 1)
    assert found(pending) == changed(CUSTOMERS, app_name="First")


@pytest.mark.parametrize("state", ["expired", "failed"])
def test_one_that_failed_or_expired_is_not_changed(db, pending, state):
    if state == "expired":
        expire_links(db.redis)
    else:
        pending.fail("customers", "already_installed")
        # A failure is final, even if secrets are left.
        db.redis.hset("pending-secrets:customers", "link", "")
    before = dump(db.redis)

    assert not pending.change(changed(CUSTOMERS), 1)
    assert dump(db.redis) == before


@pytest.mark.parametrize("state", ["pending", "failed", "expired"])
def test_a_removed_one_leaves_only_the_mark_of_its_removal(db, pending, state):
    pending.remove("own")
    if state == "failed":
        pending.fail("customers", "already_installed")
    if state == "expired":
        expire_links(db.redis)

    assert pending.remove("customers")
    assert not pending.remove("customers")
    assert set(dump(db.redis)) == {"removed:own", "removed:customers"}


@pytest.mark.real_redis
def test_a_change_never_outlives_a_removal(real_db):
    change = partial(real_db.pending.change, changed(CUSTOMERS), 1)
    remove = partial(real_db.pending.remove, "customers")

    for _ in race_often(real_db.redis, partial(real_db.pending.save, CUSTOMERS), change, remove):
        assert set(dump(real_db.redis)) == {"removed:customers"}
