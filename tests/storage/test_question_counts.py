"""Every event received is repeated, ignored, answered, failed or open, at every moment."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.metrics import IGNORED, RECEIVED, Snapshot
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.storage.questions import QuestionStore
from tests.storage.conftest import Stores
from tests.storage.question_steps import KEY, OTHER_KEY
from tests.values import make_question

STEPS = 200


class Walk:
    """Moves questions in every way that there is, in any order."""

    def __init__(self, db: Stores, seed: int) -> None:
        self.random = random.Random(seed)
        self.store, self.failed, self.metrics = db.redis, db.failed, db.metrics
        self.questions = QuestionStore(db.redis, db.cipher, limit=3)
        #: The questions that workers, also those taken for dead, believe to hold.
        self.believed: list[Question] = []
        self.accepted = 0

    def step(self) -> None:
        often: list[Callable[[], object]] = [self.accept, self.take, self.finish]
        seldom: list[Callable[[], object]] = [self.ignore, self.put_back, self.crash, self.come_due]
        steps = [*often, *often, *seldom, self.expire, self.revive]
        self.random.choice(steps)()

    def accept(self) -> None:
        number = self.random.randint(0, 60)
        key = self.random.choice([KEY, OTHER_KEY])
        self.accepted += 1
        self.questions.accept(make_question(number, id=f"{key}-{self.accepted}", installation=key))

    def ignore(self) -> None:
        self.metrics.count(RECEIVED)
        self.metrics.count(IGNORED)

    def take(self) -> None:
        question = self.questions.lease(self.random.choice([KEY, OTHER_KEY]))
        self.believed += [question] if question else []

    def _any(self, work: Callable[[Question], object]) -> None:
        if not self.believed:
            return
        with suppress(LeaseLost):
            work(self.random.choice(self.believed))

    def put_back(self) -> None:
        self._any(lambda question: self.questions.release(question, 30, counts=True))

    def finish(self) -> None:
        failure = self.random.choice(["", "", "answer_lost", "slack_is_archived"])
        letter = self.random.random() < 0.5
        self._any(lambda each: self.questions.complete(each, failure, each if letter else None))

    def crash(self) -> None:
        self._let_time_pass("underway")

    def come_due(self) -> None:
        self._let_time_pass("later")

    def _let_time_pass(self, line: str) -> None:
        for key in self.store.scan_iter(f"{line}:*"):
            self.store.zadd(str(key), dict.fromkeys(map(str, self.store.zrange(str(key), 0, -1)), 0))

    def expire(self) -> None:
        if self.random.random() < 0.3 and (places := sorted(self.store.scan_iter("question:*"))):
            self.store.delete(self.random.choice(places))

    def revive(self) -> None:
        for failed in self.failed.list()[:1]:
            assert self.failed.revive(failed.question)


def unaccounted(snapshot: Snapshot) -> int:
    counted = {"repeated", "ignored", "answered", "failed"}
    ends = sum(number for (name, _), number in snapshot.counters.items() if name in counted)
    return snapshot.counters.get(("received", ""), 0) - ends - snapshot.open


@pytest.mark.real_redis
@pytest.mark.parametrize("seed", range(3))
def test_every_event_is_accounted_for_at_every_moment(real_db: Stores, seed: int) -> None:
    walk = Walk(real_db, seed)

    for number in range(STEPS):
        walk.step()
        assert unaccounted(walk.metrics.read()) == 0, f"after step {number}"

    counters = walk.metrics.read().counters
    met = {name for name, _ in counters}
    assert met >= {"received", "repeated", "ignored", "answered", "failed", "let_go"}
    assert ("failed", "expired") in counters
