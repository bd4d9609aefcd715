"""Each lease has a holder of its own; what an earlier one still does leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.questions import Progress, Question
from sectorflow_slack.storage.questions import QuestionStore
from tests.storage.conftest import Stores, dump, race
from tests.storage.question_steps import FIRST, KEY, PLAN, SECOND, accept_all, let_go, taken
from tests.values import make_question

STEPS: dict[str, Callable[[QuestionStore, Question], object]] = {
    "assert_held": lambda questions, question: questions.assert_held(question),
    "save_plan": lambda questions, question: questions.save_plan(question, PLAN),
    "mark_posted": lambda questions, question: questions.mark_posted(question, ["1.1"]),
    "release": lambda questions, question: questions.release(question, 0, counts=True),
    "complete": lambda questions, question: questions.complete(question),
    "fail": lambda questions, question: questions.complete(question, "answer_lost", question),
}


def lose_to_another(questions: QuestionStore, store: redis.Redis) -> Question:
    slow = taken(questions)
    let_go(store, slow)
    taken(questions)
    return slow


def lose_to_the_line(questions: QuestionStore, store: redis.Redis) -> Question:
    """The question was let go, and waits behind another that was let go before it."""
    questions.accept(SECOND)
    slow, other = taken(questions), taken(questions)
    let_go(store, other, slow)
    assert questions.lease(KEY) == SECOND
    return slow


def put_back(questions: QuestionStore, _store: redis.Redis) -> Question:
    question = taken(questions)
    questions.release(question, 600, counts=False)
    return question


def finish(questions: QuestionStore, _store: redis.Redis) -> Question:
    question = taken(questions)
    questions.complete(question)
    return question


def expire(questions: QuestionStore, store: redis.Redis) -> Question:
    question = taken(questions)
    store.delete(f"question:{question.id}")
    return question


WAYS_TO_LOSE: dict[str, Callable[[QuestionStore, redis.Redis], Question]] = {
    "another has it": lose_to_another,
    "it waits for another": lose_to_the_line,
    "put back": put_back,
    "finished": finish,
    "expired": expire,
    "never taken": lambda _questions, _store: FIRST,
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("lose", WAYS_TO_LOSE.values(), ids=WAYS_TO_LOSE)
def test_a_worker_that_does_not_hold_a_question_may_do_no_step_and_leaves_no_trace(
    db: Stores,
    lose: Callable[[QuestionStore, redis.Redis], Question],
    step: Callable[[QuestionStore, Question], object],
) -> None:
    db.questions.accept(FIRST)
    lost = lose(db.questions, db.redis)
    before = dump(db.redis)

    with pytest.raises(LeaseLost):
        step(db.questions, lost)

    assert dump(db.redis) == before


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_holder_may_do_each_step_also_late_if_no_other_has_the_question(
    db: Stores, step: Callable[[QuestionStore, Question], object]
) -> None:
    db.questions.accept(FIRST)
    slow = taken(db.questions)
    let_go(db.redis, slow)

    db.questions.assert_held(slow)

    assert db.questions.lease(KEY) is None
    assert db.questions.progress(slow) == Progress()
    step(db.questions, slow)


def test_extending_a_lease_does_nothing_for_a_question_that_another_has(db: Stores) -> None:
    db.questions.accept(FIRST)
    slow = taken(db.questions)
    let_go(db.redis, slow)
    other = taken(db.questions)
    let_go(db.redis, other)

    db.questions.extend([slow])

    assert (slow == other, slow.holder == other.holder) == (True, False)
    assert db.questions.lease(KEY) == FIRST


@pytest.mark.parametrize("limit", [0, 1])
def test_a_question_that_a_dead_worker_let_go_after_its_record_expired_leaves_nothing(
    db: Stores, limit: int
) -> None:
    questions = QuestionStore(db.redis, db.cipher, limit=limit)
    db.redis.zadd(f"underway:{KEY}", {FIRST.id: 0})

    assert questions.lease(KEY) is None
    assert db.redis.exists(f"question:{FIRST.id}") == 0


# At once


@pytest.mark.real_redis
def test_workers_take_each_question_once_and_never_more_than_the_limit(real_db: Stores) -> None:
    questions = QuestionStore(real_db.redis, real_db.cipher, limit=3)
    asked = [make_question(number) for number in range(40)]
    accept_all(questions, *asked)

    first = [question for question in race(8, lambda _: questions.lease(KEY)) if question]
    assert len(first) == 3
    let_go(real_db.redis, *first)

    def work(_: int) -> list[str]:
        found = []
        while question := questions.lease(KEY):
            found.append(question.id)
            questions.complete(question)
        return found

    # With fewer workers than the limit none of them stops before the line is empty.
    found = [each for ids in race(3, work) for each in ids]
    assert sorted(found) == sorted(question.id for question in asked)


@pytest.mark.real_redis
def test_of_the_same_event_many_times_at_once_one_is_accepted_and_wakes_one_worker(real_db: Stores) -> None:

    accepted = race(8, lambda number: real_db.questions.accept(replace(FIRST, id=f"try-{number}")))
    woken = race(8, lambda _: real_db.questions.due())

    assert accepted.count(True) == 1
    assert real_db.redis.llen(f"waiting:{KEY}") == 1
    assert sorted(woken) == [()] * 7 + [(KEY,)]


@pytest.mark.real_redis
def test_of_many_that_finish_one_question_one_does(real_db: Stores) -> None:
    real_db.questions.accept(FIRST)
    question = taken(real_db.questions)

    def finish_once(_: int) -> bool:
        try:
            real_db.questions.complete(question)
        except LeaseLost:
            return False
        return True

    assert race(8, finish_once).count(True) == 1
    assert real_db.redis.hget("metrics", "answered") == "1"


@pytest.mark.real_redis
def test_a_server_that_forgot_the_scripts_gets_them_again(real_db: Stores) -> None:
    real_db.questions.accept(FIRST)
    question = taken(real_db.questions)

    real_db.redis.script_flush()
    real_db.questions.extend([question])
    real_db.redis.script_flush()

    assert not real_db.questions.complete(question)
