from __future__ import annotations

import time
from dataclasses import replace

import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sectorflow_slack.domain.progress import Progress
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.questions import LEASE_SECONDS, RedisQuestionStore
from tests.storage.conftest import dump
from tests.storage.question_steps import (
    FIRST,
    KEY,
    OTHER_KEY,
    SECOND,
    THIRD,
    let_go,
    seconds_until,
    taken,
)
from tests.values import make_question

any_text = st.text(st.characters())


# Accepting


def test_an_accepted_question_is_taken_whole(questions: RedisQuestionStore) -> None:
    question = make_question(thread_ts="0.5", is_direct=True, is_external=True)

    accepted = questions.accept(question)

    assert accepted
    assert questions.take(KEY) == question


@given(text=any_text)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_any_text_comes_out_as_it_went_in(
    questions: RedisQuestionStore, store: redis.Redis, text: str
) -> None:
    store.flushdb()

    questions.accept(make_question(text=text))

    assert taken(questions).text == text


def test_the_same_event_again_is_not_accepted(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)

    assert not questions.accept(replace(SECOND, event_id=FIRST.event_id))
    assert taken(questions) == FIRST
    assert questions.take(KEY) is None


def test_the_twin_event_of_the_same_message_is_not_accepted(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)

    assert not questions.accept(replace(SECOND, ts=FIRST.ts))


def test_a_refused_twin_leaves_no_mark(questions: RedisQuestionStore, store: redis.Redis) -> None:
    questions.accept(FIRST)
    before = dump(store)

    questions.accept(replace(SECOND, ts=FIRST.ts))

    assert dump(store) | {"metrics": ""} == before | {"metrics": ""}


def test_the_same_ts_in_another_channel_is_another_message(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)

    assert questions.accept(replace(SECOND, ts=FIRST.ts, channel_id="C0OTHER"))


def test_an_event_is_known_as_a_repeat_after_its_answer_too(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)
    questions.finish(taken(questions))

    assert not questions.accept(replace(FIRST, id="another-id"))


def test_two_apps_that_one_message_mentions_both_accept_it(questions: RedisQuestionStore) -> None:
    twin = replace(FIRST, id="for-the-other-app", installation=OTHER_KEY)

    assert questions.accept(FIRST)
    assert questions.accept(twin)
    assert questions.take(KEY) == FIRST
    assert questions.take(OTHER_KEY) == twin


def test_each_event_is_counted_and_repeats_apart(questions: RedisQuestionStore, store: redis.Redis) -> None:
    for question in (FIRST, SECOND, replace(FIRST, id="again")):
        questions.accept(question)

    assert store.hgetall("metrics") == {"received": "3", "repeated": "1"}


# Taking


def test_questions_are_taken_in_the_order_they_came(questions: RedisQuestionStore) -> None:
    for question in (FIRST, SECOND, THIRD):
        questions.accept(question)

    assert [questions.take(KEY) for _ in range(4)] == [FIRST, SECOND, THIRD, None]


def test_an_installation_without_questions_gives_none(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)

    assert questions.take(OTHER_KEY) is None


def test_no_more_than_allowed_are_under_way_at_once(two_at_once: RedisQuestionStore) -> None:
    for question in (FIRST, SECOND, THIRD):
        two_at_once.accept(question)

    first, second = taken(two_at_once), taken(two_at_once)
    assert (first, second, two_at_once.take(KEY)) == (FIRST, SECOND, None)
    two_at_once.finish(second)
    assert two_at_once.take(KEY) == THIRD


def test_the_limit_of_one_installation_is_not_anothers(two_at_once: RedisQuestionStore) -> None:
    other = replace(THIRD, installation=OTHER_KEY)
    for question in (FIRST, SECOND, other):
        two_at_once.accept(question)
    taken(two_at_once), taken(two_at_once)

    assert two_at_once.take(OTHER_KEY) == other


def test_a_question_is_held_for_its_lease(questions: RedisQuestionStore, store: redis.Redis) -> None:
    questions.accept(FIRST)

    question = taken(questions)

    assert LEASE_SECONDS - 1 < seconds_until(store, "underway", question) <= LEASE_SECONDS
    assert questions.take(KEY) is None


def test_a_question_that_a_dead_worker_let_go_is_taken_by_another_and_the_death_counted(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    first_worker = taken(questions)
    let_go(store, first_worker)

    second_worker = taken(questions)

    assert second_worker == FIRST
    assert questions.progress(second_worker) == Progress(deaths=1)
    assert store.hget("metrics", "let_go") == "1"


def test_questions_that_were_let_go_are_taken_first_and_in_their_order(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    for question in (FIRST, SECOND, THIRD):
        questions.accept(question)
    let_go(store, taken(questions), taken(questions))

    assert [questions.take(KEY) for _ in range(3)] == [FIRST, SECOND, THIRD]


def test_dead_workers_do_not_use_up_the_limit(two_at_once: RedisQuestionStore, store: redis.Redis) -> None:
    two_at_once.accept(FIRST)
    two_at_once.accept(SECOND)
    let_go(store, taken(two_at_once), taken(two_at_once))

    assert [two_at_once.take(KEY) for _ in range(3)] == [FIRST, SECOND, None]


def test_a_lease_runs_out_by_itself(store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(store, cipher, limit=16, lease_seconds=0.05)
    questions.accept(FIRST)
    taken(questions)

    time.sleep(0.1)

    assert questions.take(KEY) == FIRST


def test_a_question_whose_record_expired_is_passed_over(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    questions.accept(SECOND)
    store.delete(f"question:{FIRST.id}")

    assert questions.take(KEY) == SECOND
    assert questions.take(KEY) is None
    assert store.zrange(f"underway:{KEY}", 0, -1) == [SECOND.id]
    assert store.hgetall("metrics") == {"received": "2", "failed:expired": "1"}
