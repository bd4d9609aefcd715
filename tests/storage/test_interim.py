"""What stands in for an answer: one posts it, whoever answers takes it over, nobody is told twice."""

from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.errors import LeaseLost, StorageUnavailable
from sectorflow_slack.domain.question_stores import STATUS
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.interim import POSTING_SECONDS, RedisInterimStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.storage.conftest import dump, expiring_and_staying, race
from tests.storage.question_steps import FIRST, KEY, PLAN, accept_and_show, let_go, taken, wait_long

# Claiming and taking over


def test_one_claims_it_and_gets_the_question(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore
) -> None:
    one_at_once.accept(FIRST)

    assert [interim.claim(FIRST.id), interim.claim(FIRST.id)] == [FIRST, None]


def test_a_question_that_is_not_there_is_claimed_by_nobody_and_leaves_nothing(
    interim: RedisInterimStore, store: redis.Redis
) -> None:
    assert interim.claim(FIRST.id) is None
    assert not interim.keep(FIRST.id, "1.1")
    interim.drop(FIRST.id)

    assert dump(store) == {}


@pytest.mark.parametrize("shown", ["1.1", STATUS])
def test_what_was_shown_is_taken_over_as_often_as_it_takes(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, shown: str
) -> None:
    accept_and_show(one_at_once, interim, shown)
    question = taken(one_at_once)

    assert [interim.take_over(question), interim.take_over(question)] == [shown, shown]


def test_once_a_message_is_posted_nothing_stands_in_any_more(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore
) -> None:
    accept_and_show(one_at_once, interim)
    question = taken(one_at_once)

    one_at_once.mark_posted(question, ["1.1"])

    assert interim.take_over(question) == ""
    assert interim.claim(FIRST.id) is None


@pytest.mark.parametrize("meanwhile", ["nothing", "taken over", "posted"])
def test_what_is_recorded_twice_is_not_to_be_taken_away(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, meanwhile: str
) -> None:
    accept_and_show(one_at_once, interim)
    question = taken(one_at_once)
    if meanwhile != "nothing":
        interim.take_over(question)
    if meanwhile == "posted":
        one_at_once.mark_posted(question, ["1.1"])

    assert interim.keep(FIRST.id, "1.1")
    assert not interim.keep(FIRST.id, "1.2")


def test_once_the_answer_has_taken_over_nobody_claims_it(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore
) -> None:
    one_at_once.accept(FIRST)

    assert interim.take_over(taken(one_at_once)) == ""
    assert interim.claim(FIRST.id) is None


def test_the_answer_waits_for_who_is_about_to_show_something(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore
) -> None:
    one_at_once.accept(FIRST)
    interim.claim(FIRST.id)
    question = taken(one_at_once)

    assert interim.take_over(question) is None
    assert interim.keep(FIRST.id, "1.1")
    assert interim.take_over(question) == "1.1"


def test_the_answer_waits_no_longer_than_somebody_who_lives_needs(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    one_at_once.accept(FIRST)
    interim.claim(FIRST.id)
    question = taken(one_at_once)
    seconds, microseconds = store.time()
    claimed_at = seconds + microseconds / 1e6 - POSTING_SECONDS

    store.hset(f"question:{FIRST.id}", "interim_at", claimed_at + 2)
    assert interim.take_over(question) is None
    store.hset(f"question:{FIRST.id}", "interim_at", claimed_at)

    assert interim.take_over(question) == ""
    assert not interim.keep(FIRST.id, "1.1")


def test_what_comes_after_the_answer_is_to_be_taken_away(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    one_at_once.accept(FIRST)
    interim.claim(FIRST.id)
    one_at_once.finish(taken(one_at_once))

    assert not interim.keep(FIRST.id, "1.1")
    assert store.exists(f"question:{FIRST.id}") == 0


def test_what_was_not_shown_after_all_may_be_claimed_again(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore
) -> None:
    one_at_once.accept(FIRST)
    interim.claim(FIRST.id)

    interim.drop(FIRST.id)

    assert interim.claim(FIRST.id) == FIRST


def test_dropping_takes_nothing_away_that_stands_there(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore
) -> None:
    accept_and_show(one_at_once, interim)

    interim.drop(FIRST.id)

    assert interim.take_over(taken(one_at_once)) == "1.1"


@pytest.mark.parametrize("shown", ["", "1.1"])
def test_only_who_holds_a_question_takes_over(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis, shown: str
) -> None:
    accept_and_show(one_at_once, interim, shown)
    slow = taken(one_at_once)
    let_go(store, slow)
    other = taken(one_at_once)

    with pytest.raises(LeaseLost):
        interim.take_over(slow)

    assert interim.take_over(other) == shown


def test_who_changes_what_stands_there_claims_it_too(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore
) -> None:
    accept_and_show(one_at_once, interim)

    assert interim.claim(FIRST.id, "1.2") is None
    assert interim.claim(FIRST.id, "1.1") == FIRST
    assert interim.claim(FIRST.id, "1.1") is None
    assert interim.take_over(taken(one_at_once)) is None


@pytest.mark.parametrize("ending", ["kept", "dropped", "died"])
def test_what_was_being_changed_stands_there_all_the_same(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis, ending: str
) -> None:
    accept_and_show(one_at_once, interim)
    interim.claim(FIRST.id, "1.1")

    if ending == "kept":
        assert interim.keep(FIRST.id, "1.1")
    elif ending == "dropped":
        interim.drop(FIRST.id, "1.1")
    else:
        store.hset(f"question:{FIRST.id}", "interim_at", "0")

    question = taken(one_at_once)
    assert [interim.take_over(question), interim.take_over(question)] == ["1.1", "1.1"]


@pytest.mark.parametrize("shown", ["", "1.1"])
def test_what_the_answer_has_taken_over_is_changed_by_nobody(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis, shown: str
) -> None:
    accept_and_show(one_at_once, interim, shown)
    interim.take_over(taken(one_at_once))
    before = dump(store)

    assert interim.claim(FIRST.id, shown) is None
    assert not interim.keep(FIRST.id, "1.2")
    interim.drop(FIRST.id, shown)

    assert dump(store) == before


def test_what_stands_in_outlives_another_plan_and_another_try(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore
) -> None:
    accept_and_show(one_at_once, interim)
    question = taken(one_at_once)
    one_at_once.save_plan(question, PLAN)
    one_at_once.put_back(question, 0, counts=True)

    assert interim.take_over(taken(one_at_once)) == "1.1"


def test_a_question_that_no_key_opens_is_named_and_not_greeted(
    one_at_once: RedisQuestionStore,
    interim: RedisInterimStore,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one_at_once.accept(FIRST)
    store.hset(f"question:{FIRST.id}", "question", "sealed for another place")

    assert interim.claim(FIRST.id) is None
    assert f"question:{FIRST.id} question" in caplog.text


@pytest.mark.real_redis
def test_of_many_that_claim_one_does(real_store: redis.Redis, cipher: Cipher) -> None:
    RedisQuestionStore(real_store, cipher, limit=16).accept(FIRST)
    interim = RedisInterimStore(real_store, cipher)

    claimed = race(8, lambda _: interim.claim(FIRST.id))

    assert claimed.count(FIRST) == 1
    assert claimed.count(None) == 7


@pytest.mark.real_redis
@pytest.mark.parametrize("attempt", range(5))
def test_a_message_that_is_kept_is_taken_over_and_any_other_is_to_be_deleted(
    real_store: redis.Redis, cipher: Cipher, attempt: int
) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)
    interim = RedisInterimStore(real_store, cipher)
    questions.accept(FIRST)
    question = taken(questions)
    interim.claim(FIRST.id)
    real_store.hset(f"question:{FIRST.id}", "interim_at", "0")
    steps = [lambda: interim.keep(FIRST.id, "1.1"), lambda: interim.take_over(question)]

    kept, stand_in = race(2, lambda number: steps[number]())

    assert (kept, stand_in) in [(True, "1.1"), (False, "")]


# What is left of it


def test_all_of_it_is_forgotten_with_the_question(
    one_at_once: RedisQuestionStore, interim: RedisInterimStore, store: redis.Redis
) -> None:
    one_at_once.accept(FIRST)
    wait_long(store)
    interim.claim(FIRST.id)
    interim.slow()
    interim.untold(KEY)
    interim.keep(FIRST.id, "1.1")
    question = taken(one_at_once)
    interim.take_over(question)

    one_at_once.finish(question)

    assert expiring_and_staying(store)[1] <= {"metrics", "installations-with-questions"}
    assert store.exists(f"question:{FIRST.id}") == 0


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher) -> None:
    interim = RedisInterimStore(nobody, cipher)

    for step in (
        lambda: interim.claim("x"),
        lambda: interim.keep("x", "1.1"),
        lambda: interim.drop("x"),
        lambda: interim.take_over(FIRST),
        interim.slow,
        lambda: interim.untold(KEY),
        lambda: interim.leave_untold([FIRST]),
    ):
        with pytest.raises(StorageUnavailable):
            step()
