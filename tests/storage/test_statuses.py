"""Statuses: one process sets a question's status, and none does once it is over."""

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.storage.statuses import SHOWN_AT_ONCE
from tests.losing import lose
from tests.storage.builders import FIRST, KEY, OTHER_KEY, SECOND, accept, hold, install, leased, pass_time
from tests.storage.conftest import dump
from tests.storage.test_questions import ASKED, accept_event
from tests.values import make_question

#: Longer than a process may take to set a status.
DIED = 13


def test_one_process_sets_the_status_until_none_is_shown_or_it_died(db):
    question = hold(db)

    assert [db.statuses.claim(FIRST.id), db.statuses.claim(FIRST.id)] == [True, False]
    assert db.statuses.store(FIRST.id, "")
    assert [db.statuses.claim(FIRST.id), db.statuses.claim(FIRST.id)] == [True, False]
    pass_time(db.redis, DIED)
    assert [db.statuses.claim(FIRST.id), db.statuses.claim(FIRST.id)] == [True, False]
    assert db.statuses.store(FIRST.id, "session")
    pass_time(db.redis, DIED)
    assert not db.statuses.claim(FIRST.id)
    assert db.statuses.end(question) == "session"


@pytest.mark.parametrize("shown", ["", "session", "thread", "1.1"])
def test_every_try_ends_the_same_status_after_which_none_is_set(db, shown):
    question = hold(db)
    if shown:
        db.statuses.claim(FIRST.id)
        assert db.statuses.store(FIRST.id, shown)

    assert [db.statuses.end(question), db.statuses.end(question)] == [shown, shown]

    before = dump(db.redis)
    assert not db.statuses.claim(FIRST.id)
    assert not db.statuses.store(FIRST.id, "2.2")
    assert dump(db.redis) == before


def test_a_status_that_is_stored_again_stays(db):
    accept(db, FIRST)
    db.statuses.claim(FIRST.id)

    stored = [db.statuses.store(FIRST.id, shown) for shown in ("1.1", "1.1", "2.2")]

    assert stored == [True, True, False]
    assert db.statuses.end(leased(db.questions)) == "1.1"


def test_the_end_waits_for_the_process_that_sets_it_until_that_counts_as_dead(db):
    question = hold(db)
    db.statuses.claim(FIRST.id)

    assert db.statuses.end(question) is None
    pass_time(db.redis, DIED)
    db.questions.assert_held(question)

    assert [db.statuses.end(question), db.statuses.end(question)] == ["setting", "setting"]
    assert not db.statuses.store(FIRST.id, "1.1")


def test_only_the_holder_ends_a_status(db):
    slow = hold(db)
    db.questions.release(slow, 0, counts=False)
    before = dump(db.redis)

    with pytest.raises(LeaseLost):
        db.statuses.end(slow)

    assert dump(db.redis) == before


def test_questions_that_wait_long_in_line_without_a_status_are_listed(db):
    other = replace(SECOND, id="other", installation=OTHER_KEY)
    event = replace(ASKED, id="event", event_id="Ev500")
    accept(db, other, *(make_question(number) for number in range(SHOWN_AT_ONCE + 1)))
    install(db.redis, KEY)
    accept_event(db, event)
    assert db.statuses.unshown() == ()
    pass_time(db.redis, 601)
    accept(db, make_question(99))

    first = db.statuses.unshown()
    for lease in first:
        db.statuses.claim(lease.id)
    second = db.statuses.unshown()

    asked = [make_question(number) for number in range(SHOWN_AT_ONCE + 1)]
    assert {each.installation for each in first} == {KEY, OTHER_KEY}
    assert [each.question for each in first if each.installation == KEY] == asked[:SHOWN_AT_ONCE]
    assert [each.question or each.record for each in second] == [asked[-1], {"text": "Tell me a joke"}]


def test_a_question_that_does_not_decrypt_hides_no_other(db, caplog):
    accept(db, FIRST, SECOND)
    pass_time(db.redis, 601)
    lose(db.redis, f"question:{FIRST.id}", "question")

    assert [each.question for each in db.statuses.unshown()] == [SECOND]
    assert caplog.messages == [f"question cannot be read: question:{FIRST.id} question"]


def test_a_status_in_a_thread_is_set_again_before_it_ends_and_others_are_not(db):
    accept(db, FIRST, SECOND)
    for question, shown in ((FIRST, "thread"), (SECOND, "session")):
        db.statuses.claim(question.id)
        db.statuses.store(question.id, shown)

    pass_time(db.redis, 79)
    assert (db.statuses.unshown(), db.statuses.claim(FIRST.id)) == ((), False)
    pass_time(db.redis, 2)

    assert [each.question for each in db.statuses.unshown()] == [FIRST]
    assert [db.statuses.claim(each.id) for each in (FIRST, SECOND)] == [True, False]
    # A status that is being set is no longer one that ends.
    assert db.statuses.unshown() == ()


def test_a_question_without_a_status_is_not_listed_before_its_time(db):
    accept(db, FIRST)
    pass_time(db.redis, 599)
    assert db.statuses.unshown() == ()
