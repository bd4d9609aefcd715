"""Each take has a holder of its own; what an earlier one still does leaves no trace."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.progress import Progress
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.storage.conftest import dump, race
from tests.storage.question_steps import FIRST, KEY, PLAN, SECOND, let_go, let_its_time_come, taken

STEPS: dict[str, Callable[[RedisQuestionStore, Question], object]] = {
    "confirm": lambda questions, question: questions.confirm(question),
    "save_plan": lambda questions, question: questions.save_plan(question, PLAN),
    "mark_posted": lambda questions, question: questions.mark_posted(question, ["1.1"]),
    "put_back": lambda questions, question: questions.put_back(question, 0, counts=True),
    "finish": lambda questions, question: questions.finish(question),
    "fail": lambda questions, question: questions.finish(question, "answer_lost", question),
}
every_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
Step = Callable[[RedisQuestionStore, Question], object]


@every_step
def test_who_holds_a_question_may_do_each_step(questions: RedisQuestionStore, step: Step) -> None:
    questions.accept(FIRST)

    step(questions, taken(questions))


@every_step
def test_who_lost_a_question_to_another_may_do_none_and_leaves_no_trace(
    questions: RedisQuestionStore, store: redis.Redis, step: Step
) -> None:
    questions.accept(FIRST)
    slow = taken(questions)
    let_go(store, slow)
    other = taken(questions)
    before = dump(store)

    with pytest.raises(LeaseLost):
        step(questions, slow)

    assert dump(store) == before
    questions.confirm(other)


@every_step
def test_who_lost_a_question_that_waits_for_another_may_do_none(
    questions: RedisQuestionStore, store: redis.Redis, step: Step
) -> None:
    questions.accept(FIRST)
    questions.accept(SECOND)
    slow, other = taken(questions), taken(questions)
    let_go(store, other, slow)
    taken(questions)
    before = dump(store)

    with pytest.raises(LeaseLost):
        step(questions, slow)

    assert dump(store) == before
    assert questions.take(KEY) == FIRST


@every_step
def test_who_put_a_question_back_may_do_none(
    questions: RedisQuestionStore, store: redis.Redis, step: Step
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    questions.put_back(question, 30, counts=False)
    before = dump(store)

    with pytest.raises(LeaseLost):
        step(questions, question)

    assert dump(store) == before


@every_step
def test_of_a_question_that_is_forgotten_nothing_comes_back(
    questions: RedisQuestionStore, store: redis.Redis, step: Step
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    questions.finish(question)
    before = dump(store)

    with pytest.raises(LeaseLost):
        step(questions, question)

    assert dump(store) == before


@every_step
def test_who_never_took_a_question_may_do_none(questions: RedisQuestionStore, step: Step) -> None:
    questions.accept(FIRST)

    with pytest.raises(LeaseLost):
        step(questions, FIRST)

    assert questions.take(KEY) == FIRST


def test_holding_again_does_nothing_for_what_another_has(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    slow = taken(questions)
    let_go(store, slow)
    let_go(store, taken(questions))

    questions.hold([slow])

    assert questions.take(KEY) == FIRST


def test_who_is_late_and_was_not_replaced_goes_on(questions: RedisQuestionStore, store: redis.Redis) -> None:
    questions.accept(FIRST)
    slow = taken(questions)
    let_go(store, slow)

    questions.confirm(slow)

    assert questions.take(KEY) is None
    assert questions.progress(slow) == Progress()


def test_one_process_that_takes_a_question_twice_holds_it_once(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    first = taken(questions)
    questions.put_back(first, 30, counts=False)
    let_its_time_come(store, FIRST)

    second = taken(questions)

    assert first == second
    assert first.holder != second.holder
    questions.finish(second)


@pytest.mark.parametrize("late_word", ["save_plan", "mark_posted", "put_back", "hold", "let go"])
def test_a_late_word_about_a_question_that_expired_leaves_nothing_behind(
    questions: RedisQuestionStore, store: redis.Redis, late_word: str
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    store.delete(f"question:{FIRST.id}")

    if late_word == "let go":
        let_go(store, question)
    elif late_word == "hold":
        questions.hold([question])
    else:
        with pytest.raises(LeaseLost):
            STEPS[late_word](questions, question)

    assert questions.take(KEY) is None
    assert store.exists(f"question:{FIRST.id}") == 0


@pytest.mark.real_redis
def test_of_many_workers_that_finish_one_question_one_does(real_store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)
    questions.accept(FIRST)
    question = taken(questions)

    def finish(_: int) -> bool:
        try:
            questions.finish(question)
        except LeaseLost:
            return False
        return True

    assert race(8, finish).count(True) == 1
    assert real_store.hget("metrics", "answered") == "1"
