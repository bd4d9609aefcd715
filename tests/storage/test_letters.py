from __future__ import annotations

import time
from dataclasses import replace

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.interim import RedisInterimStore
from sectorflow_slack.storage.letters import RedisLetterStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.storage.conftest import dump, expiring_and_staying, race
from tests.storage.question_steps import FIRST, KEY, SECOND, let_go, taken

WEEK = 7 * 24 * 3600


@pytest.fixture
def letters(store: redis.Redis, cipher: Cipher) -> RedisLetterStore:
    return RedisLetterStore(store, cipher)


@pytest.fixture
def interim(store: redis.Redis, cipher: Cipher) -> RedisInterimStore:
    return RedisInterimStore(store, cipher)


def fail(questions: RedisQuestionStore, question: Question, reason: str = "answer_lost") -> Question:
    """Let a question fail for good."""
    questions.accept(question)
    held = taken(questions)
    questions.finish(held, reason, held)
    return question


def test_a_question_that_failed_for_good_is_a_dead_letter(
    questions: RedisQuestionStore, letters: RedisLetterStore
) -> None:
    fail(questions, FIRST, "answer_lost")

    (letter,) = letters.dead()

    assert (letter.question, letter.reason) == (FIRST, "answer_lost")
    assert abs(letter.at - time.time()) < 60
    assert letters.find(FIRST.id) == letter


def test_dead_letters_are_listed_oldest_first(
    questions: RedisQuestionStore, letters: RedisLetterStore
) -> None:
    fail(questions, SECOND)
    time.sleep(0.002)
    fail(questions, FIRST)

    assert [letter.question for letter in letters.dead()] == [SECOND, FIRST]


@pytest.mark.parametrize("failure", ["", "uninstalled"])
def test_what_cannot_be_asked_again_leaves_no_letter(
    questions: RedisQuestionStore, letters: RedisLetterStore, failure: str
) -> None:
    questions.accept(FIRST)

    questions.finish(taken(questions), failure)

    assert letters.find(FIRST.id) is None
    assert letters.dead() == ()


def test_a_letter_is_sealed_and_kept_for_a_week(
    questions: RedisQuestionStore, letters: RedisLetterStore, store: redis.Redis
) -> None:
    fail(questions, FIRST)

    assert 0 <= WEEK - store.ttl(f"letter:{FIRST.id}") <= 5
    assert FIRST.text not in str(dump(store))
    assert "U0ANN" not in str(dump(store))
    assert expiring_and_staying(store)[1] == {
        "dead-letters",
        "metrics",
        "installations-with-questions",
    }


def test_the_list_of_the_dead_forgets_who_is_older_than_a_week(
    questions: RedisQuestionStore, letters: RedisLetterStore, store: redis.Redis
) -> None:
    fail(questions, FIRST)
    store.zadd("dead-letters", {FIRST.id: time.time() - WEEK - 60})
    store.delete(f"letter:{FIRST.id}")
    assert letters.dead() == ()

    fail(questions, SECOND)

    assert store.zrange("dead-letters", 0, -1) == [SECOND.id]


def test_a_letter_that_is_revived_is_a_question_in_line(
    questions: RedisQuestionStore, letters: RedisLetterStore, store: redis.Redis
) -> None:
    fail(questions, FIRST)

    revived = letters.revive(replace(FIRST, button_ts="1.2"))

    question = taken(questions)
    assert revived
    assert question == replace(FIRST, button_ts="1.2")
    assert (letters.find(FIRST.id), letters.dead()) == (None, ())
    assert 0 <= WEEK - store.ttl(f"question:{FIRST.id}") <= 5
    assert store.hgetall("metrics") == {"received": "2", "failed:answer_lost": "1"}


def test_a_revived_question_wakes_workers_and_goes_behind_those_that_wait(
    questions: RedisQuestionStore, letters: RedisLetterStore
) -> None:
    fail(questions, FIRST)
    assert questions.due() == ()
    questions.accept(SECOND)

    letters.revive(FIRST)

    assert questions.due() == (KEY,)
    assert [taken(questions).id, taken(questions).id] == [SECOND.id, FIRST.id]


def test_a_revived_question_begins_anew(
    questions: RedisQuestionStore, letters: RedisLetterStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    let_go(store, taken(questions))
    held = taken(questions)
    questions.finish(held, "answer_lost", held)

    letters.revive(FIRST)

    progress = questions.progress(taken(questions))
    assert (progress.plan, progress.posted, progress.failures, progress.deaths) == (None, (), 0, 0)


def test_the_message_whose_button_was_pressed_stands_in_for_the_answer(
    questions: RedisQuestionStore, letters: RedisLetterStore, interim: RedisInterimStore
) -> None:
    fail(questions, FIRST)

    letters.revive(replace(FIRST, button_ts="1.2"))

    assert interim.claim(FIRST.id) is None
    assert interim.take_over(taken(questions)) == "1.2"


def test_a_question_that_is_revived_without_a_message_has_nothing_that_stands_in(
    questions: RedisQuestionStore, letters: RedisLetterStore, interim: RedisInterimStore
) -> None:
    fail(questions, FIRST)

    letters.revive(FIRST)

    assert interim.take_over(taken(questions)) == ""


def test_what_is_no_letter_is_not_revived(
    questions: RedisQuestionStore, letters: RedisLetterStore, store: redis.Redis
) -> None:
    before = dump(store)

    assert not letters.revive(FIRST)

    assert dump(store) == before


def test_a_replayed_question_that_fails_again_is_a_new_letter(
    questions: RedisQuestionStore, letters: RedisLetterStore
) -> None:
    fail(questions, FIRST, "answer_lost")
    letters.revive(FIRST)
    held = taken(questions)

    questions.finish(held, "token_refused", held)

    (letter,) = letters.dead()
    assert (letter.question.id, letter.reason) == (FIRST.id, "token_refused")
    assert letters.revive(FIRST)


@pytest.mark.real_redis
def test_a_letter_is_revived_once_however_many_try(real_store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)
    fail(questions, FIRST)
    letters = RedisLetterStore(real_store, cipher)

    outcomes = race(8, lambda _: letters.revive(FIRST))

    assert outcomes.count(True) == 1
    assert real_store.llen(f"waiting:{KEY}") == 1
    assert real_store.hget("metrics", "received") == "2"


def test_a_letter_that_no_key_opens_is_named_and_hides_no_other(
    questions: RedisQuestionStore,
    letters: RedisLetterStore,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail(questions, FIRST)
    other_cipher = Cipher([Fernet.generate_key().decode()])
    fail(RedisQuestionStore(store, other_cipher, limit=16), SECOND)

    found = letters.dead()

    assert [letter.question for letter in found] == [FIRST]
    assert f"letter:{SECOND.id} question" in caplog.text


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher) -> None:
    letters = RedisLetterStore(nobody, cipher)

    for step in (lambda: letters.find("x"), letters.dead, lambda: letters.revive(FIRST)):
        with pytest.raises(StorageUnavailable):
            step()
