from __future__ import annotations

from dataclasses import replace

import redis

from sectorflow_slack.storage.questions import NUDGE_SECONDS, RedisQuestionStore
from tests.storage.question_steps import (
    FIRST,
    KEY,
    OTHER_KEY,
    SECOND,
    THIRD,
    let_go,
    let_its_time_come,
    taken,
)


def forget_nudges(store: redis.Redis) -> None:
    """Do what time does to the notes that a worker was woken."""
    for key in store.scan_iter("nudged:*"):
        store.delete(key)


def test_an_installation_with_a_waiting_question_is_due(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)
    questions.accept(SECOND)
    questions.accept(replace(THIRD, installation=OTHER_KEY))

    assert set(questions.due()) == {KEY, OTHER_KEY}


def test_an_installation_is_due_once_in_a_while(questions: RedisQuestionStore, store: redis.Redis) -> None:
    questions.accept(FIRST)

    assert questions.due() == (KEY,)
    assert questions.due() == ()
    assert 0 < store.ttl(f"nudged:{KEY}") <= NUDGE_SECONDS
    forget_nudges(store)
    assert questions.due() == (KEY,)


def test_an_installation_whose_questions_are_all_held_is_not_due(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)
    taken(questions)

    assert questions.due() == ()


def test_an_installation_is_due_when_a_dead_worker_let_go(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)

    let_go(store, taken(questions))

    assert questions.due() == (KEY,)


def test_an_installation_is_due_when_a_question_put_back_is(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    questions.put_back(taken(questions), 30, counts=False)
    assert questions.due() == ()

    let_its_time_come(store, FIRST)

    assert questions.due() == (KEY,)


def test_an_installation_without_room_is_not_due(two_at_once: RedisQuestionStore, store: redis.Redis) -> None:
    for question in (FIRST, SECOND, THIRD):
        two_at_once.accept(question)
    first, _ = taken(two_at_once), taken(two_at_once)
    assert two_at_once.due() == ()

    let_go(store, first)

    assert two_at_once.due() == (KEY,)


def test_an_installation_with_nothing_left_is_looked_at_no_more(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    questions.finish(taken(questions))

    assert questions.due() == ()
    assert store.exists("installations-with-questions") == 0


def test_an_installation_that_is_looked_at_no_more_is_again_with_its_next_question(
    questions: RedisQuestionStore,
) -> None:
    questions.accept(FIRST)
    questions.finish(taken(questions))
    questions.take(KEY)

    questions.accept(SECOND)

    assert questions.due() == (KEY,)
