"""One process at a time holds a lock."""

from __future__ import annotations

import threading

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.storage.locks import Locks
from tests.storage.conftest import Stores, dump, race


@pytest.fixture
def locks(store: redis.Redis) -> Locks:
    return Locks(store)


def test_only_one_holds_a_lock_at_a_time(locks: Locks, store: redis.Redis) -> None:
    with locks.hold("a", 30) as first:
        with locks.hold("a", 30) as second, locks.hold("b", 30) as other:
            held = first, second, other
        with locks.hold("a", 30) as third:
            assert not third
        assert 0 < store.pttl("lock:a") <= 30_000

    assert held == (True, False, True)
    assert dump(store) == {}


def test_releasing_a_lock_that_lapsed_leaves_the_lock_of_another(locks: Locks, store: redis.Redis) -> None:
    with locks.hold("a", 30):
        store.delete("lock:a")
    with locks.hold("a", 30):
        store.set("lock:a", "of another process")

    assert store.get("lock:a") == "of another process"


def test_a_lock_is_released_when_the_work_fails(locks: Locks, store: redis.Redis) -> None:
    with pytest.raises(ZeroDivisionError), locks.hold("a", 30):
        raise ZeroDivisionError

    assert dump(store) == {}


def test_a_caller_that_waits_gets_the_lock_when_it_is_free(locks: Locks) -> None:
    with locks.hold("a", 0.2), locks.hold("a", 30, wait=60) as second:
        assert second


def test_a_caller_that_waits_gives_up(locks: Locks) -> None:
    with locks.hold("a", 600), locks.hold("a", 30, wait=0.2) as second:
        assert not second


@pytest.mark.real_redis
def test_of_many_one_works_at_a_time(real_db: Stores) -> None:
    locks, inside = Locks(real_db.redis), threading.Lock()

    def work(_: int) -> bool:
        with locks.hold("a", 60, wait=60) as held:
            alone = inside.acquire(blocking=False)
            real_db.redis.ping()
            if alone:
                inside.release()
            return held and alone

    assert race(6, work) == [True] * 6


def test_a_lock_of_a_server_that_is_away_is_not_held(unreachable: redis.Redis) -> None:
    with pytest.raises(StorageUnavailable), Locks(unreachable).hold("a", 1):
        pytest.fail("the work began without the lock")


def test_a_server_that_goes_away_during_the_work_does_not_fail_it(
    locks: Locks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise redis.ConnectionError

    with locks.hold("a", 30) as held:
        monkeypatch.setattr("redis.lock.Lock.do_release", fail)

    assert held
    assert caplog.messages == ["lock not released: ConnectionError"]
