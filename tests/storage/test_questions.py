"""Questions, from acceptance to completion."""

from dataclasses import replace

import pytest

from sectorflow_slack.domain.questions import Progress
from sectorflow_slack.storage.questions import LEASE_SECONDS
from tests.storage.builders import (
    FIRST,
    KEY,
    OTHER_KEY,
    PLAN,
    SECOND,
    THIRD,
    accept,
    expire_leases,
    hold,
    leased,
    make_due,
    seconds_until,
)
from tests.storage.conftest import Stores, dump

OTHER = replace(FIRST, id="other", installation=OTHER_KEY)


@pytest.mark.parametrize(
    ("second", "is_accepted"),
    [
        (replace(SECOND, event_id=FIRST.event_id), False),
        (replace(SECOND, ts=FIRST.ts), False),
        (replace(SECOND, ts=FIRST.ts, channel_id="C0OTHER"), True),
        (OTHER, True),
        (SECOND, True),
    ],
    ids=["Slack's retry", "the twin event", "another channel", "another app", "another message"],
)
@pytest.mark.parametrize("is_answered", [False, True])
def test_each_app_accepts_a_message_once(db, second, is_accepted, is_answered):
    db.questions.accept(FIRST)
    if is_answered:
        db.questions.complete(leased(db.questions))
    before = dump(db.redis)

    assert db.questions.accept(second) is is_accepted
    assert db.redis.hget("metrics", "received") == "2"
    assert db.redis.hget("metrics", "repeated") == (None if is_accepted else "1")
    assert is_accepted or dump(db.redis) | {"metrics": ""} == before | {"metrics": ""}


def test_questions_are_leased_whole_in_their_order_by_installation(db):
    whole = replace(FIRST, thread_ts="0.5", is_direct=True, is_external=True, text="\ud83d")
    accept(db.questions, whole, SECOND, OTHER, THIRD)

    assert [db.questions.lease(KEY) for _ in range(4)] == [whole, SECOND, THIRD, None]
    assert [db.questions.lease(OTHER_KEY), db.questions.lease(OTHER_KEY)] == [OTHER, None]


def test_no_more_questions_of_an_installation_than_the_limit_are_under_way(db):
    room = []
    for question in (FIRST, SECOND, THIRD, OTHER):
        db.two_at_once.accept(question)
        room.append(db.two_at_once.has_room(KEY))

    first, second = leased(db.two_at_once), leased(db.two_at_once)

    assert room == [True, True, False, False]
    assert not db.two_at_once.has_room(KEY)
    assert db.two_at_once.lease(KEY) is None
    assert db.two_at_once.lease(OTHER_KEY) == OTHER
    db.two_at_once.complete(second)
    assert db.two_at_once.lease(KEY) == THIRD
    db.two_at_once.release(first, 30, counts=False)
    assert db.two_at_once.has_room(KEY)


def test_questions_of_expired_leases_come_first_in_their_order_whatever_the_limit(db):
    accept(db.two_at_once, FIRST, SECOND, THIRD)
    expire_leases(db.redis, leased(db.two_at_once), leased(db.two_at_once))

    again = leased(db.two_at_once)

    assert [again, db.two_at_once.lease(KEY), db.two_at_once.lease(KEY)] == [FIRST, SECOND, None]
    assert db.two_at_once.progress(again) == Progress(deaths=1)
    assert db.redis.hget("metrics", "let_go") == "2"


def test_a_question_whose_record_expired_is_skipped_and_counted(db):
    accept(db.questions, FIRST, SECOND)
    db.redis.delete(f"question:{FIRST.id}")

    assert [db.questions.lease(KEY), db.questions.lease(KEY)] == [SECOND, None]
    assert db.redis.zrange(f"underway:{KEY}", 0, -1) == [SECOND.id]
    assert db.redis.hgetall("metrics") == {"received": "2", "failed:expired": "1"}


def test_a_question_that_does_not_decrypt_is_postponed_and_blocks_no_other(db, caplog):
    accept(db.questions, FIRST, SECOND)
    db.redis.copy(f"question:{SECOND.id}", f"question:{FIRST.id}", replace=True)

    assert [db.questions.lease(KEY), db.questions.lease(KEY)] == [SECOND, None]
    assert caplog.messages == [f"question cannot be read: question:{FIRST.id} question"]
    assert 0 < seconds_until(db.redis, "later", FIRST) <= 60
    assert db.questions.progress(FIRST).failures == 0


def test_leases_of_questions_under_way_are_extended_and_no_other_question_is_under_way_again(db):
    other = replace(SECOND, id="other", ts="9.9", event_id="Ev9", installation=OTHER_KEY)
    accept(db.questions, FIRST, SECOND, THIRD, other)
    held = [*(leased(db.questions) for _ in range(3)), leased(db.questions, OTHER_KEY)]
    db.questions.complete(held[1])
    db.questions.release(held[2], 60, counts=False)
    expire_leases(db.redis, held[0], held[3])

    db.questions.extend([])
    assert seconds_until(db.redis, "underway", FIRST) < 0
    db.questions.extend(held)

    assert db.redis.zcard(f"underway:{KEY}") == 1
    for question in (FIRST, other):
        assert 0 < seconds_until(db.redis, "underway", question) <= LEASE_SECONDS


def test_a_released_question_waits_its_delay_and_then_goes_first(db):
    accept(db.questions, FIRST, SECOND, THIRD)

    db.questions.release(leased(db.questions), 600, counts=False)

    assert 0 < seconds_until(db.redis, "later", FIRST) <= 600
    assert db.questions.lease(KEY) == SECOND
    make_due(db.redis, FIRST)
    assert [db.questions.lease(KEY), db.questions.lease(KEY)] == [FIRST, THIRD]


def test_progress_is_stored_between_tries_and_failures_are_counted(db):
    question = hold(db)
    before = db.questions.progress(question)
    db.questions.save_plan(question, PLAN)
    db.questions.mark_posted(question, ["1.1", "1.2"])
    db.questions.release(question, 0, counts=True)
    db.questions.release(leased(db.questions), 0, counts=False)

    assert before == Progress()
    assert db.questions.progress(leased(db.questions)) == Progress(PLAN, posted=("1.1", "1.2"), failures=1)


@pytest.mark.parametrize("posted", [(), ("1.1",)])
def test_another_plan_begins_without_failures_and_with_its_posted_messages(db, posted):
    db.questions.accept(FIRST)
    db.questions.release(leased(db.questions), 0, counts=True)
    question = leased(db.questions)
    db.questions.mark_posted(question, ["1.1", "1.2"])

    db.questions.save_plan(question, PLAN, posted)

    assert db.questions.progress(question) == Progress(PLAN, posted=posted)


@pytest.mark.parametrize(
    ("failure", "counter"),
    [("", "answered"), ("answer_lost", "failed:answer_lost"), ("slack_no such word", "failed:other")],
)
def test_a_completed_question_is_deleted_and_counted_and_whether_more_wait_is_returned(db, failure, counter):
    accept(db.questions, FIRST, SECOND)
    question = leased(db.questions)
    db.questions.save_plan(question, PLAN)

    assert db.questions.complete(question, failure)
    assert not db.questions.complete(leased(db.questions), "uninstalled")

    assert db.questions.lease(KEY) is None
    assert db.redis.hgetall("metrics") == {"received": "2", counter: "1", "failed:uninstalled": "1"}
    assert {key.partition(":")[0] for key in dump(db.redis)} == {"event", "asked", "metrics"}


def due_again(db: Stores) -> tuple[object, ...]:
    """Return the installations that are due, whatever was woken a moment ago."""
    db.redis.delete("nudged:none", *db.redis.scan_iter("nudged:*"))
    return db.questions.due()


def test_an_installation_with_a_question_to_lease_is_due_once_in_a_while(db):
    accept(db.questions, FIRST, SECOND, replace(THIRD, installation=OTHER_KEY))

    assert set(db.questions.due()) == {KEY, OTHER_KEY}
    assert db.redis.ttl(f"nudged:{KEY}") > 0
    db.redis.delete(f"nudged:{OTHER_KEY}")
    assert db.questions.due() == (OTHER_KEY,)


def test_an_installation_is_due_again_when_a_lease_expires_or_a_delay_is_over(db):
    question = hold(db)

    held = due_again(db)
    expire_leases(db.redis, question)
    expired = due_again(db)
    db.questions.release(leased(db.questions), 600, counts=False)
    released = due_again(db)
    make_due(db.redis, FIRST)

    assert (held, expired, released) == ((), (KEY,), ())
    assert due_again(db) == (KEY,)


def test_an_installation_without_room_is_not_due(db):
    accept(db.two_at_once, FIRST, SECOND, THIRD)
    first, _ = leased(db.two_at_once), leased(db.two_at_once)
    assert db.two_at_once.due() == ()

    expire_leases(db.redis, first)

    assert db.two_at_once.due() == (KEY,)


def test_an_installation_without_questions_is_forgotten_until_its_next_one(db):
    db.questions.accept(FIRST)
    db.questions.complete(leased(db.questions))

    assert db.questions.due() == ()
    assert db.redis.exists("installations-with-questions") == 0
    db.questions.accept(SECOND)
    assert db.questions.due() == (KEY,)
