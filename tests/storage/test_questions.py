"""Questions, from their acceptance to their answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.progress import Progress
from sectorflow_slack.storage.questions import LEASE_SECONDS, RedisQuestionStore
from tests.storage.conftest import dump
from tests.storage.question_steps import (
    FIRST,
    KEY,
    OTHER_KEY,
    PLAN,
    SECOND,
    THIRD,
    accept_all,
    let_go,
    let_its_time_come,
    seconds_until,
    taken,
)

# Accepted


@pytest.mark.parametrize(
    ("second", "is_accepted"),
    [
        (replace(SECOND, event_id=FIRST.event_id), False),
        (replace(SECOND, ts=FIRST.ts), False),
        (replace(SECOND, ts=FIRST.ts, channel_id="C0OTHER"), True),
        (replace(FIRST, id="for-the-other-app", installation=OTHER_KEY), True),
        (SECOND, True),
    ],
    ids=["Slack's retry", "the twin event", "another channel", "another app", "another message"],
)
@pytest.mark.parametrize("is_answered", [False, True])
def test_one_message_is_accepted_once_by_each_app(
    questions: RedisQuestionStore, store: redis.Redis, second: object, is_accepted: bool, is_answered: bool
) -> None:
    questions.accept(FIRST)
    if is_answered:
        questions.finish(taken(questions))
    before = dump(store)

    assert questions.accept(second) is is_accepted  # type: ignore[arg-type]
    assert store.hget("metrics", "received") == "2"
    assert store.hget("metrics", "repeated") == (None if is_accepted else "1")
    assert is_accepted or dump(store) | {"metrics": ""} == before | {"metrics": ""}


# Taken


def test_questions_are_taken_whole_in_their_order_by_installation(questions: RedisQuestionStore) -> None:
    whole = replace(FIRST, thread_ts="0.5", is_direct=True, is_external=True, text="\ud83d")
    other = replace(FIRST, id="other", installation=OTHER_KEY)
    accept_all(questions, whole, SECOND, other, THIRD)

    assert [questions.take(KEY) for _ in range(4)] == [whole, SECOND, THIRD, None]
    assert [questions.take(OTHER_KEY), questions.take(OTHER_KEY)] == [other, None]


def test_no_more_than_the_limit_of_an_installation_are_under_way(two_at_once: RedisQuestionStore) -> None:
    other = replace(FIRST, id="other", installation=OTHER_KEY)
    accept_all(two_at_once, FIRST, SECOND, THIRD, other)

    first, second = taken(two_at_once), taken(two_at_once)

    assert two_at_once.take(KEY) is None
    assert two_at_once.take(OTHER_KEY) == other
    two_at_once.finish(second)
    assert two_at_once.take(KEY) == THIRD
    two_at_once.put_back(first, 30, counts=False)
    assert two_at_once.has_room(KEY)


def test_there_is_room_for_as_many_as_may_be_under_way(two_at_once: RedisQuestionStore) -> None:
    room = []
    for question in (FIRST, SECOND, THIRD):
        two_at_once.accept(question)
        room.append(two_at_once.has_room(KEY))
    first = taken(two_at_once)
    room.append(two_at_once.has_room(KEY))
    two_at_once.finish(first)
    room.append(two_at_once.has_room(KEY))

    assert room == [True, True, False, False, True]


def test_questions_that_dead_workers_let_go_come_first_in_their_order_whatever_the_limit(
    two_at_once: RedisQuestionStore, store: redis.Redis
) -> None:
    accept_all(two_at_once, FIRST, SECOND, THIRD)
    let_go(store, taken(two_at_once), taken(two_at_once))

    again = taken(two_at_once)

    assert [again, two_at_once.take(KEY), two_at_once.take(KEY)] == [FIRST, SECOND, None]
    assert two_at_once.progress(again) == Progress(deaths=1)
    assert store.hget("metrics", "let_go") == "2"


def test_a_question_whose_record_expired_is_passed_over_and_counted(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    accept_all(questions, FIRST, SECOND)
    store.delete(f"question:{FIRST.id}")

    assert [questions.take(KEY), questions.take(KEY)] == [SECOND, None]
    assert store.zrange(f"underway:{KEY}", 0, -1) == [SECOND.id]
    assert store.hgetall("metrics") == {"received": "2", "failed:expired": "1"}


def test_a_question_that_no_key_opens_waits_and_holds_up_no_other(
    questions: RedisQuestionStore, store: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    accept_all(questions, FIRST, SECOND)
    store.copy(f"question:{SECOND.id}", f"question:{FIRST.id}", replace=True)

    assert [questions.take(KEY), questions.take(KEY)] == [SECOND, None]
    assert caplog.messages == [f"question cannot be read: question:{FIRST.id} question"]
    assert 0 < seconds_until(store, "later", FIRST) <= 60
    assert questions.progress(FIRST).failures == 0


# Held


def test_a_lease_is_extended_for_what_is_held_and_brings_nothing_back(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    other = replace(SECOND, id="other", ts="9.9", event_id="Ev9", installation=OTHER_KEY)
    accept_all(questions, FIRST, SECOND, THIRD, other)
    held = [taken(questions), taken(questions), taken(questions), taken(questions, OTHER_KEY)]
    questions.finish(held[1])
    questions.put_back(held[2], 60, counts=False)
    let_go(store, held[0], held[3])

    questions.hold([])
    assert seconds_until(store, "underway", FIRST) < 0
    questions.hold(held)

    assert store.zcard(f"underway:{KEY}") == 1
    for question in (FIRST, other):
        assert 0 < seconds_until(store, "underway", question) <= LEASE_SECONDS


def test_a_question_that_is_put_back_waits_its_delay_and_then_goes_first(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    accept_all(questions, FIRST, SECOND, THIRD)

    questions.put_back(taken(questions), 600, counts=False)

    assert 0 < seconds_until(store, "later", FIRST) <= 600
    assert questions.take(KEY) == SECOND
    let_its_time_come(store, FIRST)
    assert [questions.take(KEY), questions.take(KEY)] == [FIRST, THIRD]


# Progress


def test_progress_is_stored_between_tries_and_failures_are_counted(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    before = questions.progress(question)
    questions.save_plan(question, PLAN)
    questions.mark_posted(question, ["1.1", "1.2"])
    questions.put_back(question, 0, counts=True)
    question = taken(questions)
    questions.put_back(question, 0, counts=False)

    assert before == Progress()
    assert questions.progress(taken(questions)) == Progress(PLAN, posted=("1.1", "1.2"), failures=1)


@pytest.mark.parametrize("posted", [(), ("1.1",)])
def test_another_plan_begins_without_failures_and_with_what_is_posted_of_it(
    questions: RedisQuestionStore, posted: tuple[str, ...]
) -> None:
    questions.accept(FIRST)
    questions.put_back(taken(questions), 0, counts=True)
    question = taken(questions)
    questions.mark_posted(question, ["1.1", "1.2"])

    questions.save_plan(question, PLAN, posted)

    assert questions.progress(question) == Progress(PLAN, posted=posted)


def test_a_plan_that_no_key_opens_counts_as_none(
    questions: RedisQuestionStore, store: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    questions.accept(FIRST)
    store.hset(f"question:{FIRST.id}", "plan", "sealed for another place")

    assert questions.progress(taken(questions)).plan is None
    assert caplog.messages == [f"plan cannot be read: question:{FIRST.id} plan"]


# Finished


@pytest.mark.parametrize(
    ("failure", "counter"),
    [("", "answered"), ("answer_lost", "failed:answer_lost"), ("slack_no such word", "failed:other")],
)
def test_a_finished_question_is_forgotten_and_counted_and_whether_more_wait_is_known(
    questions: RedisQuestionStore, store: redis.Redis, failure: str, counter: str
) -> None:
    accept_all(questions, FIRST, SECOND)
    question = taken(questions)
    questions.save_plan(question, PLAN)

    assert questions.finish(question, failure)
    assert not questions.finish(taken(questions), "uninstalled")

    assert questions.take(KEY) is None
    assert store.hgetall("metrics") == {"received": "2", counter: "1", "failed:uninstalled": "1"}
    assert {key.partition(":")[0] for key in dump(store)} == {"event", "asked", "metrics"}


# Due


def due_again(questions: RedisQuestionStore, store: redis.Redis) -> tuple[object, ...]:
    """Return what is due once the last wake-ups are forgotten."""
    store.delete("nudged:none", *store.scan_iter("nudged:*"))
    return questions.due()


def test_an_installation_with_a_question_to_take_up_is_due_once_in_a_while(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    accept_all(questions, FIRST, SECOND, replace(THIRD, installation=OTHER_KEY))

    assert set(questions.due()) == {KEY, OTHER_KEY}
    assert store.ttl(f"nudged:{KEY}") > 0
    store.delete(f"nudged:{OTHER_KEY}")
    assert questions.due() == (OTHER_KEY,)


def test_an_installation_is_due_again_when_a_question_is_let_go_or_its_delay_is_over(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    question = taken(questions)

    held = due_again(questions, store)
    let_go(store, question)
    let_go_of = due_again(questions, store)
    questions.put_back(taken(questions), 600, counts=False)
    put_back = due_again(questions, store)
    let_its_time_come(store, FIRST)

    assert (held, let_go_of, put_back) == ((), (KEY,), ())
    assert due_again(questions, store) == (KEY,)


def test_an_installation_without_room_is_not_due(two_at_once: RedisQuestionStore, store: redis.Redis) -> None:
    accept_all(two_at_once, FIRST, SECOND, THIRD)
    first, _ = taken(two_at_once), taken(two_at_once)
    assert two_at_once.due() == ()

    let_go(store, first)

    assert two_at_once.due() == (KEY,)


def test_an_installation_without_questions_is_looked_at_again_with_its_next_one(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    questions.finish(taken(questions))

    assert questions.due() == ()
    assert store.exists("installations-with-questions") == 0
    questions.accept(SECOND)
    assert questions.due() == (KEY,)
