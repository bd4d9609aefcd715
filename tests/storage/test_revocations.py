"""Tokens of deleted installations wait until Slack has taken them back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey, Revocation
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.revocations import RedisRevocationStore, queue_revocation
from tests.storage.conftest import dump, race
from tests.values import BOT_TOKEN, NOW

FIRST = Revocation("id-1", InstallationKey("A0OWN", "T1"), BOT_TOKEN, "xoxe-1-refresh", NOW + 43_200)
SECOND = Revocation("id-2", InstallationKey("A0OWN", "T2"), "xoxb-second")
PLACE = f"revocation:{FIRST.key}"

Keep = Callable[[Revocation], None]


@pytest.fixture
def revocations(store: redis.Redis, cipher: Cipher) -> RedisRevocationStore:
    return RedisRevocationStore(store, cipher)


@pytest.fixture
def keep(store: redis.Redis, cipher: Cipher) -> Keep:
    def queue(revocation: Revocation) -> None:
        with store.pipeline() as pipe:
            queue_revocation(pipe, cipher, revocation)
            pipe.execute()

    return queue


def let_all_be_due(store: redis.Redis) -> None:
    """Do what time does."""
    store.zadd("revocations", {str(each): 1 for each in store.zrange("revocations", 0, -1)})


def seconds_until_due(store: redis.Redis, revocation: Revocation) -> float:
    due = store.zscore("revocations", str(revocation.key))
    seconds, microseconds = store.time()
    assert due is not None
    return float(due) - seconds - microseconds / 1e6


def test_what_is_taken_is_nobody_elses_for_a_minute(
    revocations: RedisRevocationStore, keep: Keep, store: redis.Redis
) -> None:
    keep(FIRST)
    keep(SECOND)

    assert {revocations.take(), revocations.take()} == {FIRST, SECOND}
    assert revocations.take() is None
    assert 55 < seconds_until_due(store, FIRST) <= 60

    let_all_be_due(store)
    assert revocations.take() is not None


def test_what_is_done_is_forgotten(revocations: RedisRevocationStore, keep: Keep, store: redis.Redis) -> None:
    keep(FIRST)
    revocations.take()

    revocations.done(FIRST)

    assert dump(store) == {}


def test_a_revocation_that_ends_late_leaves_that_of_a_later_installation(
    revocations: RedisRevocationStore, keep: Keep
) -> None:
    later = replace(FIRST, installation_id="id-9")
    keep(FIRST)
    revocations.take()
    keep(later)

    revocations.put_back(FIRST, 300.0)
    revocations.done(FIRST)

    assert revocations.take() == later


def test_what_is_put_back_comes_again_later_with_the_tokens_it_has_then(
    revocations: RedisRevocationStore, keep: Keep, store: redis.Redis
) -> None:
    keep(FIRST)
    revocations.take()

    tried = replace(FIRST, bot_token="xoxb-renewed", refresh_token="xoxe-1-next", tries=1)
    revocations.put_back(tried, 300.0)
    delay = seconds_until_due(store, FIRST)
    let_all_be_due(store)

    assert 295 < delay <= 300
    assert revocations.take() == tried


def test_putting_back_what_is_gone_brings_nothing_back(
    revocations: RedisRevocationStore, store: redis.Redis
) -> None:
    revocations.put_back(FIRST, 1.0)

    assert dump(store) == {}


def test_a_token_is_kept_for_thirty_days_whatever_is_tried(
    revocations: RedisRevocationStore, keep: Keep, store: redis.Redis
) -> None:
    keep(FIRST)
    revocations.take()
    revocations.put_back(FIRST, 1.0)

    assert 0 <= 30 * 24 * 3600 - store.ttl(PLACE) <= 5


def test_one_whose_record_expired_is_dropped_and_the_next_is_taken(
    revocations: RedisRevocationStore, keep: Keep, store: redis.Redis
) -> None:
    keep(FIRST)
    keep(SECOND)
    store.delete(PLACE)

    assert revocations.take() == SECOND
    assert store.zrange("revocations", 0, -1) == [str(SECOND.key)]


def test_one_that_no_key_opens_is_told_by_place_and_the_next_is_taken(
    keep: Keep, store: redis.Redis, cipher: Cipher, caplog: pytest.LogCaptureFixture
) -> None:
    keep(FIRST)
    other = Cipher([Fernet.generate_key().decode()])
    with store.pipeline() as pipe:
        queue_revocation(pipe, other, SECOND)
        pipe.execute()

    with caplog.at_level(logging.ERROR):
        taken = RedisRevocationStore(store, other).take()

    assert taken == SECOND
    assert [record.getMessage() for record in caplog.records] == [
        f"revocation cannot be read: {PLACE} bot_token"
    ]
    assert 3500 < seconds_until_due(store, FIRST) <= 3600
    assert RedisRevocationStore(store, cipher).take() is None
    let_all_be_due(store)
    assert RedisRevocationStore(store, cipher).take() == FIRST


def test_a_dump_shows_no_token(revocations: RedisRevocationStore, keep: Keep, store: redis.Redis) -> None:
    keep(FIRST)
    revocations.take()

    assert "xoxb" not in str(dump(store))
    assert "xoxe" not in str(dump(store))


@pytest.mark.real_redis
def test_each_is_taken_by_one_of_many(real_store: redis.Redis, cipher: Cipher) -> None:
    revocations = RedisRevocationStore(real_store, cipher)
    with real_store.pipeline() as pipe:
        for number in range(5):
            queue_revocation(
                pipe, cipher, Revocation(f"id-{number}", InstallationKey("A0OWN", f"T{number}"), "xoxb-1")
            )
        pipe.execute()

    taken = race(8, lambda _: revocations.take())

    assert sorted(each.key.tenant_id for each in taken if each) == [f"T{number}" for number in range(5)]


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher) -> None:
    revocations = RedisRevocationStore(nobody, cipher)

    with pytest.raises(StorageUnavailable):
        revocations.take()
    with pytest.raises(StorageUnavailable):
        revocations.done(FIRST)
    with pytest.raises(StorageUnavailable):
        revocations.put_back(FIRST, 1.0)
