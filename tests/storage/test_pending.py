from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import PendingInstallation
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.pending import RedisPendingStore
from tests.storage.conftest import dump, expiring_and_staying, race
from tests.values import API_TOKEN, CUSTOMERS_APP, NOW, make_pending, make_terms

DAY = 24 * 3600
#: Of a TTL that a test has just set, some seconds may have gone.
SLACK_SECONDS = 5

PENDING = make_pending(terms=make_terms(id="own"))
CUSTOMERS = make_pending(
    terms=make_terms(
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
def pendings(store: redis.Redis, cipher: Cipher) -> RedisPendingStore:
    return RedisPendingStore(store, cipher)


def let_the_link_die(store: redis.Redis) -> None:
    """Do what time does to what lives as long as the link."""
    for pattern in ("install-link:*", "pending-secrets:*"):
        store.delete(*store.scan_iter(pattern))


def seconds_left(store: redis.Redis, pattern: str) -> int:
    (key,) = store.scan_iter(pattern)
    return int(store.ttl(key))


@pytest.mark.parametrize("pending", [PENDING, CUSTOMERS], ids=["own app", "customer's app"])
def test_it_is_found_whole_by_id_and_by_link(
    pendings: RedisPendingStore, pending: PendingInstallation
) -> None:
    pendings.save(PENDING)
    pendings.save(CUSTOMERS)

    assert pendings.find(pending.terms.id) == pending
    assert pendings.find_by_link(pending.link) == pending


@pytest.mark.parametrize("unknown", ["nobody", "", "a link"])
def test_what_was_never_saved_is_not_found(pendings: RedisPendingStore, unknown: str) -> None:
    pendings.save(PENDING)

    assert pendings.find(unknown) is None
    assert pendings.find_by_link(unknown) is None


def test_a_link_that_is_no_text_leads_nowhere(pendings: RedisPendingStore) -> None:
    assert pendings.find_by_link("half a pair: \ud800") is None


def test_the_id_is_no_link_and_the_link_is_no_id(pendings: RedisPendingStore) -> None:
    pendings.save(PENDING)

    assert pendings.find_by_link("own") is None
    assert pendings.find(PENDING.link) is None


def test_everything_about_it_expires_the_secrets_with_the_link(
    pendings: RedisPendingStore, store: redis.Redis
) -> None:
    pendings.save(CUSTOMERS)

    _, staying = expiring_and_staying(store)
    # Only what lists it stays, until it is swept.
    assert {key.partition(":")[0] for key in staying} == {"installations", "index-sweep"}
    assert 0 <= DAY - seconds_left(store, "install-link:*") <= SLACK_SECONDS
    assert 0 <= DAY - seconds_left(store, "pending-secrets:*") <= SLACK_SECONDS
    assert 0 <= 8 * DAY - seconds_left(store, "pending:*") <= SLACK_SECONDS


def test_it_expires_with_its_link(pendings: RedisPendingStore) -> None:
    pendings.save(PENDING)

    found = pendings.find("own")

    assert found is not None
    assert found.status(NOW) == "pending"
    assert found.status(NOW + DAY - 1) == "pending"
    assert found.status(NOW + DAY) == "expired"


def test_when_the_link_is_dead_it_is_expired_whatever_the_clock_says(
    pendings: RedisPendingStore, store: redis.Redis
) -> None:
    pendings.save(CUSTOMERS)

    let_the_link_die(store)

    found = pendings.find("customers")
    assert found is not None
    assert found.status(NOW) == "expired"
    assert found.terms.app_name == CUSTOMERS.terms.app_name
    assert found.terms.sectorflow.api_token == found.link == ""
    assert found.slack_app == replace(CUSTOMERS_APP, client_secret="", signing_secret="")
    assert pendings.find_by_link(CUSTOMERS.link) is None


def test_a_failed_one_says_why_for_a_week(pendings: RedisPendingStore, store: redis.Redis) -> None:
    pendings.save(CUSTOMERS)

    pendings.fail("customers", "already_installed")

    found = pendings.find("customers")
    assert found is not None
    assert found.failure == "already_installed"
    assert found.status(NOW) == found.status(NOW + 2 * DAY) == "failed"
    assert 0 <= 7 * DAY - seconds_left(store, "pending:*") <= SLACK_SECONDS


def test_a_failed_ones_link_and_secrets_are_forgotten(
    pendings: RedisPendingStore, store: redis.Redis
) -> None:
    pendings.save(CUSTOMERS)

    pendings.fail("customers", "already_installed")

    assert pendings.find_by_link(CUSTOMERS.link) is None
    assert not [key for key in dump(store) if key.startswith(("pending-secrets:", "install-link:"))]
    assert "pending:customers" in dump(store)


def test_failing_one_leaves_the_others_alone(pendings: RedisPendingStore) -> None:
    pendings.save(PENDING)
    pendings.save(CUSTOMERS)

    pendings.fail("customers", "already_installed")

    assert pendings.find_by_link(PENDING.link) == PENDING


def test_failing_what_is_gone_brings_nothing_back(pendings: RedisPendingStore, store: redis.Redis) -> None:
    pendings.fail("own", "already_installed")

    assert dump(store) == {}


def test_a_dump_shows_no_secret_and_no_link(pendings: RedisPendingStore, store: redis.Redis) -> None:
    pendings.save(CUSTOMERS)

    text = str(dump(store))

    secrets = [API_TOKEN, CUSTOMERS.link, CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret]
    assert not [secret for secret in secrets if secret in text]
    assert CUSTOMERS.terms.app_name in text


@pytest.mark.real_redis
def test_a_reader_never_sees_half_of_a_failure(real_store: redis.Redis, cipher: Cipher) -> None:
    pendings = RedisPendingStore(real_store, cipher)

    def step(number: int) -> list[PendingInstallation | None]:
        if number == 0:
            pendings.fail("customers", "already_installed")
            return []
        return [pendings.find("customers") for _ in range(20)]

    for _ in range(10):
        pendings.save(CUSTOMERS)
        _, *seen = race(4, step)

        states = {(found.failure, found.link) for each in seen for found in each if found}
        assert states <= {(None, CUSTOMERS.link), ("already_installed", "")}
        real_store.flushdb()


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher) -> None:
    pendings = RedisPendingStore(nobody, cipher)

    with pytest.raises(StorageUnavailable):
        pendings.save(PENDING)
    with pytest.raises(StorageUnavailable):
        pendings.find("own")
    with pytest.raises(StorageUnavailable):
        pendings.find_by_link(PENDING.link)
    with pytest.raises(StorageUnavailable):
        pendings.fail("own", "already_installed")
