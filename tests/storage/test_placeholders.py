"""Placeholders: one process posts one, the answer takes it over, and waiting users are notified once."""

import pytest
import redis
from sectorflow_slack.storage.placeholders import NOTIFIED_AT_ONCE, POSTING_SECONDS

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.questions import STATUS, Waiting
from tests.storage.builders import (
    FIRST,
    KEY,
    OTHER_KEY,
    PLAN,
    SECOND,
    accept,
    accept_with_placeholder,
    expire_leases,
    hold,
    leased,
    make_slow,
)
from tests.storage.conftest import dump, redis_now
from tests.values import make_question

REDIS_KEY = f"question:{FIRST.id}"


def expire_claim(store: redis.Redis) -> None:
    store.hset(REDIS_KEY, "interim_at", "0")


def test_a_claim_may_be_made_again_after_it_was_released_or_its_process_died(db):
    db.questions.accept(FIRST)
    db.placeholders.claim(FIRST.id)

    db.placeholders.release(FIRST.id)
    after_release = db.placeholders.claim(FIRST.id)
    expire_claim(db.redis)

    assert after_release == db.placeholders.claim(FIRST.id) == FIRST


@pytest.mark.parametrize("meanwhile", ["nothing", "taken over", "posted"])
def test_a_placeholder_that_is_stored_again_stays(db, meanwhile):
    accept_with_placeholder(db)
    question = leased(db.questions)
    if meanwhile != "nothing":
        db.placeholders.take_over(question)
    if meanwhile == "posted":
        db.questions.mark_posted(question, ["1.1"])

    assert db.placeholders.store(FIRST.id, "1.1")
    assert not db.placeholders.store(FIRST.id, "1.2")


def test_a_change_of_the_placeholder_is_claimed_by_its_ts(db):
    accept_with_placeholder(db)

    assert db.placeholders.claim(FIRST.id, "1.2") is None
    assert db.placeholders.claim(FIRST.id, "1.1") == FIRST
    assert db.placeholders.claim(FIRST.id, "1.1") is None
    assert db.placeholders.take_over(leased(db.questions)) is None


@pytest.mark.parametrize("ending", ["no change", "stored", "released", "died"])
def test_a_placeholder_stays_however_its_change_ends(db, ending):
    accept_with_placeholder(db)
    if ending == "no change":
        db.placeholders.release(FIRST.id)
    else:
        db.placeholders.claim(FIRST.id, "1.1")
    if ending == "stored":
        assert db.placeholders.store(FIRST.id, "1.1")
    elif ending == "released":
        db.placeholders.release(FIRST.id, "1.1")
    elif ending == "died":
        expire_claim(db.redis)

    question = leased(db.questions)
    assert [db.placeholders.take_over(question), db.placeholders.take_over(question)] == ["1.1", "1.1"]


@pytest.mark.parametrize("placeholder", ["", "1.1", STATUS])
def test_every_try_of_the_answer_takes_it_over_and_no_process_changes_it_afterwards(db, placeholder):
    accept_with_placeholder(db, placeholder)
    question = leased(db.questions)

    assert [db.placeholders.take_over(question), db.placeholders.take_over(question)] == [placeholder] * 2

    before = dump(db.redis)
    assert db.placeholders.claim(FIRST.id, placeholder) is None
    assert not db.placeholders.store(FIRST.id, "1.2")
    db.placeholders.release(FIRST.id, placeholder)
    assert dump(db.redis) == before


def test_after_the_first_message_of_the_answer_there_is_no_placeholder(db):
    accept_with_placeholder(db)
    question = leased(db.questions)

    db.questions.mark_posted(question, ["1.1"])

    assert db.placeholders.take_over(question) == ""
    assert db.placeholders.claim(FIRST.id) is None


def test_the_answer_waits_for_a_claim_only_until_its_process_counts_as_dead(db):
    db.questions.accept(FIRST)
    db.placeholders.claim(FIRST.id)
    question = leased(db.questions)

    # Claimed a minute from now, so that the test may take its time.
    db.redis.hset(REDIS_KEY, "interim_at", redis_now(db.redis) + 60 - POSTING_SECONDS)
    assert db.placeholders.take_over(question) is None
    db.redis.hset(REDIS_KEY, "interim_at", redis_now(db.redis) - POSTING_SECONDS)

    assert db.placeholders.take_over(question) == ""
    assert not db.placeholders.store(FIRST.id, "1.1")


@pytest.mark.parametrize("placeholder", ["", "1.1"])
def test_only_the_holder_of_a_question_takes_over(db, placeholder):
    accept_with_placeholder(db, placeholder)
    slow = leased(db.questions)
    expire_leases(db.redis, slow)
    other = leased(db.questions)

    with pytest.raises(LeaseLost):
        db.placeholders.take_over(slow)

    assert db.placeholders.take_over(other) == placeholder


def test_a_placeholder_outlives_another_plan_and_another_try(db):
    accept_with_placeholder(db)
    question = leased(db.questions)
    db.questions.save_plan(question, PLAN)
    db.questions.release(question, 0, counts=True)

    assert db.placeholders.take_over(leased(db.questions)) == "1.1"


def test_a_slow_question_is_found_once_and_no_other(db):
    db.questions.accept(FIRST)
    young = db.placeholders.slow(), db.placeholders.take_unnotified(KEY)
    make_slow(db.redis)
    db.questions.accept(SECOND)

    slow = [db.placeholders.slow(), db.placeholders.slow()]
    unnotified = [db.placeholders.take_unnotified(KEY), db.placeholders.take_unnotified(KEY)]

    assert young == ((), ())
    assert slow == [(KEY,), ()]
    assert unnotified == [(Waiting(FIRST, in_line=True, placeholder=""),), ()]
    assert db.placeholders.take_unnotified(OTHER_KEY) == ()


@pytest.mark.parametrize("line", ["underway", "later"])
@pytest.mark.parametrize(("state", "placeholder"), [("posted", "1.1"), ("posting", ""), ("taken", "")])
def test_a_slow_question_that_models_answer_is_found_with_its_placeholder(db, line, state, placeholder):
    accept_with_placeholder(db, placeholder)
    question = leased(db.questions)
    if state == "posting":
        db.placeholders.claim(FIRST.id)
    if state == "taken":
        db.placeholders.take_over(question)
    if line == "later":
        db.questions.release(question, 30, counts=True)
    make_slow(db.redis)

    assert db.placeholders.slow() == (KEY,)
    assert db.placeholders.take_unnotified(KEY) == (Waiting(FIRST, in_line=False, placeholder=placeholder),)
    assert db.placeholders.take_unnotified(KEY) == ()


def test_a_user_who_sees_a_part_of_the_answer_is_not_notified(db):
    question = hold(db)
    db.questions.save_plan(question, PLAN)
    make_slow(db.redis)
    assert db.placeholders.take_unnotified(KEY)
    db.placeholders.mark_unnotified([question])

    db.questions.mark_posted(question, ["1.1"])

    assert (db.placeholders.slow(), db.placeholders.take_unnotified(KEY)) == ((), ())


def test_a_few_users_are_notified_at_a_time_in_order_and_again_if_that_failed(db):
    asked = [make_question(number) for number in range(1, NOTIFIED_AT_ONCE + 3)]
    accept(db.questions, *asked)
    make_slow(db.redis)

    first = db.placeholders.take_unnotified(KEY)
    assert db.placeholders.slow() == (KEY,)
    second = db.placeholders.take_unnotified(KEY)
    db.placeholders.mark_unnotified(asked[:1])

    assert len(first) == NOTIFIED_AT_ONCE
    assert [waiting.question for waiting in (*first, *second)] == asked
    assert [waiting.question for waiting in db.placeholders.take_unnotified(KEY)] == asked[:1]
