"""How long Slack wants to be left alone."""

from __future__ import annotations

import pytest

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.storage.pauses import PauseStore
from tests.storage.conftest import GONE, Stores
from tests.storage.question_steps import KEY, OTHER_KEY

POST = "chat.postMessage"


def test_a_pause_holds_in_every_process_and_the_last_one_counts(db: Stores) -> None:
    db.pauses.pause(KEY, POST, 5.0)

    db.pauses.pause(KEY, POST, 600.0)

    assert 300 < PauseStore(db.redis).remaining(KEY, POST) <= 600


@pytest.mark.parametrize(("key", "method"), [(OTHER_KEY, POST), (KEY, "chat.update")])
def test_other_installations_and_methods_go_on(db: Stores, key: InstallationKey, method: str) -> None:
    db.pauses.pause(KEY, POST, 600.0)

    assert db.pauses.remaining(key, method) == 0


@pytest.mark.parametrize(("seconds", "milliseconds"), [(0.0, 1), (0.0001, 1), (600.0001, 600_001)])
def test_a_pause_of_any_length_ends_by_itself(db: Stores, seconds: float, milliseconds: int) -> None:
    db.pauses.pause(KEY, POST, seconds)

    left = db.redis.pttl(f"pause:{KEY}:{POST}")
    assert left == GONE or 0 <= left <= milliseconds
