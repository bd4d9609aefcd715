"""Questions that failed and can be asked again."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from sectorflow_slack.domain.questions import Progress, Question
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.questions import QuestionStore
from tests.storage.conftest import Stores, dump, race
from tests.storage.question_steps import FIRST, KEY, SECOND, let_go, taken

WEEK = 7 * 24 * 3600


def fail(questions: QuestionStore, question: Question, reason: str = "answer_lost") -> None:
    """Let a question fail for good."""
    questions.accept(question)
    held = taken(questions)
    questions.complete(held, reason, held)


def test_questions_that_failed_for_good_are_listed_oldest_first(db: Stores) -> None:
    fail(db.questions, SECOND, "token_refused")
    db.redis.zadd("dead-letters", {SECOND.id: time.time() - 60})
    fail(db.questions, FIRST, "answer_lost")

    found = db.failed.list()

    assert [(each.question, each.reason) for each in found] == [
        (SECOND, "token_refused"),
        (FIRST, "answer_lost"),
    ]
    assert abs(found[1].at - time.time()) < 60
    assert db.failed.find(FIRST.id) == found[1]


@pytest.mark.parametrize("failure", ["", "uninstalled"])
def test_a_question_that_cannot_be_asked_again_is_not_stored_as_failed(db: Stores, failure: str) -> None:
    db.questions.accept(FIRST)

    db.questions.complete(taken(db.questions), failure)

    assert db.failed.find(FIRST.id) is None
    assert db.failed.list() == ()


def test_an_answered_question_that_can_be_asked_again_is_found_and_not_listed(db: Stores) -> None:
    db.questions.accept(FIRST)
    held = taken(db.questions)

    db.questions.complete(held, "", held)

    found = db.failed.find(FIRST.id)
    assert found is not None
    assert (found.question, found.reason) == (FIRST, "")
    assert db.failed.list() == ()


def test_the_list_is_cut_to_a_week(db: Stores) -> None:
    fail(db.questions, FIRST)
    db.redis.zadd("dead-letters", {FIRST.id: time.time() - WEEK - 60})
    db.redis.delete(f"letter:{FIRST.id}")
    assert db.failed.list() == ()

    fail(db.questions, SECOND)

    assert db.redis.zrange("dead-letters", 0, -1) == [SECOND.id]


def test_a_revived_question_begins_anew_behind_those_that_wait(db: Stores) -> None:
    db.questions.accept(FIRST)
    let_go(db.redis, taken(db.questions))
    held = taken(db.questions)
    db.questions.complete(held, "answer_lost", held)
    db.redis.hset(f"answer:{FIRST.id}", "question", "of the answer that never got through")
    assert db.questions.due() == ()
    db.questions.accept(SECOND)

    revived = db.failed.revive(replace(FIRST, button_ts="1.2"))

    assert revived
    assert db.questions.due() == (KEY,)
    assert [taken(db.questions), taken(db.questions)] == [SECOND, replace(FIRST, button_ts="1.2")]
    assert db.questions.progress(FIRST) == Progress()
    assert (db.failed.find(FIRST.id), db.failed.list()) == (None, ())
    assert db.redis.exists(f"answer:{FIRST.id}") == 0
    assert 0 <= WEEK - db.redis.ttl(f"question:{FIRST.id}") <= 60
    assert db.redis.hgetall("metrics") == {"received": "3", "failed:answer_lost": "1", "let_go": "1"}


@pytest.mark.parametrize(("button_ts", "placeholder"), [("1.2", "1.2"), (None, "")])
def test_the_message_whose_button_was_used_becomes_the_placeholder(
    db: Stores, button_ts: str | None, placeholder: str
) -> None:
    fail(db.questions, FIRST)

    db.failed.revive(replace(FIRST, button_ts=button_ts))

    assert db.placeholders.take_over(taken(db.questions)) == placeholder


def test_a_question_that_is_not_stored_as_failed_is_not_revived(db: Stores) -> None:
    assert not db.failed.revive(FIRST)
    assert dump(db.redis) == {}


@pytest.mark.real_redis
def test_a_question_is_revived_once_however_many_try(real_db: Stores) -> None:
    fail(real_db.questions, FIRST)

    outcomes = race(8, lambda _: real_db.failed.revive(FIRST))

    assert outcomes.count(True) == 1
    assert real_db.redis.llen(f"waiting:{KEY}") == 1
    assert real_db.redis.hget("metrics", "received") == "2"


def test_a_failed_question_that_no_key_opens_is_logged_and_hides_no_other(
    db: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    fail(db.questions, FIRST)
    fail(QuestionStore(db.redis, Cipher([Fernet.generate_key().decode()]), limit=16), SECOND)

    found = db.failed.list()

    assert [each.question for each in found] == [FIRST]
    assert f"letter:{SECOND.id} question" in caplog.text
