"""Each lease has a holder of its own; what an earlier one still does leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.progress import Progress
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.storage.conftest import dump, race
from tests.storage.question_steps import FIRST, KEY, PLAN, SECOND, accept_all, let_go, taken
from tests.values import make_question

STEPS: dict[str, Callable[[RedisQuestionStore, Question], object]] = {
    "confirm": lambda questions, question: questions.confirm(question),
    "save_plan": lambda questions, question: questions.save_plan(question, PLAN),
    "mark_posted": lambda questions, question: questions.mark_posted(question, ["1.1"]),
    "put_back": lambda questions, question: questions.put_back(question, 0, counts=True),
    "finish": lambda questions, question: questions.finish(question),
    "fail": lambda questions, question: questions.finish(question, "answer_lost", question),
}


def lose_to_another(questions: RedisQuestionStore, store: redis.Redis) -> Question:
    slow = taken(questions)
    let_go(store, slow)
    taken(questions)
    return slow


def lose_to_the_line(questions: RedisQuestionStore, store: redis.Redis) -> Question:
    """The question was let go, and waits behind another that was let go before it."""
    questions.accept(SECOND)
    slow, other = taken(questions), taken(questions)
    let_go(store, other, slow)
    assert questions.take(KEY) == SECOND
    return slow


def put_back(questions: RedisQuestionStore, _store: redis.Redis) -> Question:
    question = taken(questions)
    questions.put_back(question, 600, counts=False)
    return question


def finish(questions: RedisQuestionStore, _store: redis.Redis) -> Question:
    question = taken(questions)
    questions.finish(question)
    return question


def expire(questions: RedisQuestionStore, store: redis.Redis) -> Question:
    question = taken(questions)
    store.delete(f"question:{question.id}")
    return question


WAYS_TO_LOSE: dict[str, Callable[[RedisQuestionStore, redis.Redis], Question]] = {
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
    questions: RedisQuestionStore,
    store: redis.Redis,
    lose: Callable[[RedisQuestionStore, redis.Redis], Question],
    step: Callable[[RedisQuestionStore, Question], object],
) -> None:
    questions.accept(FIRST)
    lost = lose(questions, store)
    before = dump(store)

    with pytest.raises(LeaseLost):
        step(questions, lost)

    assert dump(store) == before


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_holder_may_do_each_step_also_late_if_no_other_has_the_question(
    questions: RedisQuestionStore,
    store: redis.Redis,
    step: Callable[[RedisQuestionStore, Question], object],
) -> None:
    questions.accept(FIRST)
    slow = taken(questions)
    let_go(store, slow)

    questions.confirm(slow)

    assert questions.take(KEY) is None
    assert questions.progress(slow) == Progress()
    step(questions, slow)


def test_extending_a_lease_does_nothing_for_a_question_that_another_has(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    slow = taken(questions)
    let_go(store, slow)
    other = taken(questions)
    let_go(store, other)

    questions.hold([slow])

    assert (slow == other, slow.holder == other.holder) == (True, False)
    assert questions.take(KEY) == FIRST


@pytest.mark.parametrize("limit", [0, 1])
def test_a_question_that_a_dead_worker_let_go_after_its_record_expired_leaves_nothing(
    store: redis.Redis, cipher: Cipher, limit: int
) -> None:
    questions = RedisQuestionStore(store, cipher, limit=limit)
    store.zadd(f"underway:{KEY}", {FIRST.id: 0})

    assert questions.take(KEY) is None
    assert store.exists(f"question:{FIRST.id}") == 0


# At once


@pytest.mark.real_redis
def test_workers_take_each_question_once_and_never_more_than_the_limit(
    real_store: redis.Redis, cipher: Cipher
) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=3)
    asked = [make_question(number) for number in range(40)]
    accept_all(questions, *asked)

    first = [question for question in race(8, lambda _: questions.take(KEY)) if question]
    assert len(first) == 3
    let_go(real_store, *first)

    def work(_: int) -> list[str]:
        found = []
        while question := questions.take(KEY):
            found.append(question.id)
            questions.finish(question)
        return found

    # With fewer workers than the limit none of them stops before the line is empty.
    found = [each for ids in race(3, work) for each in ids]
    assert sorted(found) == sorted(question.id for question in asked)


@pytest.mark.real_redis
def test_of_the_same_event_many_times_at_once_one_is_accepted_and_wakes_one_worker(
    real_store: redis.Redis, cipher: Cipher
) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)

    accepted = race(8, lambda number: questions.accept(replace(FIRST, id=f"try-{number}")))
    woken = race(8, lambda _: questions.due())

    assert accepted.count(True) == 1
    assert real_store.llen(f"waiting:{KEY}") == 1
    assert sorted(woken) == [()] * 7 + [(KEY,)]


@pytest.mark.real_redis
def test_of_many_that_finish_one_question_one_does(real_store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)
    questions.accept(FIRST)
    question = taken(questions)

    def finish_once(_: int) -> bool:
        try:
            questions.finish(question)
        except LeaseLost:
            return False
        return True

    assert race(8, finish_once).count(True) == 1
    assert real_store.hget("metrics", "answered") == "1"


@pytest.mark.real_redis
def test_a_server_that_forgot_the_scripts_gets_them_again(real_store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)
    questions.accept(FIRST)
    question = taken(questions)

    real_store.script_flush()
    questions.hold([question])
    real_store.script_flush()

    assert not questions.finish(question)
