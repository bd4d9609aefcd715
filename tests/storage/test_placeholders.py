"""What stands in for an answer: one posts it, the answer takes it over, and users are notified once."""

from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.question_stores import STATUS, Waiting
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.interim import POSTING_SECONDS, TOLD_AT_ONCE, RedisInterimStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.storage.conftest import dump, race, redis_now
from tests.storage.question_steps import (
    FIRST,
    KEY,
    OTHER_KEY,
    PLAN,
    SECOND,
    accept_all,
    accept_and_show,
    let_go,
    taken,
    wait_long,
)
from tests.values import make_question

PLACE = f"question:{FIRST.id}"


def let_the_poster_die(store: redis.Redis) -> None:
    """Do what time does to a claim whose process is dead."""
    store.hset(PLACE, "interim_at", "0")


# Posted


def test_one_claims_it_and_gets_the_question(
    questions: RedisQuestionStore, placeholders: RedisInterimStore
) -> None:
    questions.accept(FIRST)

    assert [placeholders.claim(FIRST.id), placeholders.claim(FIRST.id)] == [FIRST, None]


def test_a_question_that_is_gone_is_claimed_by_none_and_leaves_nothing(
    placeholders: RedisInterimStore, store: redis.Redis
) -> None:
    assert placeholders.claim(FIRST.id) is None
    assert not placeholders.keep(FIRST.id, "1.1")
    placeholders.drop(FIRST.id)

    assert dump(store) == {}


def test_a_claim_that_came_to_nothing_may_be_made_again(
    questions: RedisQuestionStore, placeholders: RedisInterimStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    placeholders.claim(FIRST.id)

    placeholders.drop(FIRST.id)
    after_a_drop = placeholders.claim(FIRST.id)
    let_the_poster_die(store)

    assert after_a_drop == placeholders.claim(FIRST.id) == FIRST


def test_dropping_takes_nothing_away_that_stands_there(
    questions: RedisQuestionStore, placeholders: RedisInterimStore
) -> None:
    accept_and_show(questions, placeholders)

    placeholders.drop(FIRST.id)

    assert placeholders.take_over(taken(questions)) == "1.1"


@pytest.mark.parametrize("meanwhile", ["nothing", "taken over", "posted"])
def test_a_message_that_is_recorded_twice_stays(
    questions: RedisQuestionStore, placeholders: RedisInterimStore, meanwhile: str
) -> None:
    accept_and_show(questions, placeholders)
    question = taken(questions)
    if meanwhile != "nothing":
        placeholders.take_over(question)
    if meanwhile == "posted":
        questions.mark_posted(question, ["1.1"])

    assert placeholders.keep(FIRST.id, "1.1")
    assert not placeholders.keep(FIRST.id, "1.2")


def test_a_question_that_no_key_opens_is_logged_and_gets_none(
    questions: RedisQuestionStore,
    placeholders: RedisInterimStore,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    questions.accept(FIRST)
    store.hset(PLACE, "question", "sealed for another place")

    assert placeholders.claim(FIRST.id) is None
    assert caplog.messages == [f"question cannot be read: {PLACE} question"]


# Changed


def test_a_change_of_a_message_that_stands_there_is_claimed_too(
    questions: RedisQuestionStore, placeholders: RedisInterimStore
) -> None:
    accept_and_show(questions, placeholders)

    assert placeholders.claim(FIRST.id, "1.2") is None
    assert placeholders.claim(FIRST.id, "1.1") == FIRST
    assert placeholders.claim(FIRST.id, "1.1") is None
    assert placeholders.take_over(taken(questions)) is None


@pytest.mark.parametrize("ending", ["kept", "dropped", "died"])
def test_a_message_that_was_being_changed_stands_there_all_the_same(
    questions: RedisQuestionStore, placeholders: RedisInterimStore, store: redis.Redis, ending: str
) -> None:
    accept_and_show(questions, placeholders)
    placeholders.claim(FIRST.id, "1.1")

    if ending == "kept":
        assert placeholders.keep(FIRST.id, "1.1")
    elif ending == "dropped":
        placeholders.drop(FIRST.id, "1.1")
    else:
        let_the_poster_die(store)

    question = taken(questions)
    assert [placeholders.take_over(question), placeholders.take_over(question)] == ["1.1", "1.1"]


# Taken over


@pytest.mark.parametrize("shown", ["", "1.1", STATUS])
def test_the_answer_takes_it_over_as_often_as_it_is_tried_and_then_none_changes_it(
    questions: RedisQuestionStore, placeholders: RedisInterimStore, store: redis.Redis, shown: str
) -> None:
    accept_and_show(questions, placeholders, shown)
    question = taken(questions)

    assert [placeholders.take_over(question), placeholders.take_over(question)] == [shown, shown]

    before = dump(store)
    assert placeholders.claim(FIRST.id, shown) is None
    assert not placeholders.keep(FIRST.id, "1.2")
    placeholders.drop(FIRST.id, shown)
    assert dump(store) == before


def test_after_the_first_message_of_the_answer_nothing_stands_in_any_more(
    questions: RedisQuestionStore, placeholders: RedisInterimStore
) -> None:
    accept_and_show(questions, placeholders)
    question = taken(questions)

    questions.mark_posted(question, ["1.1"])

    assert placeholders.take_over(question) == ""
    assert placeholders.claim(FIRST.id) is None


def test_the_answer_waits_for_a_poster_only_as_long_as_a_living_one_needs(
    questions: RedisQuestionStore, placeholders: RedisInterimStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    placeholders.claim(FIRST.id)
    question = taken(questions)

    # Claimed a minute from now, so that the test may take its time.
    store.hset(PLACE, "interim_at", redis_now(store) + 60 - POSTING_SECONDS)
    assert placeholders.take_over(question) is None
    store.hset(PLACE, "interim_at", redis_now(store) - POSTING_SECONDS)

    assert placeholders.take_over(question) == ""
    assert not placeholders.keep(FIRST.id, "1.1")


def test_a_message_that_comes_after_the_answer_is_to_be_deleted(
    questions: RedisQuestionStore, placeholders: RedisInterimStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    placeholders.claim(FIRST.id)
    questions.finish(taken(questions))

    assert not placeholders.keep(FIRST.id, "1.1")
    assert store.exists(PLACE) == 0


@pytest.mark.parametrize("shown", ["", "1.1"])
def test_only_the_holder_of_a_question_takes_over(
    questions: RedisQuestionStore, placeholders: RedisInterimStore, store: redis.Redis, shown: str
) -> None:
    accept_and_show(questions, placeholders, shown)
    slow = taken(questions)
    let_go(store, slow)
    other = taken(questions)

    with pytest.raises(LeaseLost):
        placeholders.take_over(slow)

    assert placeholders.take_over(other) == shown


def test_a_placeholder_outlives_another_plan_and_another_try(
    questions: RedisQuestionStore, placeholders: RedisInterimStore
) -> None:
    accept_and_show(questions, placeholders)
    question = taken(questions)
    questions.save_plan(question, PLAN)
    questions.put_back(question, 0, counts=True)

    assert placeholders.take_over(taken(questions)) == "1.1"


# At once


@pytest.mark.real_redis
def test_of_many_that_claim_one_does(real_store: redis.Redis, cipher: Cipher) -> None:
    RedisQuestionStore(real_store, cipher, limit=16).accept(FIRST)
    placeholders = RedisInterimStore(real_store, cipher)

    claimed = race(8, lambda _: placeholders.claim(FIRST.id))

    assert (claimed.count(FIRST), claimed.count(None)) == (1, 7)


@pytest.mark.real_redis
@pytest.mark.parametrize("attempt", range(5))
def test_a_message_that_is_recorded_is_taken_over_and_any_other_is_to_be_deleted(
    real_store: redis.Redis, cipher: Cipher, attempt: int
) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)
    placeholders = RedisInterimStore(real_store, cipher)
    questions.accept(FIRST)
    question = taken(questions)
    placeholders.claim(FIRST.id)
    let_the_poster_die(real_store)
    steps = [lambda: placeholders.keep(FIRST.id, "1.1"), lambda: placeholders.take_over(question)]

    kept, placeholder = race(2, lambda number: steps[number]())

    assert (kept, placeholder) in [(True, "1.1"), (False, "")]


# Users who wait for long


def test_a_question_that_takes_long_is_found_once_and_a_young_one_not(
    questions: RedisQuestionStore, placeholders: RedisInterimStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    young = placeholders.slow(), placeholders.untold(KEY)
    wait_long(store)
    questions.accept(SECOND)

    found = [placeholders.slow(), placeholders.slow(), placeholders.untold(KEY), placeholders.untold(KEY)]

    assert young == ((), ())
    assert found == [(KEY,), (), (Waiting(FIRST, in_line=True, interim=""),), ()]
    assert placeholders.untold(OTHER_KEY) == ()


@pytest.mark.parametrize("line", ["underway", "later"])
@pytest.mark.parametrize(("state", "message"), [("shown", "1.1"), ("posting", ""), ("taken", "")])
def test_a_question_that_waits_for_models_is_found_with_the_message_that_stands_there(
    questions: RedisQuestionStore,
    placeholders: RedisInterimStore,
    store: redis.Redis,
    line: str,
    state: str,
    message: str,
) -> None:
    accept_and_show(questions, placeholders, "1.1" if state == "shown" else "")
    question = taken(questions)
    if state == "posting":
        placeholders.claim(FIRST.id)
    if state == "taken":
        placeholders.take_over(question)
    if line == "later":
        questions.put_back(question, 30, counts=True)
    wait_long(store)

    assert placeholders.slow() == (KEY,)
    assert placeholders.untold(KEY) == (Waiting(FIRST, in_line=False, interim=message),)
    assert placeholders.untold(KEY) == ()


def test_a_user_who_sees_a_part_of_the_answer_is_not_notified(
    questions: RedisQuestionStore, placeholders: RedisInterimStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    questions.save_plan(question, PLAN)
    wait_long(store)
    assert placeholders.untold(KEY)
    placeholders.leave_untold([question])

    questions.mark_posted(question, ["1.1"])

    assert (placeholders.slow(), placeholders.untold(KEY)) == ((), ())


def test_a_few_are_notified_at_a_time_in_their_order_and_again_if_that_failed(
    questions: RedisQuestionStore, placeholders: RedisInterimStore, store: redis.Redis
) -> None:
    asked = [make_question(number) for number in range(1, TOLD_AT_ONCE + 3)]
    accept_all(questions, *asked)
    wait_long(store)

    first = placeholders.untold(KEY)
    assert placeholders.slow() == (KEY,)
    second = placeholders.untold(KEY)
    placeholders.leave_untold(asked[:1])

    assert len(first) == TOLD_AT_ONCE
    assert [waiting.question for waiting in (*first, *second)] == asked
    assert [waiting.question for waiting in placeholders.untold(KEY)] == asked[:1]


def test_a_slow_question_that_no_key_opens_is_logged_and_passed_over(
    questions: RedisQuestionStore,
    placeholders: RedisInterimStore,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    accept_all(questions, FIRST, SECOND)
    store.hset(PLACE, "question", "sealed for another place")
    store.hdel(f"question:{SECOND.id}", "question")
    wait_long(store)

    assert placeholders.untold(KEY) == ()
    assert caplog.messages == [f"question cannot be read: {PLACE} question"]
