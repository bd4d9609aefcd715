"""Questions that failed and can be asked again."""

import time
from dataclasses import replace

import pytest

from sectorflow_slack.domain.questions import Progress
from tests.storage.builders import DAY, FIRST, SECOND, accept, fail, hold, leased, pass_time
from tests.values import make_question

WEEK = 7 * DAY


def test_questions_without_any_answer_are_listed_oldest_first(db):
    fail(db, SECOND, "token_refused")
    db.redis.zadd("dead-letters", {SECOND.id: time.time() - 60})
    fail(db, FIRST, "answer_lost")

    older, newer = db.failed.list()

    assert (older.question, older.reason) == (SECOND, "token_refused")
    assert (newer.question, newer.reason) == (FIRST, "answer_lost")
    assert abs(newer.at - time.time()) < 60
    assert db.failed.find(FIRST.id) == newer


@pytest.mark.parametrize(("failure", "can_be_asked_again"), [("", False), ("uninstalled", False), ("", True)])
def test_a_question_is_found_if_it_can_be_asked_again_and_not_listed_if_it_was_answered(
    db, failure, can_be_asked_again
):
    question = hold(db)

    db.questions.complete(question, failure, question if can_be_asked_again else None)

    found = db.failed.find(FIRST.id)
    assert (found and (found.question, found.reason)) == ((FIRST, "") if can_be_asked_again else None)
    assert db.failed.list() == ()


def test_the_list_is_cut_to_a_week(db):
    fail(db, FIRST)
    db.redis.zadd("dead-letters", {FIRST.id: time.time() - WEEK - 60})
    db.redis.delete(f"letter:{FIRST.id}")
    assert db.failed.list() == ()

    fail(db, SECOND)

    assert db.redis.zrange("dead-letters", 0, -1) == [SECOND.id]


def test_a_revived_question_starts_over_behind_those_that_wait(db):
    hold(db)
    pass_time(db.redis, 60)
    db.questions.tick("worker")
    held = leased(db.questions)
    db.questions.complete(held, "answer_lost", held)
    db.redis.hset(f"answer:{FIRST.id}", "question", "of the answer that could not be posted")
    accept(db, SECOND)

    assert db.failed.revive(replace(FIRST, button_ts="1.2"))

    assert [leased(db.questions), leased(db.questions)] == [SECOND, replace(FIRST, button_ts="1.2")]
    assert db.questions.progress(FIRST) == Progress()
    assert (db.failed.find(FIRST.id), db.failed.list()) == (None, ())
    assert db.redis.exists(f"answer:{FIRST.id}", "dead-letters") == 0
    assert 0 <= WEEK - db.redis.ttl(f"question:{FIRST.id}") <= 60
    assert db.redis.hgetall("metrics") == {"received": "3", "failed:answer_lost": "1", "let_go": "1"}


def test_a_revived_question_can_be_stopped_and_waits_until_it_can_start(db):
    fail(db)
    accept(db, *(make_question(number) for number in range(2, 18)))
    for _ in range(16):
        leased(db.questions)

    db.failed.revive(FIRST)

    assert db.questions.lease() is None
    assert db.questions.stop(FIRST.installation, FIRST.channel_id, FIRST.ts, "U0BOB") == 1
