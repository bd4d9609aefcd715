from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.models import InstallationKey, ModelAnswer, Progress, Question, Reply
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.questions import LEASE_SECONDS, NUDGE_SECONDS, RedisQuestionStore
from tests.storage.conftest import dump, expiring_and_staying, race
from tests.values import make_question

DAY = 24 * 3600
KEY = make_question().installation
OTHER_KEY = InstallationKey("A0CUSTOMER", "T0ACME")
REPLY = Reply(
    (ModelAnswer("m1", "GPT", "gpt-4o", "the first answer"), ModelAnswer("m2", "Claude", failed=True)),
    "thread-1",
)
FIRST, SECOND, THIRD = (make_question(number) for number in (1, 2, 3))

any_text = st.text(st.characters())


@pytest.fixture
def questions(store: redis.Redis, cipher: Cipher) -> RedisQuestionStore:
    return RedisQuestionStore(store, cipher, limit=16)


@pytest.fixture
def two_at_once(store: redis.Redis, cipher: Cipher) -> RedisQuestionStore:
    return RedisQuestionStore(store, cipher, limit=2)


def taken(questions: RedisQuestionStore, key: InstallationKey = KEY) -> Question:
    """Take the next question, which must be there."""
    question = questions.take(key)
    assert question is not None
    return question


def let_go(store: redis.Redis, *held: Question) -> None:
    """Do what time does to questions whose worker is dead: the first in the order of their leases."""
    for number, question in enumerate(held):
        store.zadd(f"underway:{question.installation}", {question.id: number})


def let_its_time_come(store: redis.Redis, question: Question) -> None:
    """Do what time does to a question that was put back."""
    store.zadd(f"later:{question.installation}", {question.id: 0})


def forget_nudges(store: redis.Redis) -> None:
    """Do what time does to the notes that a worker was woken."""
    for key in store.scan_iter("nudged:*"):
        store.delete(key)


def seconds_until(store: redis.Redis, line: str, question: Question) -> float:
    score = store.zscore(f"{line}:{question.installation}", question.id)
    assert score is not None
    seconds, microseconds = store.time()
    return float(score) - seconds - microseconds / 1e6


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

    assert dump(store) == before


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

    assert [two_at_once.take(KEY) for _ in range(3)] == [FIRST, SECOND, None]
    two_at_once.finish(SECOND)
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
    questions.save_reply(question, REPLY)
    questions.mark_posted(question)
    questions.mark_posted(question)
    questions.put_back(question, 0, counts=True)

    again = taken(questions)

    assert questions.progress(again) == Progress(REPLY, posted=2, failures=1, deaths=0)


@given(
    answers=st.lists(
        st.builds(ModelAnswer, any_text, any_text, any_text, any_text, st.booleans()), max_size=3
    ),
    thread_id=st.none() | any_text,
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_any_reply_comes_back_as_it_was(
    questions: RedisQuestionStore, answers: list[ModelAnswer], thread_id: str | None
) -> None:
    questions.accept(FIRST)
    reply = Reply(tuple(answers), thread_id)

    questions.save_reply(FIRST, reply)

    assert questions.progress(FIRST).reply == reply


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

    questions.put_back(FIRST, 30, counts=True)

    assert questions.progress(FIRST).failures == 0
    assert store.exists(f"later:{KEY}") == 0


# Finishing


def test_a_finished_question_is_forgotten(questions: RedisQuestionStore, store: redis.Redis) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    questions.save_reply(question, REPLY)

    questions.finish(question)

    assert store.exists(f"question:{FIRST.id}", f"underway:{KEY}") == 0
    assert questions.progress(question) == Progress()
    assert questions.take(KEY) is None


def test_finishing_says_whether_more_wait(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)
    questions.accept(SECOND)

    assert questions.finish(taken(questions))
    assert not questions.finish(taken(questions))


def test_finishing_a_question_that_was_put_back_takes_it_out(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    questions.put_back(question, 0, counts=False)

    questions.finish(question)

    assert store.exists(f"later:{KEY}") == 0
    assert questions.take(KEY) is None


def test_a_worker_thought_dead_may_finish_and_nobody_answers_again(
    two_at_once: RedisQuestionStore, store: redis.Redis
) -> None:
    for question in (FIRST, SECOND, THIRD):
        two_at_once.accept(question)
    slow, other = taken(two_at_once), taken(two_at_once)
    let_go(store, slow)
    two_at_once.take(KEY)

    two_at_once.finish(slow)
    two_at_once.finish(other)

    assert two_at_once.take(KEY) == THIRD
    assert two_at_once.take(KEY) is None


@pytest.mark.parametrize("late_word", ["save_reply", "mark_posted", "put_back", "hold", "let go"])
def test_a_late_word_about_a_forgotten_question_leaves_nothing_behind(
    questions: RedisQuestionStore, store: redis.Redis, late_word: str
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    store.delete(f"question:{FIRST.id}")
    words: dict[str, Callable[[], object]] = {
        "save_reply": lambda: questions.save_reply(question, REPLY),
        "mark_posted": lambda: questions.mark_posted(question),
        "put_back": lambda: questions.put_back(question, 0, counts=True),
        "hold": lambda: questions.hold([question]),
        "let go": lambda: let_go(store, question),
    }

    words[late_word]()

    assert store.exists(f"question:{FIRST.id}") == 0
    assert questions.take(KEY) is None
    assert store.exists(f"question:{FIRST.id}") == 0


def test_a_dead_workers_question_without_a_record_leaves_nothing_while_there_is_no_room(
    store: redis.Redis, cipher: Cipher
) -> None:
    questions = RedisQuestionStore(store, cipher, limit=0)
    store.zadd(f"underway:{KEY}", {FIRST.id: 0})

    questions.take(KEY)

    assert store.exists(f"question:{FIRST.id}") == 0


# Who is due


def test_an_installation_with_a_waiting_question_is_due(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)
    questions.accept(SECOND)
    questions.accept(replace(THIRD, installation=OTHER_KEY))

    assert set(questions.due()) == {KEY, OTHER_KEY}


def test_an_installation_is_due_once_in_a_while(questions: RedisQuestionStore, store: redis.Redis) -> None:
    questions.accept(FIRST)

    assert questions.due() == (KEY,)
    assert questions.due() == ()
    assert 0 < store.ttl(f"nudged:{KEY}") <= NUDGE_SECONDS
    forget_nudges(store)
    assert questions.due() == (KEY,)


def test_an_installation_whose_questions_are_all_held_is_not_due(questions: RedisQuestionStore) -> None:
    questions.accept(FIRST)
    taken(questions)

    assert questions.due() == ()


def test_an_installation_is_due_when_a_dead_worker_let_go(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)

    let_go(store, taken(questions))

    assert questions.due() == (KEY,)


def test_an_installation_is_due_when_a_question_put_back_is(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    questions.put_back(taken(questions), 30, counts=False)
    assert questions.due() == ()

    let_its_time_come(store, FIRST)

    assert questions.due() == (KEY,)


def test_an_installation_without_room_is_not_due(two_at_once: RedisQuestionStore, store: redis.Redis) -> None:
    for question in (FIRST, SECOND, THIRD):
        two_at_once.accept(question)
    first, _ = taken(two_at_once), taken(two_at_once)
    assert two_at_once.due() == ()

    let_go(store, first)

    assert two_at_once.due() == (KEY,)


def test_an_installation_with_nothing_left_is_looked_at_no_more(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    questions.finish(taken(questions))

    assert questions.due() == ()
    assert store.exists("installations-with-questions") == 0


def test_an_installation_that_is_looked_at_no_more_is_again_with_its_next_question(
    questions: RedisQuestionStore,
) -> None:
    questions.accept(FIRST)
    questions.finish(taken(questions))
    questions.take(KEY)

    questions.accept(SECOND)

    assert questions.due() == (KEY,)


# What the store shows, and for how long


def test_a_dump_shows_no_question_and_no_answer(questions: RedisQuestionStore, store: redis.Redis) -> None:
    for question in (FIRST, SECOND):
        questions.accept(question)
    questions.save_reply(taken(questions), REPLY)
    questions.due()

    text = str(dump(store))

    assert FIRST.text not in text
    assert "the first answer" not in text
    assert "GPT" not in text
    assert "U0ANN" not in text
    assert FIRST.id in text


def test_a_question_that_no_key_opens_is_named_and_stands_in_nobodys_way(
    questions: RedisQuestionStore, store: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    questions.accept(FIRST)
    questions.accept(SECOND)
    store.copy(f"question:{SECOND.id}", f"question:{FIRST.id}", replace=True)

    found = [questions.take(KEY), questions.take(KEY)]

    assert found == [SECOND, None]
    assert f"question:{FIRST.id} question" in caplog.text
    assert store.zrange(f"later:{KEY}", 0, -1) == [FIRST.id]


def test_a_reply_that_no_key_opens_counts_as_none(
    questions: RedisQuestionStore, store: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    store.hset(f"question:{FIRST.id}", "reply", "sealed for another place")

    progress = questions.progress(question)

    assert progress.reply is None
    assert f"question:{FIRST.id} reply" in caplog.text


def test_repeats_are_known_for_two_days_and_a_question_kept_for_a_week(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    question = taken(questions)
    questions.save_reply(question, REPLY)
    questions.mark_posted(question)
    questions.put_back(question, 0, counts=True)

    assert 0 <= 2 * DAY - store.ttl(f"event:{KEY}:{FIRST.event_id}") <= 5
    assert 0 <= 2 * DAY - store.ttl(f"asked:{KEY}:{FIRST.channel_id}:{FIRST.ts}") <= 5
    assert 0 <= 7 * DAY - store.ttl(f"question:{FIRST.id}") <= 5


def test_when_all_is_answered_only_what_expires_is_left(
    questions: RedisQuestionStore, store: redis.Redis
) -> None:
    for number in range(10):
        questions.accept(make_question(number))
    while question := questions.take(KEY):
        questions.save_reply(question, REPLY)
        questions.mark_posted(question)
        questions.finish(question)

    expiring, staying = expiring_and_staying(store)

    assert staying == set()
    assert {key.partition(":")[0] for key in expiring} == {"event", "asked"}


def test_what_stays_does_not_grow_with_questions(questions: RedisQuestionStore, store: redis.Redis) -> None:
    for number in range(10):
        questions.accept(make_question(number))
    for _ in range(4):
        taken(questions)
    questions.put_back(taken(questions), 30, counts=True)
    questions.due()

    _, staying = expiring_and_staying(store)

    assert staying == {
        "installations-with-questions",
        f"waiting:{KEY}",
        f"later:{KEY}",
        f"underway:{KEY}",
    }


# Races


@pytest.mark.real_redis
def test_eight_workers_take_fifty_questions_each_exactly_once(
    real_store: redis.Redis, cipher: Cipher
) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=1000)
    for number in range(50):
        questions.accept(make_question(number))

    def work(_: int) -> list[str]:
        found = []
        while question := questions.take(KEY):
            found.append(question.id)
            questions.finish(question)
        return found

    ids = [each for found in race(8, work) for each in found]

    assert sorted(ids) == sorted(f"question-{number}" for number in range(50))


@pytest.mark.real_redis
def test_eight_workers_never_hold_more_than_the_limit(real_store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=3)
    for number in range(20):
        questions.accept(make_question(number))

    outcomes = race(8, lambda _: questions.take(KEY))

    assert len([question for question in outcomes if question]) == 3


@pytest.mark.real_redis
def test_of_the_same_event_many_times_at_once_one_is_accepted(
    real_store: redis.Redis, cipher: Cipher
) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)

    outcomes = race(8, lambda number: questions.accept(replace(FIRST, id=f"try-{number}")))

    assert outcomes.count(True) == 1
    assert real_store.llen(f"waiting:{KEY}") == 1


@pytest.mark.real_redis
def test_of_many_caretakers_at_once_one_wakes_a_worker(real_store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)
    questions.accept(FIRST)

    outcomes = race(8, lambda _: questions.due())

    assert sorted(outcomes) == [()] * 7 + [(KEY,)]


@pytest.mark.real_redis
def test_a_server_that_forgot_the_scripts_is_told_them_again(real_store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)
    questions.accept(FIRST)
    question = taken(questions)

    real_store.script_flush()

    questions.hold([question])
    real_store.script_flush()
    assert not questions.finish(question)


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(nobody, cipher, limit=16)
    steps: list[Callable[[], object]] = [
        lambda: questions.accept(FIRST),
        lambda: questions.take(KEY),
        lambda: questions.hold([FIRST]),
        lambda: questions.progress(FIRST),
        lambda: questions.save_reply(FIRST, REPLY),
        lambda: questions.mark_posted(FIRST),
        lambda: questions.put_back(FIRST, 1, counts=False),
        lambda: questions.finish(FIRST),
        lambda: questions.due(),
    ]

    for step in steps:
        with pytest.raises(StorageUnavailable):
            step()
