"""Tokens of deleted installations wait until Slack has revoked them."""

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.installations import InstallationKey, Revocation
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.revocations import RevocationStore, queue_revocation
from tests.storage.builders import DAY
from tests.storage.conftest import dump, lost_cipher, redis_now
from tests.values import BOT_TOKEN, NOW

FIRST = Revocation("id-1", InstallationKey("A0OWN", "T1"), BOT_TOKEN, "xoxe-1-refresh", NOW + 43_200)
SECOND = Revocation("id-2", InstallationKey("A0OWN", "T2"), "xoxb-second")
KEY = f"revocation:{FIRST.key}"


def queue_all(store: redis.Redis, cipher: Cipher, *revocations: Revocation) -> None:
    with store.pipeline() as pipe:
        for revocation in revocations:
            queue_revocation(pipe, cipher, revocation)
        pipe.execute()


@pytest.fixture
def queue(db):
    return lambda *revocations: queue_all(db.redis, db.cipher, *revocations)


def make_all_due(store: redis.Redis) -> None:
    store.zadd("revocations", {str(each): 1 for each in store.zrange("revocations", 0, -1)})


def seconds_until_due(store: redis.Redis, revocation: Revocation) -> float:
    return store.zscore("revocations", str(revocation.key)) - redis_now(store)


def test_a_revocation_is_leased_once_a_minute_until_it_is_complete(db, queue):
    queue(FIRST, SECOND)

    assert {db.revocations.lease(), db.revocations.lease()} == {FIRST, SECOND}
    assert db.revocations.lease() is None
    assert 0 < seconds_until_due(db.redis, FIRST) <= 60

    make_all_due(db.redis)
    assert {db.revocations.lease(), db.revocations.lease()} == {FIRST, SECOND}
    db.revocations.complete(FIRST)
    db.revocations.complete(SECOND)
    assert dump(db.redis) == {}


def test_a_late_step_leaves_the_revocation_of_a_later_installation(db, queue):
    later = replace(FIRST, installation_id="id-9")
    queue(FIRST)
    db.revocations.lease()
    queue(later)

    db.revocations.release(FIRST, 300.0)
    db.revocations.complete(FIRST)

    assert db.revocations.lease() == later


def test_a_released_revocation_is_due_later_with_its_new_tokens_for_30_days(db, queue):
    tried = replace(FIRST, bot_token="xoxb-renewed", refresh_token="xoxe-1-next", tries=1)
    queue(FIRST)
    db.revocations.lease()

    db.revocations.release(tried, 300.0)

    assert 200 < seconds_until_due(db.redis, FIRST) <= 300
    assert 0 <= 30 * DAY - db.redis.ttl(KEY) <= 60
    make_all_due(db.redis)
    assert db.revocations.lease() == tried


def test_a_revocation_whose_record_expired_is_dropped_and_the_next_one_leased(db, queue):
    queue(FIRST, SECOND)
    db.redis.delete(KEY)

    assert db.revocations.lease() == SECOND
    assert db.redis.zrange("revocations", 0, -1) == [str(SECOND.key)]


def test_a_revocation_that_does_not_decrypt_waits_an_hour_and_the_next_one_is_leased(db, queue, caplog):
    queue(FIRST)
    other = lost_cipher()
    queue_all(db.redis, other, SECOND)

    assert RevocationStore(db.redis, other).lease() == SECOND

    assert caplog.messages == [f"revocation cannot be read: {KEY} bot_token"]
    assert 3500 < seconds_until_due(db.redis, FIRST) <= 3600
    make_all_due(db.redis)
    assert db.revocations.lease() == FIRST
