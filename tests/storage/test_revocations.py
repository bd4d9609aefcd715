"""Tokens of deleted installations wait until Slack has revoked them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.installations import InstallationKey, Revocation
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.revocations import RevocationStore, queue_revocation
from tests.storage.conftest import Stores, dump, race, redis_now
from tests.values import BOT_TOKEN, NOW

FIRST = Revocation("id-1", InstallationKey("A0OWN", "T1"), BOT_TOKEN, "xoxe-1-refresh", NOW + 43_200)
SECOND = Revocation("id-2", InstallationKey("A0OWN", "T2"), "xoxb-second")
PLACE = f"revocation:{FIRST.key}"
MONTH = 30 * 24 * 3600

Queue = Callable[..., None]


def queue_all(store: redis.Redis, cipher: Cipher, *revocations: Revocation) -> None:
    with store.pipeline() as pipe:
        for revocation in revocations:
            queue_revocation(pipe, cipher, revocation)
        pipe.execute()


@pytest.fixture
def queue(db: Stores) -> Queue:
    return lambda *revocations: queue_all(db.redis, db.cipher, *revocations)


def let_all_be_due(store: redis.Redis) -> None:
    """Do what time does."""
    store.zadd("revocations", {str(each): 1 for each in store.zrange("revocations", 0, -1)})


def seconds_until_due(store: redis.Redis, revocation: Revocation) -> float:
    due = store.zscore("revocations", str(revocation.key))
    assert due is not None
    return float(due) - redis_now(store)


def test_a_revocation_is_taken_once_a_minute_until_it_is_done(db: Stores, queue: Queue) -> None:
    queue(FIRST, SECOND)

    assert {db.revocations.lease(), db.revocations.lease()} == {FIRST, SECOND}
    assert db.revocations.lease() is None
    assert 0 < seconds_until_due(db.redis, FIRST) <= 60

    let_all_be_due(db.redis)
    assert {db.revocations.lease(), db.revocations.lease()} == {FIRST, SECOND}
    db.revocations.complete(FIRST)
    db.revocations.complete(SECOND)
    assert dump(db.redis) == {}


def test_a_revocation_that_ends_late_leaves_that_of_a_later_installation(db: Stores, queue: Queue) -> None:
    later = replace(FIRST, installation_id="id-9")
    queue(FIRST)
    db.revocations.lease()
    queue(later)

    db.revocations.release(FIRST, 300.0)
    db.revocations.complete(FIRST)

    assert db.revocations.lease() == later


def test_a_revocation_that_is_put_back_comes_again_later_with_its_new_tokens_for_30_days(
    db: Stores, queue: Queue
) -> None:
    tried = replace(FIRST, bot_token="xoxb-renewed", refresh_token="xoxe-1-next", tries=1)
    queue(FIRST)
    db.revocations.lease()

    db.revocations.release(tried, 300.0)

    assert 200 < seconds_until_due(db.redis, FIRST) <= 300
    assert 0 <= MONTH - db.redis.ttl(PLACE) <= 60
    let_all_be_due(db.redis)
    assert db.revocations.lease() == tried


def test_putting_back_a_revocation_that_is_gone_brings_nothing_back(db: Stores) -> None:
    db.revocations.release(FIRST, 1.0)

    assert dump(db.redis) == {}


def test_a_revocation_whose_record_expired_is_dropped_and_the_next_is_taken(db: Stores, queue: Queue) -> None:
    queue(FIRST, SECOND)
    db.redis.delete(PLACE)

    assert db.revocations.lease() == SECOND
    assert db.redis.zrange("revocations", 0, -1) == [str(SECOND.key)]


def test_a_revocation_that_no_key_opens_waits_an_hour_for_its_key_and_the_next_is_taken(
    db: Stores, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    queue(FIRST)
    other_key = Cipher([Fernet.generate_key().decode()])
    queue_all(db.redis, other_key, SECOND)

    with caplog.at_level(logging.ERROR):
        taken = RevocationStore(db.redis, other_key).lease()

    assert taken == SECOND
    assert caplog.messages == [f"revocation cannot be read: {PLACE} bot_token"]
    assert 3500 < seconds_until_due(db.redis, FIRST) <= 3600
    let_all_be_due(db.redis)
    assert db.revocations.lease() == FIRST


@pytest.mark.real_redis
def test_each_is_taken_by_one_of_many(real_db: Stores) -> None:
    keys = [InstallationKey("A0OWN", f"T{number}") for number in range(5)]
    queue_all(real_db.redis, real_db.cipher, *(Revocation(str(key), key, "xoxb-1") for key in keys))

    taken = race(8, lambda _: real_db.revocations.lease())

    assert sorted(each.key.tenant_id for each in taken if each) == [key.tenant_id for key in keys]
