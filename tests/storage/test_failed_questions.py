"""Questions that failed and can be asked again."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.progress import Progress
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.interim import RedisInterimStore
from sectorflow_slack.storage.letters import RedisLetterStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.storage.conftest import dump, race
from tests.storage.question_steps import FIRST, KEY, SECOND, let_go, taken

WEEK = 7 * 24 * 3600


@pytest.fixture
def failed(store: redis.Redis, cipher: Cipher) -> RedisLetterStore:
    return RedisLetterStore(store, cipher)


def fail(questions: RedisQuestionStore, question: Question, reason: str = "answer_lost") -> None:
    """Let a question fail for good."""
    questions.accept(question)
    held = taken(questions)
    questions.finish(held, reason, held)


def test_questions_that_failed_for_good_are_listed_oldest_first(
    questions: RedisQuestionStore, failed: RedisLetterStore, store: redis.Redis
) -> None:
    fail(questions, SECOND, "token_refused")
    store.zadd("dead-letters", {SECOND.id: time.time() - 60})
    fail(questions, FIRST, "answer_lost")

    found = failed.dead()

    assert [(each.question, each.reason) for each in found] == [
        (SECOND, "token_refused"),
        (FIRST, "answer_lost"),
    ]
    assert abs(found[1].at - time.time()) < 60
    assert failed.find(FIRST.id) == found[1]


@pytest.mark.parametrize("failure", ["", "uninstalled"])
def test_a_question_that_cannot_be_asked_again_is_not_stored_as_failed(
    questions: RedisQuestionStore, failed: RedisLetterStore, failure: str
) -> None:
    questions.accept(FIRST)

    questions.finish(taken(questions), failure)

    assert failed.find(FIRST.id) is None
    assert failed.dead() == ()


def test_an_answered_question_that_can_be_asked_again_is_found_and_not_listed(
    questions: RedisQuestionStore, failed: RedisLetterStore
) -> None:
    questions.accept(FIRST)
    held = taken(questions)

    questions.finish(held, "", held)

    found = failed.find(FIRST.id)
    assert found is not None
    assert (found.question, found.reason) == (FIRST, "")
    assert failed.dead() == ()


def test_the_list_is_cut_to_a_week(
    questions: RedisQuestionStore, failed: RedisLetterStore, store: redis.Redis
) -> None:
    fail(questions, FIRST)
    store.zadd("dead-letters", {FIRST.id: time.time() - WEEK - 60})
    store.delete(f"letter:{FIRST.id}")
    assert failed.dead() == ()

    fail(questions, SECOND)

    assert store.zrange("dead-letters", 0, -1) == [SECOND.id]


def test_a_revived_question_begins_anew_behind_those_that_wait(
    questions: RedisQuestionStore, failed: RedisLetterStore, store: redis.Redis
) -> None:
    questions.accept(FIRST)
    let_go(store, taken(questions))
    held = taken(questions)
    questions.finish(held, "answer_lost", held)
    store.hset(f"answer:{FIRST.id}", "question", "of the answer that never got through")
    assert questions.due() == ()
    questions.accept(SECOND)

    revived = failed.revive(replace(FIRST, button_ts="1.2"))

    assert revived
    assert questions.due() == (KEY,)
    assert [taken(questions), taken(questions)] == [SECOND, replace(FIRST, button_ts="1.2")]
    assert questions.progress(FIRST) == Progress()
    assert (failed.find(FIRST.id), failed.dead()) == (None, ())
    assert store.exists(f"answer:{FIRST.id}") == 0
    assert 0 <= WEEK - store.ttl(f"question:{FIRST.id}") <= 60
    assert store.hgetall("metrics") == {"received": "3", "failed:answer_lost": "1", "let_go": "1"}


@pytest.mark.parametrize(("button_ts", "placeholder"), [("1.2", "1.2"), (None, "")])
def test_the_message_whose_button_was_used_becomes_the_placeholder(
    questions: RedisQuestionStore,
    failed: RedisLetterStore,
    placeholders: RedisInterimStore,
    button_ts: str | None,
    placeholder: str,
) -> None:
    fail(questions, FIRST)

    failed.revive(replace(FIRST, button_ts=button_ts))

    assert placeholders.take_over(taken(questions)) == placeholder


def test_a_question_that_is_not_stored_as_failed_is_not_revived(
    failed: RedisLetterStore, store: redis.Redis
) -> None:
    assert not failed.revive(FIRST)
    assert dump(store) == {}


def test_a_revived_question_that_fails_again_can_be_revived_again(
    questions: RedisQuestionStore, failed: RedisLetterStore
) -> None:
    fail(questions, FIRST, "answer_lost")
    failed.revive(FIRST)
    held = taken(questions)

    questions.finish(held, "token_refused", held)

    assert [(each.question, each.reason) for each in failed.dead()] == [(FIRST, "token_refused")]
    assert failed.revive(FIRST)


@pytest.mark.real_redis
def test_a_question_is_revived_once_however_many_try(real_store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(real_store, cipher, limit=16)
    fail(questions, FIRST)
    failed = RedisLetterStore(real_store, cipher)

    outcomes = race(8, lambda _: failed.revive(FIRST))

    assert outcomes.count(True) == 1
    assert real_store.llen(f"waiting:{KEY}") == 1
    assert real_store.hget("metrics", "received") == "2"


def test_a_failed_question_that_no_key_opens_is_logged_and_hides_no_other(
    questions: RedisQuestionStore,
    failed: RedisLetterStore,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail(questions, FIRST)
    fail(RedisQuestionStore(store, Cipher([Fernet.generate_key().decode()]), limit=16), SECOND)

    found = failed.dead()

    assert [each.question for each in found] == [FIRST]
    assert f"letter:{SECOND.id} question" in caplog.text
