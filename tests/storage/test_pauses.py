from __future__ import annotations

import time

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.storage.pauses import RedisPauseStore
from tests.storage.conftest import expiring_and_staying
from tests.storage.question_steps import KEY, OTHER_KEY

POST = "chat.postMessage"


@pytest.fixture
def pauses(store: redis.Redis) -> RedisPauseStore:
    return RedisPauseStore(store)


def test_nobody_is_quiet_unasked(pauses: RedisPauseStore) -> None:
    assert pauses.remaining(KEY, POST) == 0


def test_a_pause_lasts_as_long_as_slack_says_in_every_process(
    pauses: RedisPauseStore, store: redis.Redis
) -> None:
    pauses.pause(KEY, POST, 30.0)

    assert 29 < RedisPauseStore(store).remaining(KEY, POST) <= 30


@pytest.mark.parametrize(("key", "method"), [(OTHER_KEY, POST), (KEY, "chat.update")])
def test_others_go_on(pauses: RedisPauseStore, key: object, method: str) -> None:
    pauses.pause(KEY, POST, 30.0)

    assert pauses.remaining(key, method) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [0.0, 0.0001, 0.05])
def test_a_pause_ends_by_itself_and_leaves_nothing(
    pauses: RedisPauseStore, store: redis.Redis, seconds: float
) -> None:
    pauses.pause(KEY, POST, seconds)
    assert expiring_and_staying(store)[1] == set()

    time.sleep(seconds + 0.05)

    assert pauses.remaining(KEY, POST) == 0
    assert list(store.scan_iter()) == []


def test_slacks_last_word_counts(pauses: RedisPauseStore) -> None:
    pauses.pause(KEY, POST, 5.0)
    pauses.pause(KEY, POST, 60.0)

    assert pauses.remaining(KEY, POST) > 5


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis) -> None:
    pauses = RedisPauseStore(nobody)

    for step in (lambda: pauses.pause(KEY, POST, 1.0), lambda: pauses.remaining(KEY, POST)):
        with pytest.raises(StorageUnavailable):
            step()
