"""One process at a time holds a lock."""

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.storage.locks import Locks
from tests.storage.conftest import dump


@pytest.fixture
def locks(store) -> Locks:
    return Locks(store)


def test_one_caller_at_a_time_holds_a_lock(locks, store):
    with locks.hold("a", 30) as first:
        with locks.hold("a", 30) as second, locks.hold("b", 30) as other:
            held = first, second, other
        with locks.hold("a", 30) as third:
            assert not third
        assert 0 < store.pttl("lock:a") <= 30_000

    assert held == (True, False, True)
    assert dump(store) == {}


def test_the_end_of_an_expired_lock_leaves_the_lock_of_another(locks, store):
    with locks.hold("a", 30):
        store.delete("lock:a")
    with locks.hold("a", 30):
        store.set("lock:a", "of another process")

    assert store.get("lock:a") == "of another process"


def test_a_lock_is_released_when_the_work_fails(locks, store):
    with pytest.raises(ZeroDivisionError), locks.hold("a", 30):
        raise ZeroDivisionError

    assert dump(store) == {}


@pytest.mark.parametrize(("first", "wait", "is_acquired"), [(0.2, 60, True), (600, 0.2, False)])
def test_a_caller_waits_for_a_lock_and_gives_up(locks, first, wait, is_acquired):
    with locks.hold("a", first), locks.hold("a", 30, wait=wait) as second:
        assert second is is_acquired


def test_no_work_begins_while_redis_is_down(unreachable):
    with pytest.raises(StorageUnavailable), Locks(unreachable).hold("a", 1):
        pytest.fail("the work began without the lock")


def test_work_succeeds_if_redis_goes_down_meanwhile(locks, monkeypatch, caplog):
    def fail(*_):
        raise redis.ConnectionError

    with locks.hold("a", 30) as held:
        monkeypatch.setattr("redis.lock.Lock.do_release", fail)

    assert held
    assert caplog.messages == ["lock not released: ConnectionError"]
