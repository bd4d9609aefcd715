"""Questions, from their acceptance to their answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.questions import Progress
from sectorflow_slack.storage.questions import LEASE_SECONDS, QuestionStore
from tests.storage.conftest import Stores, dump
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
    db: Stores, second: object, is_accepted: bool, is_answered: bool
) -> None:
    db.questions.accept(FIRST)
    if is_answered:
        db.questions.complete(taken(db.questions))
    before = dump(db.redis)

    assert db.questions.accept(second) is is_accepted  # type: ignore[arg-type]
    assert db.redis.hget("metrics", "received") == "2"
    assert db.redis.hget("metrics", "repeated") == (None if is_accepted else "1")
    assert is_accepted or dump(db.redis) | {"metrics": ""} == before | {"metrics": ""}


# Taken


def test_questions_are_taken_whole_in_their_order_by_installation(db: Stores) -> None:
    whole = replace(FIRST, thread_ts="0.5", is_direct=True, is_external=True, text="\ud83d")
    other = replace(FIRST, id="other", installation=OTHER_KEY)
    accept_all(db.questions, whole, SECOND, other, THIRD)

    assert [db.questions.lease(KEY) for _ in range(4)] == [whole, SECOND, THIRD, None]
    assert [db.questions.lease(OTHER_KEY), db.questions.lease(OTHER_KEY)] == [other, None]


def test_no_more_than_the_limit_of_an_installation_are_under_way(db: Stores) -> None:
    other = replace(FIRST, id="other", installation=OTHER_KEY)
    accept_all(db.two_at_once, FIRST, SECOND, THIRD, other)

    first, second = taken(db.two_at_once), taken(db.two_at_once)

    assert db.two_at_once.lease(KEY) is None
    assert db.two_at_once.lease(OTHER_KEY) == other
    db.two_at_once.complete(second)
    assert db.two_at_once.lease(KEY) == THIRD
    db.two_at_once.release(first, 30, counts=False)
    assert db.two_at_once.has_room(KEY)


def test_there_is_room_for_as_many_as_may_be_under_way(db: Stores) -> None:
    room = []
    for question in (FIRST, SECOND, THIRD):
        db.two_at_once.accept(question)
        room.append(db.two_at_once.has_room(KEY))
    first = taken(db.two_at_once)
    room.append(db.two_at_once.has_room(KEY))
    db.two_at_once.complete(first)
    room.append(db.two_at_once.has_room(KEY))

    assert room == [True, True, False, False, True]


def test_questions_that_dead_workers_let_go_come_first_in_their_order_whatever_the_limit(db: Stores) -> None:
    accept_all(db.two_at_once, FIRST, SECOND, THIRD)
    let_go(db.redis, taken(db.two_at_once), taken(db.two_at_once))

    again = taken(db.two_at_once)

    assert [again, db.two_at_once.lease(KEY), db.two_at_once.lease(KEY)] == [FIRST, SECOND, None]
    assert db.two_at_once.progress(again) == Progress(deaths=1)
    assert db.redis.hget("metrics", "let_go") == "2"


def test_a_question_whose_record_expired_is_passed_over_and_counted(db: Stores) -> None:
    accept_all(db.questions, FIRST, SECOND)
    db.redis.delete(f"question:{FIRST.id}")

    assert [db.questions.lease(KEY), db.questions.lease(KEY)] == [SECOND, None]
    assert db.redis.zrange(f"underway:{KEY}", 0, -1) == [SECOND.id]
    assert db.redis.hgetall("metrics") == {"received": "2", "failed:expired": "1"}


def test_a_question_that_no_key_opens_waits_and_holds_up_no_other(
    db: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    accept_all(db.questions, FIRST, SECOND)
    db.redis.copy(f"question:{SECOND.id}", f"question:{FIRST.id}", replace=True)

    assert [db.questions.lease(KEY), db.questions.lease(KEY)] == [SECOND, None]
    assert caplog.messages == [f"question cannot be read: question:{FIRST.id} question"]
    assert 0 < seconds_until(db.redis, "later", FIRST) <= 60
    assert db.questions.progress(FIRST).failures == 0


# Held


def test_a_lease_is_extended_for_what_is_held_and_brings_nothing_back(db: Stores) -> None:
    other = replace(SECOND, id="other", ts="9.9", event_id="Ev9", installation=OTHER_KEY)
    accept_all(db.questions, FIRST, SECOND, THIRD, other)
    held = [taken(db.questions), taken(db.questions), taken(db.questions), taken(db.questions, OTHER_KEY)]
    db.questions.complete(held[1])
    db.questions.release(held[2], 60, counts=False)
    let_go(db.redis, held[0], held[3])

    db.questions.extend([])
    assert seconds_until(db.redis, "underway", FIRST) < 0
    db.questions.extend(held)

    assert db.redis.zcard(f"underway:{KEY}") == 1
    for question in (FIRST, other):
        assert 0 < seconds_until(db.redis, "underway", question) <= LEASE_SECONDS


def test_a_question_that_is_put_back_waits_its_delay_and_then_goes_first(db: Stores) -> None:
    accept_all(db.questions, FIRST, SECOND, THIRD)

    db.questions.release(taken(db.questions), 600, counts=False)

    assert 0 < seconds_until(db.redis, "later", FIRST) <= 600
    assert db.questions.lease(KEY) == SECOND
    let_its_time_come(db.redis, FIRST)
    assert [db.questions.lease(KEY), db.questions.lease(KEY)] == [FIRST, THIRD]


# Progress


def test_progress_is_stored_between_tries_and_failures_are_counted(db: Stores) -> None:
    db.questions.accept(FIRST)
    question = taken(db.questions)
    before = db.questions.progress(question)
    db.questions.save_plan(question, PLAN)
    db.questions.mark_posted(question, ["1.1", "1.2"])
    db.questions.release(question, 0, counts=True)
    question = taken(db.questions)
    db.questions.release(question, 0, counts=False)

    assert before == Progress()
    assert db.questions.progress(taken(db.questions)) == Progress(PLAN, posted=("1.1", "1.2"), failures=1)


@pytest.mark.parametrize("posted", [(), ("1.1",)])
def test_another_plan_begins_without_failures_and_with_what_is_posted_of_it(
    db: Stores, posted: tuple[str, ...]
) -> None:
    db.questions.accept(FIRST)
    db.questions.release(taken(db.questions), 0, counts=True)
    question = taken(db.questions)
    db.questions.mark_posted(question, ["1.1", "1.2"])

    db.questions.save_plan(question, PLAN, posted)

    assert db.questions.progress(question) == Progress(PLAN, posted=posted)


def test_a_plan_that_no_key_opens_counts_as_none(db: Stores, caplog: pytest.LogCaptureFixture) -> None:
    db.questions.accept(FIRST)
    db.redis.hset(f"question:{FIRST.id}", "plan", "sealed for another place")

    assert db.questions.progress(taken(db.questions)).plan is None
    assert caplog.messages == [f"plan cannot be read: question:{FIRST.id} plan"]


# Finished


@pytest.mark.parametrize(
    ("failure", "counter"),
    [("", "answered"), ("answer_lost", "failed:answer_lost"), ("slack_no such word", "failed:other")],
)
def test_a_finished_question_is_forgotten_and_counted_and_whether_more_wait_is_known(
    db: Stores, failure: str, counter: str
) -> None:
    accept_all(db.questions, FIRST, SECOND)
    question = taken(db.questions)
    db.questions.save_plan(question, PLAN)

    assert db.questions.complete(question, failure)
    assert not db.questions.complete(taken(db.questions), "uninstalled")

    assert db.questions.lease(KEY) is None
    assert db.redis.hgetall("metrics") == {"received": "2", counter: "1", "failed:uninstalled": "1"}
    assert {key.partition(":")[0] for key in dump(db.redis)} == {"event", "asked", "metrics"}


# Due


def due_again(questions: QuestionStore, store: redis.Redis) -> tuple[object, ...]:
    """Return what is due once the last wake-ups are forgotten."""
    store.delete("nudged:none", *store.scan_iter("nudged:*"))
    return questions.due()


def test_an_installation_with_a_question_to_take_up_is_due_once_in_a_while(db: Stores) -> None:
    accept_all(db.questions, FIRST, SECOND, replace(THIRD, installation=OTHER_KEY))

    assert set(db.questions.due()) == {KEY, OTHER_KEY}
    assert db.redis.ttl(f"nudged:{KEY}") > 0
    db.redis.delete(f"nudged:{OTHER_KEY}")
    assert db.questions.due() == (OTHER_KEY,)


def test_an_installation_is_due_again_when_a_question_is_let_go_or_its_delay_is_over(db: Stores) -> None:
    db.questions.accept(FIRST)
    question = taken(db.questions)

    held = due_again(db.questions, db.redis)
    let_go(db.redis, question)
    let_go_of = due_again(db.questions, db.redis)
    db.questions.release(taken(db.questions), 600, counts=False)
    put_back = due_again(db.questions, db.redis)
    let_its_time_come(db.redis, FIRST)

    assert (held, let_go_of, put_back) == ((), (KEY,), ())
    assert due_again(db.questions, db.redis) == (KEY,)


def test_an_installation_without_room_is_not_due(db: Stores) -> None:
    accept_all(db.two_at_once, FIRST, SECOND, THIRD)
    first, _ = taken(db.two_at_once), taken(db.two_at_once)
    assert db.two_at_once.due() == ()

    let_go(db.redis, first)

    assert db.two_at_once.due() == (KEY,)


def test_an_installation_without_questions_is_looked_at_again_with_its_next_one(db: Stores) -> None:
    db.questions.accept(FIRST)
    db.questions.complete(taken(db.questions))

    assert db.questions.due() == ()
    assert db.redis.exists("installations-with-questions") == 0
    db.questions.accept(SECOND)
    assert db.questions.due() == (KEY,)
