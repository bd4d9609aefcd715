"""Questions, from acceptance to completion; ``test_scripts`` takes the steps in any order."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import IncomingQuestion, Progress
from sectorflow_slack.domain.slack_jobs import PostEphemeral
from sectorflow_slack.storage.questions import QuestionLimits, QuestionStore
from tests.storage.builders import (
    FIRST,
    KEY,
    OTHER_KEY,
    PLAN,
    SECOND,
    THIRD,
    accept,
    hold,
    install,
    leased,
    pass_time,
    seconds_until,
)
from tests.storage.conftest import Stores, dump
from tests.values import BOT_USER_ID, make_question

OTHER = replace(FIRST, id="other", installation=OTHER_KEY)
ASKED = IncomingQuestion(
    id="1",
    app_id=KEY.app_id,
    tenant_ids=(KEY.tenant_id,),
    event_id="Ev1",
    channel_id="C1",
    user_id="U0ANN",
    ts="1.1",
    thread_ts="1.1",
    record='{"text": "Tell me a joke"}',
)
ASKED_AGAIN = replace(ASKED, id="2", event_id="Ev2", ts="2.2")
FULL, BRAKED = (
    PostEphemeral(KEY, sentence=sentence, user_id="U0EVE", channel_id="C1", thread_ts="1.1")
    for sentence in ("too_many_waiting", "asked_too_often")
)


def accept_event(db: Stores, incoming: IncomingQuestion = ASKED, **limits: int) -> str:
    questions = QuestionStore(db.redis, db.cipher, limits=QuestionLimits(**limits))
    return questions.accept_event(incoming, (FULL, BRAKED)).outcome


@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        (replace(ASKED_AGAIN, event_id=ASKED.event_id), "repeated"),
        (replace(ASKED_AGAIN, ts=ASKED.ts), "repeated"),
        (replace(ASKED_AGAIN, ts=ASKED.ts, channel_id="C2"), "accepted"),
        (replace(ASKED, id="2", app_id=OTHER_KEY.app_id), "accepted"),
        (ASKED_AGAIN, "accepted"),
    ],
    ids=["Slack's retry", "the twin event", "another channel", "another app", "another message"],
)
@pytest.mark.parametrize("is_answered", [False, True])
def test_each_app_accepts_a_message_once(db, second, outcome, is_answered):
    install(db.redis, KEY, OTHER_KEY)
    accept_event(db)
    if is_answered:
        db.redis.delete(f"question:{ASKED.id}", f"waiting:{KEY}")
    before = dump(db.redis)

    assert accept_event(db, second) == outcome
    assert db.redis.hget("metrics", "received") == "2"
    assert db.redis.hget("metrics", "repeated") == ("1" if outcome == "repeated" else None)
    assert outcome == "accepted" or dump(db.redis) | {"metrics": ""} == before | {"metrics": ""}


@pytest.mark.parametrize(
    ("changes", "outcome", "key"),
    [
        ({"tenant_ids": ("T0GONE", "E0GONE")}, "not_installed", None),
        ({"tenant_ids": ()}, "not_installed", None),
        ({"user_id": BOT_USER_ID}, "own_message", KEY),
        ({"tenant_ids": ("T0GONE", "T0ACME", "E0ACME")}, "accepted", KEY),
    ],
    ids=["left", "no team", "the bot's own message", "the first candidate that is installed"],
)
def test_a_question_is_accepted_for_the_first_installation_unless_the_bot_wrote_it(db, changes, outcome, key):
    install(db.redis, KEY, InstallationKey("A0OWN", "E0ACME"))
    before = dump(db.redis)

    accepted = db.questions.accept_event(replace(ASKED, **changes), (FULL, BRAKED))

    assert (accepted.outcome, accepted.installation) == (outcome, key)
    assert outcome == "accepted" or dump(db.redis) == before


def test_an_accepted_event_is_leased_as_it_came(db):
    install(db.redis, KEY)
    accept_event(db)

    lease = db.questions.lease()

    assert (lease.id, lease.installation, lease.question) == ("1", KEY, None)
    assert (lease.record, lease.progress) == (json.loads(ASKED.record), Progress())


def test_a_question_of_an_interaction_is_leased_whole_and_never_refused(db):
    strict = QuestionStore(db.redis, db.cipher, limits=QuestionLimits(waiting=0, per_person=1))
    whole = replace(FIRST, thread_ts="0.5", is_direct=True, is_external=True, text="\ud83d")
    install(db.redis, KEY)

    assert [strict.accept(each) for each in (whole, SECOND)] == [True, True]
    assert [leased(strict), leased(strict)] == [whole, SECOND]


@pytest.mark.parametrize(
    ("limits", "reason", "notice"),
    [
        ({"waiting": 1}, "too_many_waiting", FULL),
        ({"per_person": 1, "period_seconds": 40}, "asked_too_often", BRAKED),
    ],
)
def test_a_person_who_may_not_ask_is_told_once_a_minute_and_counted(db, limits, reason, notice):
    install(db.redis, KEY)
    asked = [replace(ASKED, id=f"{n}", event_id=f"Ev{n}", ts=f"{n}.1") for n in range(5)]

    outcomes = [accept_event(db, each, **limits) for each in asked[:3]]
    _, job = db.slack_jobs.take()

    assert outcomes == ["accepted", reason, reason]
    assert (job["sentence"], db.slack_jobs.take()) == (notice.sentence, None)
    assert db.questions.await_wake("jobs", 1)
    assert db.redis.hgetall("metrics") == {"received": "3", f"failed:{reason}": "2"}
    assert 0 < db.redis.ttl(f"braked:{KEY}:U0ANN") <= 60
    db.redis.delete(f"braked:{KEY}:U0ANN")
    assert accept_event(db, asked[3], **limits) == reason
    assert db.slack_jobs.take() is not None
    assert accept_event(db, replace(asked[4], user_id="U0BOB"), per_person=1) == "accepted"


def test_questions_that_are_tried_again_later_count_as_waiting(db):
    install(db.redis, KEY)
    accept(db, FIRST)
    db.questions.release(leased(db.questions), 60, counts=True)

    assert accept_event(db, ASKED_AGAIN, waiting=1) == "too_many_waiting"


def test_a_person_may_ask_again_once_the_period_is_over(db):
    install(db.redis, KEY)
    numbers = count(1)

    def ask() -> str:
        n = next(numbers)
        return accept_event(
            db, replace(ASKED, id=f"{n}", event_id=f"Ev{n}", ts=f"{n}.1"), per_person=2, period_seconds=40
        )

    asked = [ask() for _ in range(3)]
    assert 0 < db.redis.ttl(f"asks:{KEY}:U0ANN") <= 40
    db.redis.delete(f"asks:{KEY}:U0ANN")

    assert [*asked, ask()] == ["accepted", "accepted", "asked_too_often", "accepted"]


def test_a_question_that_does_not_decrypt_is_postponed_and_blocks_no_other(db, caplog):
    accept(db, FIRST, SECOND)
    db.redis.copy(f"question:{SECOND.id}", f"question:{FIRST.id}", replace=True)

    assert [leased(db.questions), db.questions.lease()] == [SECOND, None]
    assert caplog.messages == [f"question cannot be read: question:{FIRST.id} question"]
    assert 0 < seconds_until(db.redis, "later", FIRST) <= 60
    assert db.questions.progress(FIRST).failures == 0


@pytest.mark.parametrize(
    ("name", "stored"),
    [("event", "no JSON"), ("question", "[]"), ("plan", "{}"), ("posted", "no JSON")],
)
def test_a_question_that_is_stored_in_an_unknown_form_is_postponed_and_blocks_no_other(
    db, caplog, name, stored
):
    accept(db, FIRST, SECOND)
    key = f"question:{FIRST.id}"
    is_sealed = name in {"event", "question", "plan"}
    db.redis.hset(key, name, db.cipher.seal(key, name, stored) if is_sealed else stored)

    assert [leased(db.questions), db.questions.lease()] == [SECOND, None]
    assert [(record.msg, vars(record)["question_id"]) for record in caplog.records] == [
        ("question cannot be read", FIRST.id)
    ]
    assert 0 < seconds_until(db.redis, "later", FIRST) <= 60


def test_a_lease_lasts_as_long_as_it_is_extended(db):
    question = hold(db)
    for _ in range(3):
        pass_time(db.redis, 8)
        db.questions.extend([question])
        assert 11 < seconds_until(db.redis, "underway", FIRST) <= 12
        db.questions.tick("worker")
    db.questions.extend([])

    assert db.questions.lease() is None
    pass_time(db.redis, 13)
    db.questions.tick("worker")
    assert leased(db.questions) == FIRST


def test_progress_is_stored_between_tries_and_failures_are_counted(db):
    question = hold(db)
    before = db.questions.progress(question)
    db.questions.save_plan(question, PLAN)
    db.questions.mark_posted(question, ["1.1", "1.2"])
    db.questions.release(question, 0, counts=True)
    db.questions.release(leased(db.questions), 0, counts=False)
    db.questions.stop(KEY, FIRST.channel_id, FIRST.ts, "U0BOB")

    assert before == Progress()
    assert db.questions.lease().progress == Progress(PLAN, ("1.1", "1.2"), failures=1, stopped="U0BOB")


@pytest.mark.parametrize("posted", [(), ("1.1",)])
def test_another_plan_begins_without_failures_and_with_its_posted_messages(db, posted):
    db.questions.release(hold(db), 0, counts=True)
    question = leased(db.questions)
    db.questions.mark_posted(question, ["1.1", "1.2"])

    db.questions.save_plan(question, PLAN, posted)

    assert db.questions.progress(question) == Progress(PLAN, posted=posted)


@pytest.mark.parametrize(
    ("failure", "counter"),
    [("", "answered"), ("answer_lost", "failed:answer_lost"), ("slack_no such word", "failed:other")],
)
def test_nothing_is_left_of_a_completed_question_but_the_marks_of_repeats_and_counts(db, failure, counter):
    question = hold(db)
    db.questions.save_plan(question, PLAN)

    assert not db.questions.complete(question, failure)

    db.questions.await_wake("questions", 1)
    pass_time(db.redis, 13)
    db.questions.tick("worker")
    assert db.redis.hgetall("metrics") == {"received": "1", counter: "1"}
    left = {"event", "asked", "installation", "metrics", "turns", "workers"}
    assert {key.partition(":")[0] for key in dump(db.redis)} == left


def test_only_the_thread_of_its_own_channel_is_stopped(db):
    accept(db, FIRST, replace(SECOND, channel_id="C0OTHER"), replace(OTHER, ts=FIRST.ts))

    assert db.questions.stop(KEY, FIRST.channel_id, FIRST.ts, "U0BOB") == 1
    assert [db.questions.lease().progress.stopped for _ in range(3)].count("U0BOB") == 1


@pytest.mark.parametrize("line", ["waiting", "later", "underway"])
def test_what_redis_or_an_earlier_release_has_not_in_its_indexes_is_found_again(db, line):
    accept(db, FIRST)
    if line == "later":
        db.questions.release(leased(db.questions), 60, counts=False)
    elif line == "underway":
        leased(db.questions)
    pass_time(db.redis, 61)
    db.redis.delete("due", "wakes:questions", *db.redis.scan_iter("turns*"))

    db.questions.tick("worker")

    assert db.questions.await_wake("questions", 1)
    assert leased(db.questions) == FIRST


def test_a_changed_limit_holds_from_the_next_lease_on(db):
    narrow, wide = (
        QuestionStore(db.redis, db.cipher, limits=QuestionLimits(underway=limit)) for limit in (1, 2)
    )
    accept(db, FIRST, SECOND, THIRD, make_question(4))
    held = [leased(wide), leased(wide)]

    assert narrow.lease() is None
    assert not narrow.complete(held[0])
    assert narrow.lease() is None
    wide.tick("worker")
    assert [leased(wide), wide.lease()] == [THIRD, None]


def test_the_next_look_is_when_something_is_due_and_soon_while_questions_are_open(db):
    assert db.questions.tick("worker") == 3
    db.questions.release(hold(db), 0.5, counts=False)
    assert 0 < db.questions.tick("worker") <= 0.5
    db.questions.complete(hold_again(db))
    assert db.questions.tick("worker") == 3

    db.slack_jobs.enqueue(FULL, delay=2)
    assert 1 < db.questions.tick("worker") <= 2


def hold_again(db: Stores):
    pass_time(db.redis, 60)
    db.questions.tick("worker")
    return leased(db.questions)


def test_many_wake_ups_are_one_for_each_of_a_few_workers(db):
    for number in range(70):
        accept(db, make_question(number))

    assert db.redis.llen("wakes:questions") == 64
    assert db.questions.await_wake("questions", 1)
    assert not db.questions.await_wake("jobs", 0.01)


def test_a_worker_that_ends_wakes_another_and_counts_as_gone(db):
    db.questions.tick("one")
    db.questions.tick("other")

    db.questions.sign_off("one")

    # Threads of its own that still wait take one wake-up at most.
    for line in ("questions", "jobs") * 2:
        assert db.questions.await_wake(line, 1)
    assert db.checkup.workers() == 1


@pytest.fixture
def full_db(real_db):
    """Four questions under way, and then a Redis whose memory is full."""
    accept(real_db, *(make_question(number) for number in range(1, 6)))
    held = [leased(real_db.questions) for _ in range(4)]
    limit = real_db.redis.config_get("maxmemory")["maxmemory"]
    real_db.redis.config_set("maxmemory", 100_000)
    yield real_db, held
    real_db.redis.config_set("maxmemory", limit)


@pytest.mark.real_redis
def test_a_full_redis_accepts_nothing_and_completes_what_is_accepted(full_db):
    db, held = full_db

    for refused in (lambda: db.questions.accept(make_question(9)), lambda: db.slack_jobs.enqueue(FULL)):
        with pytest.raises(StorageUnavailable, match="OutOfMemory"):
            refused()

    db.questions.extend(held)
    db.questions.tick("worker")
    db.questions.save_plan(held[0], PLAN)
    db.questions.mark_posted(held[0], ["1.1"])
    assert db.statuses.end(held[0]) == ""
    assert db.questions.complete(held[0])
    db.questions.complete(held[1], "answer_lost", held[1])
    db.questions.release(held[2], 5, counts=True)
    assert db.questions.stop(KEY, FIRST.channel_id, held[3].ts, "U0BOB") == 1
    assert leased(db.questions) == held[3]


def calls(db: Stores, step: Callable[[], object]) -> int:
    """Count the commands that a step makes, inside scripts too."""

    def total() -> int:
        return sum(int(each["calls"]) for each in db.redis.info("commandstats").values())

    before = total()
    step()
    return total() - before


#: Steps that are taken all the time.
FREQUENT = {
    "lease": lambda db: db.questions.lease(),
    "complete": lambda db: db.questions.complete(leased(db.questions)),
    "tick": lambda db: db.questions.tick("worker"),
    "enqueue": lambda db: db.slack_jobs.enqueue(FULL),
    "take": lambda db: db.slack_jobs.take(),
    "unshown": lambda db: db.statuses.unshown(),
}


@pytest.mark.real_redis
@pytest.mark.parametrize("is_wide", [True, False], ids=["many installations", "one installation"])
def test_no_frequent_step_makes_more_calls_the_more_questions_and_jobs_wait(real_db, is_wide):
    numbers = count(1)

    def calls_with(more: int) -> dict[str, int]:
        for number in (next(numbers) for _ in range(more)):
            key = InstallationKey("A0OWN", f"T{number}") if is_wide else KEY
            accept(real_db, make_question(number, installation=key))
            real_db.slack_jobs.enqueue(replace(FULL, installation=key), delay=600 * (number % 2))
        return {name: calls(real_db, partial(step, real_db)) for name, step in FREQUENT.items()}

    install(real_db.redis, KEY)
    # The first calls also store the scripts.
    calls_with(110)
    before, after = calls_with(0), calls_with(60)
    assert all(after[name] < before[name] + 60 for name in FREQUENT)
