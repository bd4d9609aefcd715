"""Pauses that Slack asked for."""

import pytest

from sectorflow_slack.storage.pauses import PauseStore
from tests.storage.builders import KEY, OTHER_KEY

POST = "chat.postMessage"


def test_the_last_pause_applies_in_every_process_to_one_installation_and_method(db):
    db.pauses.pause(KEY, POST, 5.0)

    db.pauses.pause(KEY, POST, 600.0)

    assert 300 < PauseStore(db.redis).remaining(KEY, POST) <= 600
    assert db.pauses.remaining(OTHER_KEY, POST) == db.pauses.remaining(KEY, "chat.update") == 0


@pytest.mark.parametrize(("seconds", "milliseconds"), [(0.0, 1), (0.0001, 1), (600.0001, 600_001)])
def test_a_pause_of_any_length_expires(db, seconds, milliseconds):
    db.pauses.pause(KEY, POST, seconds)

    # -2: it has expired already.
    left = db.redis.pttl(f"pause:{KEY}:{POST}")
    assert left == -2 or 0 <= left <= milliseconds
