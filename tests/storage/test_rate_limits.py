"""The rate limit of the install API."""

import pytest

from sectorflow_slack.storage.rate_limits import RateLimit


def test_all_processes_together_allow_each_caller_the_rate(store):
    one, other = (RateLimit(store, "3 per minute") for _ in range(2))

    waits = [limit.hit("caller") for limit in (one, other, one, other, one)]

    assert waits[:3] == [None, None, None]
    assert all(wait is not None and 0 < wait <= 60 for wait in waits[3:])
    assert other.hit("another caller") is None


def test_a_refused_call_is_not_counted(store, monkeypatch):
    now = [1_800_000_000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    limit = RateLimit(store, "1 per minute")
    limit.hit("caller")

    now[0] += 30
    refused = limit.hit("caller")
    now[0] += 30.1

    assert refused == pytest.approx(30)
    assert limit.hit("caller") is None


def test_a_count_expires_with_the_window_and_is_no_longer_than_the_rate(store):
    limit = RateLimit(store, "2 per minute")

    for _ in range(10):
        limit.hit("caller")

    (key,) = store.keys("*")
    assert key.startswith("install_rate:")
    assert 0 < store.ttl(key) <= 60
    assert store.llen(key) == 2
