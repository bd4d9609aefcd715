"""Constants of the tests of questions, and what happens to a worker: its death, and the time that passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Reply
from sectorflow_slack.formatting.notices import asking
from tests.fakes import make_reply
from tests.values import MODEL_IDS, OWN_APP, TEAM_ID

KEY = InstallationKey(OWN_APP.app_id, TEAM_ID)
#: A question's id as in production; buttons carry nothing else.
FAILED_ID = "0123456789abcdef" * 2
#: The ``ts`` of the first message that the fake posts.
FIRST_TS = "1700000001.000001"
#: The placeholder of an answer by models without names.
ASKING = asking(()).text
#: Three models' answers in several messages.
LONG_REPLY = make_reply(MODEL_IDS, "thread-1", text="A long answer. " * 1000)


class WorkerKilled(BaseException):
    """Ends a try as a SIGKILL does: no code of the service handles it."""


def die(*_: object, **__: object) -> Any:
    """Replace a step at which the worker is killed."""
    raise WorkerKilled


def delays(caplog: pytest.LogCaptureFixture) -> list[float]:
    """Return after how many seconds each question that was released is tried again."""
    released = [record for record in caplog.records if record.msg == "question released"]
    return [vars(record)["delay"] for record in released]


def let_time_pass(store: redis.Redis, line: str = "later") -> None:
    """Make released questions due, or (``underway``) end leases that are not extended."""
    for key in store.scan_iter(f"{line}:*"):
        store.zadd(str(key), dict.fromkeys(map(str, store.zrange(str(key), 0, -1)), 0))
        store.zadd("due", {str(key).partition(":")[2]: 0})


def some_failed(*failed: str) -> Reply:
    """Return a reply in which these models failed and the others answered."""
    whole = make_reply(MODEL_IDS, "thread-1")
    answers = (
        replace(each, text="", failed=True, failure="error") if each.model_id in failed else each
        for each in whole.answers
    )
    return replace(whole, answers=tuple(answers))
