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
from sectorflow_slack.storage.revocations import RedisRevocationStore, queue_revocation
from tests.storage.conftest import dump, race, redis_now
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
def queue(store: redis.Redis, cipher: Cipher) -> Queue:
    return lambda *revocations: queue_all(store, cipher, *revocations)


def let_all_be_due(store: redis.Redis) -> None:
    """Do what time does."""
    store.zadd("revocations", {str(each): 1 for each in store.zrange("revocations", 0, -1)})


def seconds_until_due(store: redis.Redis, revocation: Revocation) -> float:
    due = store.zscore("revocations", str(revocation.key))
    assert due is not None
    return float(due) - redis_now(store)


def test_a_revocation_is_taken_once_a_minute_until_it_is_done(
    revocations: RedisRevocationStore, queue: Queue, store: redis.Redis
) -> None:
    queue(FIRST, SECOND)

    assert {revocations.take(), revocations.take()} == {FIRST, SECOND}
    assert revocations.take() is None
    assert 0 < seconds_until_due(store, FIRST) <= 60

    let_all_be_due(store)
    assert {revocations.take(), revocations.take()} == {FIRST, SECOND}
    revocations.done(FIRST)
    revocations.done(SECOND)
    assert dump(store) == {}


def test_a_revocation_that_ends_late_leaves_that_of_a_later_installation(
    revocations: RedisRevocationStore, queue: Queue
) -> None:
    later = replace(FIRST, installation_id="id-9")
    queue(FIRST)
    revocations.take()
    queue(later)

    revocations.put_back(FIRST, 300.0)
    revocations.done(FIRST)

    assert revocations.take() == later


def test_a_revocation_that_is_put_back_comes_again_later_with_its_new_tokens_for_30_days(
    revocations: RedisRevocationStore, queue: Queue, store: redis.Redis
) -> None:
    tried = replace(FIRST, bot_token="xoxb-renewed", refresh_token="xoxe-1-next", tries=1)
    queue(FIRST)
    revocations.take()

    revocations.put_back(tried, 300.0)

    assert 200 < seconds_until_due(store, FIRST) <= 300
    assert 0 <= MONTH - store.ttl(PLACE) <= 60
    let_all_be_due(store)
    assert revocations.take() == tried


def test_putting_back_a_revocation_that_is_gone_brings_nothing_back(
    revocations: RedisRevocationStore, store: redis.Redis
) -> None:
    revocations.put_back(FIRST, 1.0)

    assert dump(store) == {}


def test_a_revocation_whose_record_expired_is_dropped_and_the_next_is_taken(
    revocations: RedisRevocationStore, queue: Queue, store: redis.Redis
) -> None:
    queue(FIRST, SECOND)
    store.delete(PLACE)

    assert revocations.take() == SECOND
    assert store.zrange("revocations", 0, -1) == [str(SECOND.key)]


def test_a_revocation_that_no_key_opens_waits_an_hour_for_its_key_and_the_next_is_taken(
    revocations: RedisRevocationStore, queue: Queue, store: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    queue(FIRST)
    other_key = Cipher([Fernet.generate_key().decode()])
    queue_all(store, other_key, SECOND)

    with caplog.at_level(logging.ERROR):
        taken = RedisRevocationStore(store, other_key).take()

    assert taken == SECOND
    assert caplog.messages == [f"revocation cannot be read: {PLACE} bot_token"]
    assert 3500 < seconds_until_due(store, FIRST) <= 3600
    let_all_be_due(store)
    assert revocations.take() == FIRST


@pytest.mark.real_redis
def test_each_is_taken_by_one_of_many(real_store: redis.Redis, cipher: Cipher) -> None:
    revocations = RedisRevocationStore(real_store, cipher)
    keys = [InstallationKey("A0OWN", f"T{number}") for number in range(5)]
    queue_all(real_store, cipher, *(Revocation(str(key), key, "xoxb-1") for key in keys))

    taken = race(8, lambda _: revocations.take())

    assert sorted(each.key.tenant_id for each in taken if each) == [key.tenant_id for key in keys]
