"""What stands in for an answer: one posts it, the answer takes it over, and users are notified once."""

from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.questions import STATUS, Waiting
from sectorflow_slack.storage.placeholders import NOTIFIED_AT_ONCE, POSTING_SECONDS
from sectorflow_slack.storage.questions import QuestionStore
from tests.storage.conftest import Stores, dump, race, redis_now
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


def test_a_question_that_is_gone_is_claimed_by_none_and_leaves_nothing(db: Stores) -> None:
    assert db.placeholders.claim(FIRST.id) is None
    assert not db.placeholders.store(FIRST.id, "1.1")
    db.placeholders.release(FIRST.id)

    assert dump(db.redis) == {}


def test_a_claim_that_came_to_nothing_may_be_made_again(db: Stores) -> None:
    db.questions.accept(FIRST)
    db.placeholders.claim(FIRST.id)

    db.placeholders.release(FIRST.id)
    after_a_drop = db.placeholders.claim(FIRST.id)
    let_the_poster_die(db.redis)

    assert after_a_drop == db.placeholders.claim(FIRST.id) == FIRST


def test_dropping_takes_nothing_away_that_stands_there(db: Stores) -> None:
    accept_and_show(db)

    db.placeholders.release(FIRST.id)

    assert db.placeholders.take_over(taken(db.questions)) == "1.1"


@pytest.mark.parametrize("meanwhile", ["nothing", "taken over", "posted"])
def test_a_message_that_is_recorded_twice_stays(db: Stores, meanwhile: str) -> None:
    accept_and_show(db)
    question = taken(db.questions)
    if meanwhile != "nothing":
        db.placeholders.take_over(question)
    if meanwhile == "posted":
        db.questions.mark_posted(question, ["1.1"])

    assert db.placeholders.store(FIRST.id, "1.1")
    assert not db.placeholders.store(FIRST.id, "1.2")


def test_a_question_that_no_key_opens_is_logged_and_gets_none(
    db: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    db.questions.accept(FIRST)
    db.redis.hset(PLACE, "question", "sealed for another place")

    assert db.placeholders.claim(FIRST.id) is None
    assert caplog.messages == [f"question cannot be read: {PLACE} question"]


# Changed


def test_a_change_of_a_message_that_stands_there_is_claimed_too(db: Stores) -> None:
    accept_and_show(db)

    assert db.placeholders.claim(FIRST.id, "1.2") is None
    assert db.placeholders.claim(FIRST.id, "1.1") == FIRST
    assert db.placeholders.claim(FIRST.id, "1.1") is None
    assert db.placeholders.take_over(taken(db.questions)) is None


@pytest.mark.parametrize("ending", ["kept", "dropped", "died"])
def test_a_message_that_was_being_changed_stands_there_all_the_same(db: Stores, ending: str) -> None:
    accept_and_show(db)
    db.placeholders.claim(FIRST.id, "1.1")

    if ending == "kept":
        assert db.placeholders.store(FIRST.id, "1.1")
    elif ending == "dropped":
        db.placeholders.release(FIRST.id, "1.1")
    else:
        let_the_poster_die(db.redis)

    question = taken(db.questions)
    assert [db.placeholders.take_over(question), db.placeholders.take_over(question)] == ["1.1", "1.1"]


# Taken over


@pytest.mark.parametrize("shown", ["", "1.1", STATUS])
def test_the_answer_takes_it_over_as_often_as_it_is_tried_and_then_none_changes_it(
    db: Stores, shown: str
) -> None:
    accept_and_show(db, shown)
    question = taken(db.questions)

    assert [db.placeholders.take_over(question), db.placeholders.take_over(question)] == [shown, shown]

    before = dump(db.redis)
    assert db.placeholders.claim(FIRST.id, shown) is None
    assert not db.placeholders.store(FIRST.id, "1.2")
    db.placeholders.release(FIRST.id, shown)
    assert dump(db.redis) == before


def test_after_the_first_message_of_the_answer_nothing_stands_in_any_more(db: Stores) -> None:
    accept_and_show(db)
    question = taken(db.questions)

    db.questions.mark_posted(question, ["1.1"])

    assert db.placeholders.take_over(question) == ""
    assert db.placeholders.claim(FIRST.id) is None


def test_the_answer_waits_for_a_poster_only_as_long_as_a_living_one_needs(db: Stores) -> None:
    db.questions.accept(FIRST)
    db.placeholders.claim(FIRST.id)
    question = taken(db.questions)

    # Claimed a minute from now, so that the test may take its time.
    db.redis.hset(PLACE, "interim_at", redis_now(db.redis) + 60 - POSTING_SECONDS)
    assert db.placeholders.take_over(question) is None
    db.redis.hset(PLACE, "interim_at", redis_now(db.redis) - POSTING_SECONDS)

    assert db.placeholders.take_over(question) == ""
    assert not db.placeholders.store(FIRST.id, "1.1")


@pytest.mark.parametrize("shown", ["", "1.1"])
def test_only_the_holder_of_a_question_takes_over(db: Stores, shown: str) -> None:
    accept_and_show(db, shown)
    slow = taken(db.questions)
    let_go(db.redis, slow)
    other = taken(db.questions)

    with pytest.raises(LeaseLost):
        db.placeholders.take_over(slow)

    assert db.placeholders.take_over(other) == shown


def test_a_placeholder_outlives_another_plan_and_another_try(db: Stores) -> None:
    accept_and_show(db)
    question = taken(db.questions)
    db.questions.save_plan(question, PLAN)
    db.questions.release(question, 0, counts=True)

    assert db.placeholders.take_over(taken(db.questions)) == "1.1"


# At once


@pytest.mark.real_redis
def test_of_many_that_claim_one_does(real_db: Stores) -> None:
    QuestionStore(real_db.redis, real_db.cipher, limit=16).accept(FIRST)

    claimed = race(8, lambda _: real_db.placeholders.claim(FIRST.id))

    assert (claimed.count(FIRST), claimed.count(None)) == (1, 7)


@pytest.mark.real_redis
@pytest.mark.parametrize("attempt", range(5))
def test_a_message_that_is_recorded_is_taken_over_and_any_other_is_to_be_deleted(
    real_db: Stores, attempt: int
) -> None:
    real_db.questions.accept(FIRST)
    question = taken(real_db.questions)
    real_db.placeholders.claim(FIRST.id)
    let_the_poster_die(real_db.redis)
    steps = [
        lambda: real_db.placeholders.store(FIRST.id, "1.1"),
        lambda: real_db.placeholders.take_over(question),
    ]

    kept, placeholder = race(2, lambda number: steps[number]())

    assert (kept, placeholder) in [(True, "1.1"), (False, "")]


# Users who wait for long


def test_a_question_that_takes_long_is_found_once_and_a_young_one_not(db: Stores) -> None:
    db.questions.accept(FIRST)
    young = db.placeholders.slow(), db.placeholders.take_unnotified(KEY)
    wait_long(db.redis)
    db.questions.accept(SECOND)

    found = [
        db.placeholders.slow(),
        db.placeholders.slow(),
        db.placeholders.take_unnotified(KEY),
        db.placeholders.take_unnotified(KEY),
    ]

    assert young == ((), ())
    assert found == [(KEY,), (), (Waiting(FIRST, in_line=True, placeholder=""),), ()]
    assert db.placeholders.take_unnotified(OTHER_KEY) == ()


@pytest.mark.parametrize("line", ["underway", "later"])
@pytest.mark.parametrize(("state", "message"), [("shown", "1.1"), ("posting", ""), ("taken", "")])
def test_a_question_that_waits_for_models_is_found_with_the_message_that_stands_there(
    db: Stores, line: str, state: str, message: str
) -> None:
    accept_and_show(db, "1.1" if state == "shown" else "")
    question = taken(db.questions)
    if state == "posting":
        db.placeholders.claim(FIRST.id)
    if state == "taken":
        db.placeholders.take_over(question)
    if line == "later":
        db.questions.release(question, 30, counts=True)
    wait_long(db.redis)

    assert db.placeholders.slow() == (KEY,)
    assert db.placeholders.take_unnotified(KEY) == (Waiting(FIRST, in_line=False, placeholder=message),)
    assert db.placeholders.take_unnotified(KEY) == ()


def test_a_user_who_sees_a_part_of_the_answer_is_not_notified(db: Stores) -> None:
    db.questions.accept(FIRST)
    question = taken(db.questions)
    db.questions.save_plan(question, PLAN)
    wait_long(db.redis)
    assert db.placeholders.take_unnotified(KEY)
    db.placeholders.mark_unnotified([question])

    db.questions.mark_posted(question, ["1.1"])

    assert (db.placeholders.slow(), db.placeholders.take_unnotified(KEY)) == ((), ())


def test_a_few_are_notified_at_a_time_in_their_order_and_again_if_that_failed(db: Stores) -> None:
    asked = [make_question(number) for number in range(1, NOTIFIED_AT_ONCE + 3)]
    accept_all(db.questions, *asked)
    wait_long(db.redis)

    first = db.placeholders.take_unnotified(KEY)
    assert db.placeholders.slow() == (KEY,)
    second = db.placeholders.take_unnotified(KEY)
    db.placeholders.mark_unnotified(asked[:1])

    assert len(first) == NOTIFIED_AT_ONCE
    assert [waiting.question for waiting in (*first, *second)] == asked
    assert [waiting.question for waiting in db.placeholders.take_unnotified(KEY)] == asked[:1]


def test_a_slow_question_that_no_key_opens_is_logged_and_passed_over(
    db: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    accept_all(db.questions, FIRST, SECOND)
    db.redis.hset(PLACE, "question", "sealed for another place")
    db.redis.hdel(f"question:{SECOND.id}", "question")
    wait_long(db.redis)

    assert db.placeholders.take_unnotified(KEY) == ()
    assert caplog.messages == [f"question cannot be read: {PLACE} question"]
