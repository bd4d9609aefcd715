"""Who waits for long is found, a few at a time, and each once."""

from __future__ import annotations

import time

import pytest
import redis

from sectorflow_slack.domain.question_stores import Waiting
from sectorflow_slack.storage.interim import TOLD_AT_ONCE, RedisInterimStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.storage.question_steps import (
    FIRST,
    KEY,
    OTHER_KEY,
    PATIENCE,
    PLAN,
    SECOND,
    accept_and_show,
    taken,
    wait_long,
)
from tests.values import make_question


def test_who_has_waited_for_long_is_found_once(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore
) -> None:
    one_at_once.accept(FIRST)
    time.sleep(PATIENCE * 2)
    one_at_once.accept(SECOND)

    found = [interim.slow(), interim.slow(), interim.untold(KEY), interim.untold(KEY)]

    assert found == [(KEY,), (), (Waiting(FIRST, in_line=True, interim=""),), ()]


def test_who_has_just_come_is_told_nothing(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore
) -> None:
    one_at_once.accept(FIRST)

    assert (interim.slow(), interim.untold(KEY)) == ((), ())


@pytest.mark.parametrize("line", ["underway", "later"])
def test_who_waits_for_models_is_told_too_and_what_stands_in_is_named(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis, line: str
) -> None:
    accept_and_show(one_at_once, interim)
    question = taken(one_at_once)
    if line == "later":
        one_at_once.put_back(question, 30, counts=True)
    wait_long(store)

    assert interim.slow() == (KEY,)
    assert interim.untold(KEY) == (Waiting(FIRST, in_line=False, interim="1.1"),)
    assert interim.untold(KEY) == ()


@pytest.mark.parametrize("state", ["posting", "none"])
def test_what_is_no_message_does_not_count_as_one(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis, state: str
) -> None:
    one_at_once.accept(FIRST)
    question = taken(one_at_once)
    if state == "posting":
        interim.claim(FIRST.id)
    else:
        interim.take_over(question)
    wait_long(store)

    assert interim.untold(KEY) == (Waiting(FIRST, in_line=False, interim=""),)


def test_who_sees_a_part_of_the_answer_is_told_nothing(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    one_at_once.accept(FIRST)
    question = taken(one_at_once)
    one_at_once.save_plan(question, PLAN)
    wait_long(store)
    assert interim.untold(KEY)
    interim.leave_untold([question])

    one_at_once.mark_posted(question, ["1.1"])

    assert (interim.slow(), interim.untold(KEY)) == ((), ())


def test_who_could_not_be_told_is_found_again(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    one_at_once.accept(FIRST)
    wait_long(store)
    interim.untold(KEY)

    interim.leave_untold([FIRST])

    assert interim.untold(KEY) == (Waiting(FIRST, in_line=True, interim=""),)


def test_a_few_are_told_at_a_time_and_in_their_order(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    everybody = [make_question(number) for number in range(1, TOLD_AT_ONCE + 3)]
    for question in everybody:
        one_at_once.accept(question)
    wait_long(store)

    first, second = interim.untold(KEY), interim.untold(KEY)

    assert len(first) == TOLD_AT_ONCE
    assert [waiting.question for waiting in (*first, *second)] == everybody


def test_those_behind_who_was_told_are_found_too(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    for number in range(1, TOLD_AT_ONCE + 2):
        one_at_once.accept(make_question(number))
    wait_long(store)
    interim.untold(KEY)

    assert interim.slow() == (KEY,)


def test_one_installation_tells_nobody_of_another(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    one_at_once.accept(FIRST)
    wait_long(store)

    assert interim.untold(OTHER_KEY) == ()
    assert interim.slow() == (KEY,)


def test_a_question_that_no_key_opens_is_named_and_passed_over(
    one_at_once: RedisQuestionStore,
    interim: RedisInterimStore,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one_at_once.accept(FIRST)
    one_at_once.accept(SECOND)
    store.hset(f"question:{FIRST.id}", "question", "sealed for another place")
    store.hdel(f"question:{SECOND.id}", "question")
    wait_long(store)

    assert interim.untold(KEY) == ()
    assert f"question:{FIRST.id} question" in caplog.text
