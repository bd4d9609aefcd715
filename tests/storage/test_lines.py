from __future__ import annotations

import time

import pytest
import redis

from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.lines import TOLD_AT_ONCE, RedisLineStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.values import make_question

PATIENCE = 0.05
KEY = make_question().installation


@pytest.fixture
def questions(store: redis.Redis, cipher: Cipher) -> RedisQuestionStore:
    return RedisQuestionStore(store, cipher, limit=1)


@pytest.fixture
def lines(store: redis.Redis, cipher: Cipher) -> RedisLineStore:
    return RedisLineStore(store, cipher, patience=PATIENCE)


def test_who_has_waited_for_long_is_found_once(questions: RedisQuestionStore, lines: RedisLineStore) -> None:
    questions.accept(make_question(1))
    time.sleep(PATIENCE * 2)
    questions.accept(make_question(2))

    found = [lines.slow(), lines.slow(), lines.untold(KEY), lines.untold(KEY)]

    assert found == [(KEY,), (), (make_question(1),), ()]


def test_who_has_just_come_is_told_nothing(questions: RedisQuestionStore, lines: RedisLineStore) -> None:
    questions.accept(make_question(1))

    assert (lines.slow(), lines.untold(KEY)) == ((), ())


def test_a_question_that_is_being_answered_waits_no_more(
    questions: RedisQuestionStore, lines: RedisLineStore
) -> None:
    questions.accept(make_question(1))
    questions.take(KEY)
    time.sleep(PATIENCE * 2)

    assert (lines.slow(), lines.untold(KEY)) == ((), ())


def test_a_few_are_told_at_a_time_and_in_their_order(
    questions: RedisQuestionStore, lines: RedisLineStore
) -> None:
    everybody = [make_question(number) for number in range(1, TOLD_AT_ONCE + 3)]
    for question in everybody:
        questions.accept(question)
    time.sleep(PATIENCE * 2)

    told = [*lines.untold(KEY), *lines.untold(KEY)]

    assert told == everybody


def test_a_question_that_no_key_opens_is_named_and_passed_over(
    questions: RedisQuestionStore,
    lines: RedisLineStore,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    questions.accept(make_question(1))
    questions.accept(make_question(2))
    store.hset("question:question-1", "question", "sealed for another place")
    store.hdel("question:question-2", "question")
    time.sleep(PATIENCE * 2)

    assert lines.untold(KEY) == ()
    assert "question:question-1 question" in caplog.text
