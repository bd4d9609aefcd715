"""How long Slack wants to be left alone."""

from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.storage.pauses import RedisPauseStore
from tests.storage.conftest import GONE
from tests.storage.question_steps import KEY, OTHER_KEY

POST = "chat.postMessage"


@pytest.fixture
def pauses(store: redis.Redis) -> RedisPauseStore:
    return RedisPauseStore(store)


def test_a_pause_holds_in_every_process_and_the_last_one_counts(
    pauses: RedisPauseStore, store: redis.Redis
) -> None:
    pauses.pause(KEY, POST, 5.0)

    pauses.pause(KEY, POST, 600.0)

    assert 300 < RedisPauseStore(store).remaining(KEY, POST) <= 600


@pytest.mark.parametrize(("key", "method"), [(OTHER_KEY, POST), (KEY, "chat.update")])
def test_other_installations_and_methods_go_on(
    pauses: RedisPauseStore, key: InstallationKey, method: str
) -> None:
    pauses.pause(KEY, POST, 600.0)

    assert pauses.remaining(key, method) == 0


@pytest.mark.parametrize(("seconds", "milliseconds"), [(0.0, 1), (0.0001, 1), (600.0001, 600_001)])
def test_a_pause_of_any_length_ends_by_itself(
    pauses: RedisPauseStore, store: redis.Redis, seconds: float, milliseconds: int
) -> None:
    pauses.pause(KEY, POST, seconds)

    left = store.pttl(f"pause:{KEY}:{POST}")
    assert left == GONE or 0 <= left <= milliseconds
