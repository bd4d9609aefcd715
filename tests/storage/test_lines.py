"""Lines of questions: order, limits, times, and the ends of questions that have expired."""

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.storage import questions as questions_store
from sectorflow_slack.storage.questions import QuestionLimits, QuestionStore
from tests.storage.builders import (
    DAY,
    FIRST,
    KEY,
    SECOND,
    THIRD,
    accept,
    fail,
    install,
    leased,
    pass_time,
    seconds_until,
)
from tests.storage.conftest import Stores, dump, redis_now
from tests.storage.test_questions import ASKED, ASKED_AGAIN, FULL, accept_event
from tests.values import make_question

EVENT, LATER_EVENT = replace(ASKED, event_id="Ev51"), replace(ASKED_AGAIN, event_id="Ev52")
EAST, WEST = (InstallationKey("A0OWN", team_id) for team_id in ("T0EAST", "T0WEST"))


@pytest.fixture
def narrow(db):
    """A store that lets one question of an installation be under way."""
    return QuestionStore(db.redis, db.cipher, limits=QuestionLimits(underway=1))


def due(db: Stores, key: InstallationKey = KEY) -> float:
    """Return in how many seconds an installation is looked at."""
    score = db.redis.zscore("due", str(key))
    assert score is not None
    return float(score) - redis_now(db.redis)


def of(key: InstallationKey, *numbers: int) -> list[Question]:
    return [make_question(number, installation=key) for number in numbers]


def test_the_installations_of_a_customer_take_turns(db):
    install(db.redis, EAST, WEST, customer="42")
    east, west = of(EAST, 1, 2, 3), of(WEST, 4, 5, 6)
    for question in (*east, *west):
        db.questions.accept(question)

    order = [leased(db.questions) for _ in range(6)]

    assert order == [east[0], west[0], east[1], west[1], east[2], west[2]]


def test_a_customer_that_asks_again_stays_where_it_is_in_line(db):
    install(db.redis, EAST, WEST)
    first, second, third = *of(EAST, 1), *of(WEST, 2), *of(EAST, 3)
    for question in (first, second, third):
        db.questions.accept(question)

    assert [leased(db.questions) for _ in range(3)] == [first, second, third]


def test_an_installation_that_asks_again_stays_where_it_is_among_those_of_its_customer(db):
    install(db.redis, EAST, WEST, customer="42")
    first, second, third = *of(EAST, 1), *of(WEST, 2), *of(EAST, 3)
    for question in (first, second, third):
        db.questions.accept(question)

    assert [leased(db.questions) for _ in range(3)] == [first, second, third]


def test_a_worker_that_leases_wakes_another_while_more_can_start(db):
    accept(db, FIRST, SECOND)

    for more in (True, False):
        db.redis.delete("wakes:questions")
        leased(db.questions)
        assert db.redis.exists("wakes:questions") == more


def test_an_installation_of_an_earlier_release_without_a_customer_takes_turns_too(db):
    install(db.redis, KEY)
    db.redis.hdel(f"installation:{KEY}", "customer")

    db.questions.accept(FIRST)

    assert leased(db.questions) == FIRST


def test_a_turn_without_a_question_is_passed_over(db):
    accept(db, FIRST)
    db.redis.zadd("turns:questions", {"nothing of this customer": -1})
    db.redis.zadd("turns:jobs", {"nothing of this customer": -1})
    db.slack_jobs.enqueue(FULL)

    assert leased(db.questions) == FIRST
    assert db.slack_jobs.take() is not None
    assert (db.questions.lease(), db.slack_jobs.take()) == (None, None)
    assert not [key for key in dump(db.redis) if key.startswith("turns:")]


def test_a_question_is_next_at_once_if_its_try_ends_without_a_delay(db):
    accept(db, FIRST, SECOND)

    db.questions.release(leased(db.questions), 0, counts=False)

    assert [leased(db.questions), leased(db.questions)] == [FIRST, SECOND]


def test_what_is_due_is_next_in_the_order_in_which_it_is_due(db):
    accept(db, FIRST, SECOND, THIRD, make_question(4))
    first, second, third = (leased(db.questions) for _ in range(3))
    db.questions.release(third, 5, counts=True)
    db.questions.release(first, 20, counts=True)
    db.questions.release(second, 10, counts=True)
    assert 4 < due(db) <= 5

    pass_time(db.redis, 15)
    db.questions.tick("worker")
    assert 4 < due(db) <= 5
    assert [leased(db.questions) for _ in range(3)] == [THIRD, SECOND, make_question(4)]

    pass_time(db.redis, 8)
    db.questions.tick("worker")
    lease = db.questions.lease()
    assert lease.id == FIRST.id
    assert (lease.progress.failures, lease.progress.deaths) == (1, 0)
    assert db.redis.hexists("metrics", "let_go") == 0


@pytest.mark.parametrize("step", ["release", "complete"])
def test_the_end_of_a_try_lets_the_next_question_start(db, narrow, step):
    accept(db, FIRST, SECOND)
    first = leased(narrow)
    assert narrow.lease() is None

    if step == "release":
        narrow.release(first, 60, counts=True)
    else:
        assert narrow.complete(first)

    assert leased(narrow) == SECOND


def test_a_turn_that_a_larger_limit_gave_starts_nothing_under_a_smaller_one(db, narrow):
    accept(db, FIRST, SECOND)
    leased(db.questions)

    assert narrow.lease() is None
    db.questions.tick("worker")
    assert leased(db.questions) == SECOND


def test_an_installation_is_looked_at_when_the_first_of_its_questions_is_due(db):
    accept(db, FIRST, SECOND, THIRD)
    first = leased(db.questions)
    assert 11 < due(db) <= 12
    db.questions.release(first, 5, counts=True)
    assert 4 < due(db) <= 5
    for delay in (600, 300):
        question = leased(db.questions)
        assert 4 < due(db) <= 5
        db.questions.release(question, delay, counts=True)
        assert 4 < due(db) <= 5

    pass_time(db.redis, 6)
    db.questions.tick("worker")

    assert 293 < due(db) <= 294
    assert leased(db.questions) == FIRST
    assert 11 < due(db) <= 12
    db.questions.tick("worker")
    assert 11 < due(db) <= 12


def test_the_leases_of_all_that_are_still_held_are_extended(db):
    accept(db, FIRST, SECOND, THIRD)
    held = [leased(db.questions) for _ in range(3)]
    db.questions.complete(held[0])
    pass_time(db.redis, 8)

    db.questions.extend(held)

    assert all(11 < seconds_until(db.redis, "underway", each) <= 12 for each in held[1:])
    with pytest.raises(LeaseLost):
        db.questions.assert_held(held[0])


def test_a_question_whose_worker_died_is_next_and_its_deaths_are_counted(db):
    accept(db, FIRST, SECOND)
    for deaths in (1, 2):
        leased(db.questions)
        pass_time(db.redis, 13)
        db.questions.tick("worker")
        assert db.redis.hget("metrics", "let_go") == f"{deaths}"
        assert db.questions.progress(FIRST).deaths == deaths

    lease = db.questions.lease()
    assert (lease.id, lease.progress.deaths) == (FIRST.id, 2)


def test_nothing_but_its_count_is_left_of_questions_that_expire(db):
    accept(db, FIRST, SECOND, THIRD)
    leased(db.questions)
    db.redis.delete(*(f"question:{each.id}" for each in (FIRST, SECOND, THIRD)))
    pass_time(db.redis, 13)
    db.questions.tick("worker")

    assert db.questions.lease() is None

    assert db.redis.hgetall("metrics") == {"received": "3", "failed:expired": "3"}
    kept = {"event", "asked", "installation", "metrics", "turns", "workers", "wakes"}
    assert {key.partition(":")[0] for key in dump(db.redis)} == kept
    assert not [key for key in dump(db.redis) if key.startswith("turns:")]


def test_an_expired_question_does_not_hold_up_those_behind_it(db):
    accept(db, FIRST, SECOND, THIRD)
    db.redis.delete(f"question:{FIRST.id}", f"question:{SECOND.id}")

    assert leased(db.questions) == THIRD
    assert db.redis.hget("metrics", "failed:expired") == "2"


def test_an_expired_question_costs_its_customer_no_turn(db):
    east, west = of(EAST, 1, 2, 3), of(WEST, 4)
    accept(db, *east, *west)
    db.redis.delete(f"question:{east[0].id}", f"question:{east[1].id}")

    assert [leased(db.questions), leased(db.questions)] == [east[2], west[0]]


def test_an_installation_is_known_for_as_long_as_it_has_a_question(db):
    accept(db, FIRST)
    db.redis.sadd("installations-with-questions", "A0OWN:T0IDLE")
    db.questions.release(leased(db.questions), 60, counts=True)

    db.questions.tick("worker")
    assert db.redis.smembers("installations-with-questions") == {str(KEY)}

    pass_time(db.redis, 61)
    db.questions.tick("worker")
    question = leased(db.questions)
    db.questions.tick("worker")
    assert db.redis.smembers("installations-with-questions") == {str(KEY)}
    db.questions.complete(question)
    assert db.redis.exists("installations-with-questions") == 0


def test_all_of_a_thread_is_stopped_once_and_nothing_of_the_same_time_in_another_channel(db):
    thread = [replace(make_question(number), thread_ts="1.1") for number in range(1, 7)]
    elsewhere = replace(make_question(7), thread_ts="1.1", channel_id="C0OTHER")
    accept(db, *thread, elsewhere)
    held = [leased(db.questions) for _ in range(4)]
    for question in held[:2]:
        db.questions.release(question, 60, counts=False)

    stopped = [db.questions.stop(KEY, FIRST.channel_id, "1.1", "U0BOB") for _ in range(2)]

    assert stopped == [6, 0]
    assert db.redis.exists(f"later:{KEY}", f"underway:{KEY}") == 0
    leases = [db.questions.lease() for _ in range(7)]
    assert {each.id for each in leases if each.progress.stopped == "U0BOB"} == {each.id for each in thread}
    assert leases[-1].id == elsewhere.id


def test_each_record_of_a_question_expires(db):
    install(db.redis, KEY)
    fail(db, FIRST)
    accept_event(db, EVENT)

    def days(key: str) -> float:
        return db.redis.ttl(key) / DAY

    marks = [f"event:{KEY}:{EVENT.event_id}", f"asked:{KEY}:{EVENT.channel_id}:{EVENT.ts}"]
    assert [days(key) for key in marks] == pytest.approx([2, 2], abs=0.01)
    assert days(f"question:{EVENT.id}") == pytest.approx(7, abs=0.01)
    assert days(f"letter:{FIRST.id}") == pytest.approx(7, abs=0.01)


def test_a_question_that_was_not_acknowledged_to_its_interaction_can_be_accepted_again(db):
    install(db.redis, KEY)
    assert [db.questions.accept(FIRST), db.questions.accept(FIRST)] == [True, False]

    db.questions.forget(FIRST)

    assert db.questions.accept(FIRST)


def test_more_questions_do_not_prolong_the_period_of_a_person(db):
    install(db.redis, KEY)
    for number in range(1, 4):
        asked = replace(ASKED, id=f"{number}", event_id=f"Ev{number}", ts=f"{number}.1")
        accept_event(db, asked, per_person=9, period_seconds=40)
        assert (30 if number == 1 else 0) < db.redis.ttl(f"asks:{KEY}:U0ANN") <= (40 if number == 1 else 20)
        db.redis.expire(f"asks:{KEY}:U0ANN", 20)


@pytest.mark.parametrize("line", ["waiting", "later"])
def test_each_question_that_waits_counts_for_the_limit(db, line):
    accept(db, FIRST, SECOND)
    if line == "later":
        for _ in range(2):
            db.questions.release(leased(db.questions), 60, counts=True)

    assert accept_event(db, EVENT, waiting=3) == "accepted"
    assert accept_event(db, LATER_EVENT, waiting=3) == "too_many_waiting"


def test_a_notice_waits_behind_what_its_installation_has_to_do_at_slack(db):
    accept(db, FIRST)
    for user_id in ("U0FIRST", "U0SECOND"):
        db.slack_jobs.enqueue(replace(FULL, user_id=user_id))

    assert accept_event(db, EVENT, waiting=1) == "too_many_waiting"

    taken = [db.slack_jobs.take()[1]["user_id"] for _ in range(3)]
    assert taken == ["U0FIRST", "U0SECOND", FULL.user_id]


def test_a_revived_question_waits_as_long_as_any_other_for_its_status(db):
    fail(db, FIRST)
    db.failed.revive(FIRST)
    assert db.statuses.unshown() == ()

    pass_time(db.redis, 601)

    assert [each.question for each in db.statuses.unshown()] == [FIRST]


def test_a_look_moves_what_has_been_due_longest_and_a_bounded_number(db, monkeypatch):
    monkeypatch.setattr(questions_store, "TICK_SIZE", 2)
    keys = [InstallationKey("A0OWN", f"T{number}") for number in range(40)]
    for number, key in enumerate(keys):
        (question,) = of(key, number)
        accept(db, question)
        db.questions.release(leased(db.questions), 1 + number, counts=True)
        db.slack_jobs.enqueue(replace(FULL, installation=key), 1 + number)
    pass_time(db.redis, 60)

    db.questions.tick("worker")

    moved = [number for number, key in enumerate(keys) if db.redis.exists(f"waiting:{key}")]
    assert moved[:2] == [0, 1]
    # It looks at sixteen others besides.
    assert len(moved) <= 18
    assert [number for number, key in enumerate(keys) if db.redis.exists(f"jobs:{key}")] == [0, 1]


def test_the_next_look_is_when_the_first_job_is_due(db):
    install(db.redis, KEY)
    for delay in (0.5, 2):
        db.slack_jobs.enqueue(FULL, delay)

    assert 0 < db.questions.tick("worker") <= 0.5
    pass_time(db.redis, 1)
    assert 0.5 < db.questions.tick("worker") <= 1


def test_the_next_look_is_soon_while_a_question_waits(db):
    accept(db, FIRST)

    assert db.questions.tick("worker") == 1


def test_a_look_gives_as_many_turns_as_the_limit_allows(db):
    accept(db, *(make_question(number) for number in range(1, 6)))
    for _ in range(4):
        leased(db.questions)
    db.redis.delete(*db.redis.scan_iter("turns:*"))

    db.questions.tick("worker")

    assert leased(db.questions) == make_question(5)


def test_a_worker_counts_as_alive_until_its_looks_end(db):
    for worker in ("one", "other"):
        db.questions.tick(worker)
    assert db.checkup.workers() == 2

    pass_time(db.redis, 59)
    db.questions.tick("other")
    assert (db.checkup.workers(), db.redis.zcard("workers")) == (1, 2)
    pass_time(db.redis, 1.5)
    db.questions.tick("other")
    assert db.redis.zrange("workers", 0, -1) == ["other"]
