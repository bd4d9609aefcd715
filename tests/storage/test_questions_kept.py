from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.storage.conftest import dump, expiring_and_staying, race
from tests.storage.question_steps import (
    FIRST,
    KEY,
    PLAN,
    SECOND,
    taken,
)
from tests.values import make_question

DAY = 24 * 3600


# What the store shows, and for how long


def test_a_dump_shows_no_question_and_no_answer(questions: RedisQuestionStore, store: redis.Redis) -> None:
    for question in (FIRST, SECOND):
        questions.accept(question)
    questions.save_plan(taken(questions), PLAN)
    questions.due()

    text = str(dump(store))

    assert FIRST.text not in text
    assert "the first answer" not in text
    assert "U0ANN" not in text
    assert FIRST.id in text


def test_a_question_that_no_key_opens_is_named_and_stands_in_nobodys_way(
    questions: RedisQuestionStore, store: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    questions.accept(FIRST)
    questions.accept(SECOND)
    store.copy(f"question:{SECOND.id}", f"question:{FIRST.id}", replace=True)

    found = [questions.take(KEY), questions.take(KEY)]

    assert found == [SECOND, None]
    assert f"question:{FIRST.id} question" in caplog.text
    assert store.zrange(f"later:{KEY}", 0, -1) == [FIRST.id]


def test_a_plan_that_no_key_opens_counts_as_none(
    questions: RedisQuestionStore, store: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    store.hset(f"question:{FIRST.id}", "plan", "sealed for another place")

    progress = questions.progress(question)

    assert progress.plan is None
    assert f"question:{FIRST.id} plan" in caplog.text


def test_repeats_are_known_for_two_days_and_a_question_kept_for_a_week(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    questions.save_plan(question, PLAN)
    questions.mark_posted(question, 1)
    questions.put_back(question, 0, counts=True)

    assert 0 <= 2 * DAY - store.ttl(f"event:{KEY}:{FIRST.event_id}") <= 5
    assert 0 <= 2 * DAY - store.ttl(f"asked:{KEY}:{FIRST.channel_id}:{FIRST.ts}") <= 5
    assert 0 <= 7 * DAY - store.ttl(f"question:{FIRST.id}") <= 5


def test_when_all_is_answered_only_what_expires_is_left(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    for number in range(10):
        questions.accept(make_question(number))
    while question := questions.take(KEY):
        questions.save_plan(question, PLAN)
        questions.mark_posted(question, 1)
        questions.finish(question)

    expiring, staying = expiring_and_staying(store)

    assert staying == {"metrics"}
    assert {key.partition(":")[0] for key in expiring} == {"event", "asked"}


def test_what_stays_does_not_grow_with_questions(questions: RedisQuestionStore, store: redis.Redis) -> None:
    for number in range(10):
        questions.accept(make_question(number))
    for _ in range(4):
        taken(questions)
    questions.put_back(taken(questions), 30, counts=True)
    questions.due()

    _, staying = expiring_and_staying(store)

    assert staying == {
        "installations-with-questions",
        f"waiting:{KEY}",
        f"later:{KEY}",
        f"underway:{KEY}",
        "metrics",
    }


# Races


@pytest.mark.real_redis
def test_eight_workers_take_fifty_questions_each_exactly_once(
    real_store: redis.Redis, cipher: Cipher
) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=1000)
    for number in range(50):
        questions.accept(make_question(number))

    def work(_: int) -> list[str]:
        found = []
        while question := questions.take(KEY):
            found.append(question.id)
            questions.finish(question)
        return found

    ids = [each for found in race(8, work) for each in found]

    assert sorted(ids) == sorted(make_question(number).id for number in range(50))


@pytest.mark.real_redis
def test_eight_workers_never_hold_more_than_the_limit(real_store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=3)
    for number in range(20):
        questions.accept(make_question(number))

    outcomes = race(8, lambda _: questions.take(KEY))

    assert len([question for question in outcomes if question]) == 3


@pytest.mark.real_redis
def test_of_the_same_event_many_times_at_once_one_is_accepted(
    real_store: redis.Redis, cipher: Cipher
) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)

    outcomes = race(8, lambda number: questions.accept(replace(FIRST, id=f"try-{number}")))

    assert outcomes.count(True) == 1
    assert real_store.llen(f"waiting:{KEY}") == 1


@pytest.mark.real_redis
def test_of_many_caretakers_at_once_one_wakes_a_worker(real_store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)
    questions.accept(FIRST)

    outcomes = race(8, lambda _: questions.due())

    assert sorted(outcomes) == [()] * 7 + [(KEY,)]


@pytest.mark.real_redis
def test_a_server_that_forgot_the_scripts_is_told_them_again(real_store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)
    questions.accept(FIRST)
    question = taken(questions)

    real_store.script_flush()

    questions.hold([question])
    real_store.script_flush()
    assert not questions.finish(question)


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(nobody, cipher, limit=16)
    steps: list[Callable[[], object]] = [
        lambda: questions.accept(FIRST),
        lambda: questions.take(KEY),
        lambda: questions.hold([FIRST]),
        lambda: questions.progress(FIRST),
        lambda: questions.confirm(FIRST),
        lambda: questions.save_plan(FIRST, PLAN),
        lambda: questions.mark_posted(FIRST, 1),
        lambda: questions.put_back(FIRST, 1, counts=False),
        lambda: questions.finish(FIRST),
        lambda: questions.due(),
    ]

    for step in steps:
        with pytest.raises(StorageUnavailable):
            step()
