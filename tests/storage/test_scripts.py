"""Each lease has its own holder, the steps of an earlier one change nothing, and every event is counted."""

import random
from contextlib import suppress

import pytest

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.metrics import IGNORED, RECEIVED, Snapshot
from sectorflow_slack.domain.questions import Progress, Question
from sectorflow_slack.storage.questions import QuestionStore
from tests.storage.builders import FIRST, KEY, OTHER_KEY, PLAN, SECOND, expire_leases, hold, leased
from tests.storage.conftest import Stores, dump
from tests.values import make_question

STEPS = {
    "assert_held": lambda questions, question: questions.assert_held(question),
    "save_plan": lambda questions, question: questions.save_plan(question, PLAN),
    "mark_posted": lambda questions, question: questions.mark_posted(question, ["1.1"]),
    "release": lambda questions, question: questions.release(question, 0, counts=True),
    "complete": lambda questions, question: questions.complete(question),
    "fail": lambda questions, question: questions.complete(question, "answer_lost", question),
}


def lose(db: Stores, way: str) -> Question:
    """Return a lease of the first question that ended in one of the ways."""
    if way == "never leased":
        return FIRST
    if way == "waits again":
        # Its lease expired, and it waits behind another one whose lease expired before.
        db.questions.accept(SECOND)
        slow, other = leased(db.questions), leased(db.questions)
        expire_leases(db.redis, other, slow)
        assert db.questions.lease(KEY) == SECOND
        return slow
    question = leased(db.questions)
    if way == "leased to another":
        expire_leases(db.redis, question)
        leased(db.questions)
    elif way == "released":
        db.questions.release(question, 600, counts=False)
    elif way == "completed":
        db.questions.complete(question)
    elif way == "expired":
        db.redis.delete(f"question:{question.id}")
    return question


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize(
    "way", ["leased to another", "waits again", "released", "completed", "expired", "never leased"]
)
def test_a_worker_that_does_not_hold_a_question_can_take_no_step(db, way, step):
    db.questions.accept(FIRST)
    lost = lose(db, way)
    before = dump(db.redis)

    with pytest.raises(LeaseLost):
        step(db.questions, lost)

    assert dump(db.redis) == before


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_holder_can_take_each_step_also_late_if_no_other_has_the_question(db, step):
    slow = hold(db)
    expire_leases(db.redis, slow)

    db.questions.assert_held(slow)

    assert db.questions.lease(KEY) is None
    assert db.questions.progress(slow) == Progress()
    step(db.questions, slow)


def test_an_earlier_holder_does_not_extend_the_lease_of_another(db):
    slow = hold(db)
    expire_leases(db.redis, slow)
    other = leased(db.questions)
    expire_leases(db.redis, other)

    db.questions.extend([slow])

    assert (slow == other, slow.holder == other.holder) == (True, False)
    assert db.questions.lease(KEY) == FIRST


@pytest.mark.parametrize("limit", [0, 1])
def test_an_expired_lease_of_a_question_that_is_gone_creates_nothing(db, limit):
    questions = QuestionStore(db.redis, db.cipher, limit=limit)
    db.redis.zadd(f"underway:{KEY}", {FIRST.id: 0})

    assert questions.lease(KEY) is None
    assert db.redis.exists(f"question:{FIRST.id}") == 0


@pytest.mark.real_redis
def test_a_server_that_forgot_the_scripts_gets_them_again(real_db):
    real_db.questions.accept(FIRST)
    question = leased(real_db.questions)

    real_db.redis.script_flush()
    real_db.questions.extend([question])
    real_db.redis.script_flush()

    assert not real_db.questions.complete(question)


class Walk:
    """Takes every step on questions, in any order."""

    def __init__(self, db: Stores, seed: int) -> None:
        self.random = random.Random(seed)
        self.store, self.failed, self.metrics = db.redis, db.failed, db.metrics
        self.questions = QuestionStore(db.redis, db.cipher, limit=3)
        #: The leases that workers, also dead ones, believe to hold.
        self.leases: list[Question] = []
        self.accepted = 0

    def step(self) -> None:
        often = [self.accept, self.lease, self.complete]
        seldom = [self.ignore, self.release, self.expire_leases, self.make_due, self.expire, self.revive]
        self.random.choice([*often, *often, *seldom])()

    def accept(self) -> None:
        number = self.random.randint(0, 60)
        key = self.random.choice([KEY, OTHER_KEY])
        self.accepted += 1
        self.questions.accept(make_question(number, id=f"{key}-{self.accepted}", installation=key))

    def ignore(self) -> None:
        self.metrics.count(RECEIVED)
        self.metrics.count(IGNORED)

    def lease(self) -> None:
        question = self.questions.lease(self.random.choice([KEY, OTHER_KEY]))
        self.leases += [question] if question else []

    def release(self) -> None:
        with suppress(LeaseLost, IndexError):
            self.questions.release(self.random.choice(self.leases), 30, counts=True)

    def complete(self) -> None:
        failure = self.random.choice(["", "", "answer_lost", "slack_is_archived"])
        with suppress(LeaseLost, IndexError):
            question = self.random.choice(self.leases)
            self.questions.complete(question, failure, self.random.choice([question, None]))

    def expire_leases(self, line: str = "underway") -> None:
        for key in map(str, self.store.scan_iter(f"{line}:*")):
            self.store.zadd(key, dict.fromkeys(map(str, self.store.zrange(key, 0, -1)), 0))

    def make_due(self) -> None:
        self.expire_leases("later")

    def expire(self) -> None:
        if self.random.random() < 0.3 and (keys := sorted(self.store.scan_iter("question:*"))):
            self.store.delete(self.random.choice(keys))

    def revive(self) -> None:
        for failed in self.failed.list()[:1]:
            assert self.failed.revive(failed.question)


def uncounted(snapshot: Snapshot) -> int:
    ends = {"repeated", "ignored", "answered", "failed"}
    ended = sum(number for (name, _), number in snapshot.counters.items() if name in ends)
    return snapshot.counters.get(("received", ""), 0) - ended - snapshot.open


@pytest.mark.real_redis
@pytest.mark.parametrize("seed", range(3))
def test_every_event_is_counted_at_every_moment(real_db, seed):
    walk = Walk(real_db, seed)

    for number in range(200):
        walk.step()
        assert uncounted(walk.metrics.read()) == 0, f"after step {number}"

    counters = walk.metrics.read().counters
    seen = {name for name, _ in counters}
    assert seen >= {"received", "repeated", "ignored", "answered", "failed", "let_go"}
    assert ("failed", "expired") in counters
