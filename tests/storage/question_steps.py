"""What tests of questions share: some questions, and what time does to them."""

from __future__ import annotations

import redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Message, Plan, Question
from sectorflow_slack.storage.questions import QuestionStore
from tests.storage.conftest import Stores
from tests.values import make_question

KEY = make_question().installation
OTHER_KEY = InstallationKey("A0CUSTOMER", "T0ACME")
PLAN = Plan((Message("the first answer", ({"type": "divider"},)), Message("the second answer")))
FIRST, SECOND, THIRD = (make_question(number) for number in (1, 2, 3))


def accept_all(questions: QuestionStore, *accepted: Question) -> None:
    for question in accepted:
        assert questions.accept(question)


def taken(questions: QuestionStore, key: InstallationKey = KEY) -> Question:
    """Take the next question, which must be there."""
    question = questions.lease(key)
    assert question is not None
    return question


def accept_and_show(db: Stores, shown: str = "1.1") -> None:
    """Accept the first question, and show a ``ts`` or ``STATUS`` in place of its answer, or "": nothing."""
    db.questions.accept(FIRST)
    if shown:
        assert db.placeholders.claim(FIRST.id) == FIRST
        assert db.placeholders.store(FIRST.id, shown)


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
