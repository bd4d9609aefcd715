"""One process at a time does what a lock is for."""

from __future__ import annotations

import time
from threading import Lock

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.storage.locks import RedisLocks
from tests.storage.conftest import dump, race


@pytest.fixture
def locks(store: redis.Redis) -> RedisLocks:
    return RedisLocks(store)


def test_only_one_holds_a_lock_at_a_time(locks: RedisLocks, store: redis.Redis) -> None:
    with locks.hold("a", 30) as first, locks.hold("a", 30) as second, locks.hold("b", 30) as other:
        held = first, second, other

    assert held == (True, False, True)
    assert dump(store) == {}


def test_who_did_not_get_it_does_not_release_it(locks: RedisLocks) -> None:
    with locks.hold("a", 30):
        with locks.hold("a", 30):
            pass
        with locks.hold("a", 30) as still:
            assert not still


def test_a_lock_ends_by_itself(locks: RedisLocks, store: redis.Redis) -> None:
    with locks.hold("a", 30):
        assert 0 < store.pttl("lock:a") <= 30_000


def test_releasing_a_lock_that_lapsed_harms_nobody(locks: RedisLocks, store: redis.Redis) -> None:
    with locks.hold("a", 30):
        store.delete("lock:a")

    with locks.hold("a", 30):
        store.set("lock:a", "somebody-elses")

    assert store.get("lock:a") == "somebody-elses"


def test_a_lock_is_released_when_the_work_fails(locks: RedisLocks) -> None:
    with pytest.raises(ZeroDivisionError), locks.hold("a", 30):
        raise ZeroDivisionError

    with locks.hold("a", 30) as again:
        assert again


def test_who_waits_gets_it_when_it_is_free(locks: RedisLocks) -> None:
    with locks.hold("a", 0.2), locks.hold("a", 30, wait=5) as second:
        assert second


def test_who_waits_gives_up_in_time(locks: RedisLocks) -> None:
    with locks.hold("a", 30):
        started = time.monotonic()
        with locks.hold("a", 30, wait=0.3) as second:
            waited = time.monotonic() - started

    assert not second
    assert waited < 2


@pytest.mark.real_redis
def test_of_many_one_works_at_a_time(real_store: redis.Redis) -> None:
    locks, inside = RedisLocks(real_store), Lock()

    def work(_: int) -> bool:
        with locks.hold("a", 30, wait=20) as held:
            alone = inside.acquire(blocking=False)
            time.sleep(0.01)
            if alone:
                inside.release()
            return held and alone

    assert race(6, work) == [True] * 6


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis) -> None:
    with pytest.raises(StorageUnavailable), RedisLocks(nobody).hold("a", 1):
        pytest.fail("nobody holds it")


def test_a_store_that_goes_away_meanwhile_spoils_nothing(
    locks: RedisLocks, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise redis.ConnectionError

    with locks.hold("a", 30) as held:
        monkeypatch.setattr("redis.lock.Lock.do_release", away)

    assert held
