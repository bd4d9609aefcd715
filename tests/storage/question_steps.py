"""What tests of questions share: some of them, and what time does to them."""

from __future__ import annotations

import redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.messages import Message
from sectorflow_slack.domain.progress import Plan
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.storage.interim import RedisInterimStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.values import make_question

KEY = make_question().installation
OTHER_KEY = InstallationKey("A0CUSTOMER", "T0ACME")
PLAN = Plan((Message("the first answer", ({"type": "divider"},)), Message("the second answer")))
FIRST, SECOND, THIRD = (make_question(number) for number in (1, 2, 3))
#: Whoever waits longer than so many seconds is, for the fixture ``interim``, somebody to be told.
PATIENCE = 0.05


def taken(questions: RedisQuestionStore, key: InstallationKey = KEY) -> Question:
    """Take the next question, which must be there."""
    question = questions.take(key)
    assert question is not None
    return question


def accept_and_show(questions: RedisQuestionStore, interim: RedisInterimStore, shown: str = "1.1") -> None:
    """Have the first question asked, and a ``ts`` or ``STATUS`` stand in for its answer, or "": nothing."""
    questions.accept(FIRST)
    if shown:
        assert interim.claim(FIRST.id) == FIRST
        assert interim.keep(FIRST.id, shown)


def wait_long(store: redis.Redis) -> None:
    """Do what time does to all questions that are open."""
    for place in store.scan_iter("question:*"):
        store.hset(str(place), "accepted_at", "0")


def let_go(store: redis.Redis, *held: Question) -> None:
    """Do what time does to questions whose worker is dead: the first in the order of their leases."""
    for number, question in enumerate(held):
        store.zadd(f"underway:{question.installation}", {question.id: number})


def let_its_time_come(store: redis.Redis, question: Question) -> None:
    """Do what time does to a question that was put back."""
    store.zadd(f"later:{question.installation}", {question.id: 0})


def seconds_until(store: redis.Redis, line: str, question: Question) -> float:
    score = store.zscore(f"{line}:{question.installation}", question.id)
    assert score is not None
    seconds, microseconds = store.time()
    return float(score) - seconds - microseconds / 1e6
