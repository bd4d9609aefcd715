"""Who waits for long is found, a few at a time, and each once."""

from __future__ import annotations

import time

import pytest
import redis

from sectorflow_slack.domain.question_stores import Waiting
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.interim import TOLD_AT_ONCE, RedisInterimStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.storage.question_steps import FIRST, KEY, OTHER_KEY, PLAN, SECOND, taken
from tests.values import make_question

PATIENCE = 0.05


@pytest.fixture
def questions(store: redis.Redis, cipher: Cipher) -> RedisQuestionStore:
    return RedisQuestionStore(store, cipher, limit=1)


@pytest.fixture
def interim(store: redis.Redis, cipher: Cipher) -> RedisInterimStore:
    return RedisInterimStore(store, cipher, patience=PATIENCE)


def wait_long(store: redis.Redis) -> None:
    """Do what time does to all questions that are open."""
    for place in store.scan_iter("question:*"):
        store.hset(str(place), "accepted_at", "0")


def test_who_has_waited_for_long_is_found_once(
    questions: RedisQuestionStore, interim: RedisInterimStore
) -> None:
    questions.accept(FIRST)
    time.sleep(PATIENCE * 2)
    questions.accept(SECOND)

    found = [interim.slow(), interim.slow(), interim.untold(KEY), interim.untold(KEY)]

    assert found == [(KEY,), (), (Waiting(FIRST, in_line=True, interim=""),), ()]


def test_who_has_just_come_is_told_nothing(questions: RedisQuestionStore, interim: RedisInterimStore) -> None:
    questions.accept(FIRST)

    assert (interim.slow(), interim.untold(KEY)) == ((), ())


@pytest.mark.parametrize("line", ["underway", "later"])
def test_who_waits_for_models_is_told_too_and_what_stands_in_is_named(
    questions: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis, line: str
) -> None:
    questions.accept(FIRST)
    interim.claim(FIRST.id)
    interim.keep(FIRST.id, "1.1")
    question = taken(questions)
    if line == "later":
        questions.put_back(question, 30, counts=True)
    wait_long(store)

    assert interim.slow() == (KEY,)
    assert interim.untold(KEY) == (Waiting(FIRST, in_line=False, interim="1.1"),)
    assert interim.untold(KEY) == ()


@pytest.mark.parametrize("state", ["posting", "none"])
def test_what_is_no_message_does_not_count_as_one(
    questions: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis, state: str
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    if state == "posting":
        interim.claim(FIRST.id)
    else:
        interim.take_over(question)
    wait_long(store)

    assert interim.untold(KEY) == (Waiting(FIRST, in_line=False, interim=""),)


def test_who_sees_a_part_of_the_answer_is_told_nothing(
    questions: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    questions.save_plan(question, PLAN)
    wait_long(store)
    assert interim.untold(KEY)
    interim.leave_untold([question])

    questions.mark_posted(question, ["1.1"])

    assert (interim.slow(), interim.untold(KEY)) == ((), ())


def test_who_could_not_be_told_is_found_again(
    questions: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    wait_long(store)
    interim.untold(KEY)

    interim.leave_untold([FIRST])

    assert interim.untold(KEY) == (Waiting(FIRST, in_line=True, interim=""),)


def test_a_few_are_told_at_a_time_and_in_their_order(
    questions: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    everybody = [make_question(number) for number in range(1, TOLD_AT_ONCE + 3)]
    for question in everybody:
        questions.accept(question)
    wait_long(store)

    first, second = interim.untold(KEY), interim.untold(KEY)

    assert len(first) == TOLD_AT_ONCE
    assert [waiting.question for waiting in (*first, *second)] == everybody


def test_those_behind_who_was_told_are_found_too(
    questions: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    for number in range(1, TOLD_AT_ONCE + 2):
        questions.accept(make_question(number))
    wait_long(store)
    interim.untold(KEY)

    assert interim.slow() == (KEY,)


def test_one_installation_tells_nobody_of_another(
    questions: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    wait_long(store)

    assert interim.untold(OTHER_KEY) == ()
    assert interim.slow() == (KEY,)


def test_a_question_that_no_key_opens_is_named_and_passed_over(
    questions: RedisQuestionStore,
    interim: RedisInterimStore,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    questions.accept(FIRST)
    questions.accept(SECOND)
    store.hset(f"question:{FIRST.id}", "question", "sealed for another place")
    store.hdel(f"question:{SECOND.id}", "question")
    wait_long(store)

    assert interim.untold(KEY) == ()
    assert f"question:{FIRST.id} question" in caplog.text
