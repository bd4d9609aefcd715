from __future__ import annotations

import time
from dataclasses import replace

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.messages import Message
from sectorflow_slack.domain.progress import Plan, Progress
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.questions import LEASE_SECONDS, RedisQuestionStore
from tests.storage.conftest import dump
from tests.storage.question_steps import (
    FIRST,
    KEY,
    OTHER_KEY,
    PLAN,
    SECOND,
    THIRD,
    let_go,
    let_its_time_come,
    seconds_until,
    taken,
)

any_text = st.text(st.characters())


# Holding


def test_holding_makes_the_lease_longer(questions: RedisQuestionStore, store: redis.Redis) -> None:
    for question in (FIRST, SECOND):
        questions.accept(question)
    held = [taken(questions), taken(questions)]
    let_go(store, *held)

    questions.hold(held)

    assert questions.take(KEY) is None
    assert seconds_until(store, "underway", FIRST) > LEASE_SECONDS - 1
    assert seconds_until(store, "underway", SECOND) > LEASE_SECONDS - 1


def test_holding_spans_installations(questions: RedisQuestionStore, store: redis.Redis) -> None:
    other = replace(SECOND, installation=OTHER_KEY)
    questions.accept(FIRST)
    questions.accept(other)
    held = [taken(questions), taken(questions, OTHER_KEY)]
    let_go(store, *held)

    questions.hold(held)

    assert questions.take(KEY) is None
    assert questions.take(OTHER_KEY) is None


def test_holding_does_not_bring_back_what_is_finished_or_put_back(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    for question in (FIRST, SECOND):
        questions.accept(question)
    finished, put_back = taken(questions), taken(questions)
    questions.finish(finished)
    questions.put_back(put_back, 60, counts=False)

    questions.hold([finished, put_back])

    assert store.exists(f"underway:{KEY}") == 0


def test_holding_nothing_does_nothing(questions: RedisQuestionStore, store: redis.Redis) -> None:
    questions.hold([])

    assert dump(store) == {}


# Progress


def test_a_fresh_question_has_come_nowhere(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)

    assert questions.progress(FIRST) == Progress()


def test_progress_is_kept_between_tries(questions: RedisQuestionStore, store: redis.Redis) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    questions.save_plan(question, PLAN)
    for _ in range(2):
        questions.mark_posted(question, ["1.1", "1.2"])
    questions.put_back(question, 0, counts=True)

    again = taken(questions)

    assert questions.progress(again) == Progress(PLAN, posted=("1.1", "1.2"), failures=1, deaths=0)


any_block = st.dictionaries(any_text, any_text | st.integers() | st.booleans() | st.none(), max_size=2)


@given(
    messages=st.lists(st.builds(Message, any_text, st.lists(any_block, max_size=2).map(tuple)), max_size=3),
    failure=any_text,
    thread_id=any_text | st.none(),
    posted=st.lists(any_text, max_size=2).map(tuple),
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_any_plan_comes_back_as_it_was(
    questions: RedisQuestionStore,
    store: redis.Redis,
    messages: list[Message],
    failure: str,
    thread_id: str | None,
    posted: tuple[str, ...],
) -> None:
    store.flushdb()
    questions.accept(FIRST)
    question = taken(questions)
    plan = Plan(tuple(messages), failure, thread_id)

    questions.save_plan(question, plan, posted)

    assert questions.progress(question) == Progress(plan, posted)


@pytest.mark.parametrize("posted", [(), ("1.1",)])
def test_another_plan_says_how_much_of_it_is_posted(
    questions: RedisQuestionStore, posted: tuple[str, ...]
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    questions.save_plan(question, PLAN)
    questions.mark_posted(question, ["1.1", "1.2"])

    questions.save_plan(question, PLAN, posted)

    assert questions.progress(question) == Progress(PLAN, posted=posted)


def test_another_plan_begins_without_failures(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)
    questions.put_back(taken(questions), 0, counts=True)
    question = taken(questions)

    questions.save_plan(question, PLAN)

    assert questions.progress(question) == Progress(PLAN)


# Putting back


def test_a_question_put_back_waits_its_delay(questions: RedisQuestionStore, store: redis.Redis) -> None:
    questions.accept(FIRST)

    questions.put_back(taken(questions), 30, counts=False)

    assert 29 < seconds_until(store, "later", FIRST) <= 30
    assert questions.take(KEY) is None


def test_a_question_put_back_goes_first_when_its_time_comes(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    for question in (FIRST, SECOND, THIRD):
        questions.accept(question)
    questions.put_back(taken(questions), 30, counts=False)
    assert questions.take(KEY) == SECOND

    let_its_time_come(store, FIRST)

    assert [questions.take(KEY), questions.take(KEY)] == [FIRST, THIRD]


def test_a_delay_passes_by_itself(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)
    questions.put_back(taken(questions), 0.05, counts=False)

    time.sleep(0.1)

    assert questions.take(KEY) == FIRST


@pytest.mark.parametrize(("counts", "failures"), [(True, 1), (False, 0)])
def test_putting_back_counts_as_a_failure_only_where_it_is_one(
    questions: RedisQuestionStore, counts: bool, failures: int
) -> None:
    questions.accept(FIRST)

    questions.put_back(taken(questions), 30, counts=counts)

    assert questions.progress(FIRST).failures == failures


def test_a_question_put_back_makes_room_for_another(two_at_once: RedisQuestionStore) -> None:
    for question in (FIRST, SECOND, THIRD):
        two_at_once.accept(question)
    first, _ = taken(two_at_once), taken(two_at_once)

    two_at_once.put_back(first, 30, counts=False)

    assert two_at_once.take(KEY) == THIRD


def test_only_who_holds_a_question_puts_it_back(questions: RedisQuestionStore, store: redis.Redis) -> None:
    questions.accept(FIRST)

    with pytest.raises(LeaseLost):
        questions.put_back(FIRST, 30, counts=True)

    assert questions.progress(FIRST).failures == 0
    assert store.exists(f"later:{KEY}") == 0


# Finishing


def test_a_finished_question_is_forgotten(questions: RedisQuestionStore, store: redis.Redis) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    questions.save_plan(question, PLAN)

    questions.finish(question)

    assert store.exists(f"question:{FIRST.id}", f"underway:{KEY}") == 0
    assert questions.progress(question) == Progress()
    assert questions.take(KEY) is None


def test_finishing_says_whether_more_wait(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)
    questions.accept(SECOND)

    assert questions.finish(taken(questions))
    assert not questions.finish(taken(questions))


def test_a_dead_workers_question_without_a_record_leaves_nothing_while_there_is_no_room(
    store: redis.Redis, cipher: Cipher
) -> None:
    questions = RedisQuestionStore(store, cipher, limit=0)
    store.zadd(f"underway:{KEY}", {FIRST.id: 0})

    questions.take(KEY)

    assert store.exists(f"question:{FIRST.id}") == 0


@pytest.mark.parametrize(
    ("failure", "counter"),
    [
        ("", "answered"),
        ("answer_lost", "failed:answer_lost"),
        ("slack_no such word", "failed:other"),
        ("slack_" + "x" * 80, "failed:other"),
    ],
)
def test_a_finished_question_is_counted_by_how_it_ended(
    questions: RedisQuestionStore, store: redis.Redis, failure: str, counter: str
) -> None:
    questions.accept(FIRST)

    questions.finish(taken(questions), failure)

    assert store.hgetall("metrics") == {"received": "1", counter: "1"}
