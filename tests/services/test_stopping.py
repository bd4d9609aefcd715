"""Slack's Stop button ends the questions of a thread: no further call, and one line."""

from __future__ import annotations

import pytest

from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy
from sectorflow_slack.formatting import block_kit
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.storage.questions import QuestionStore
from tests.services.block_actions import from_menu
from tests.services.scenario import Scenario
from tests.services.steps import LONG_REPLY, WorkerKilled, die
from tests.values import CUSTOMERS_APP, make_bot, make_installation, make_question, make_settings

QUESTION = make_question()


def has_stopped(acme: Scenario, *, asked: int) -> bool:
    """Whether one line is all that was posted, SectorFlow was asked so often, and nothing is left."""
    told = (acme.slack.seen, acme.ended, acme.unaccounted) == ([ENGLISH.stopped], {"stopped": 1}, 0)
    idle = not acme.left and not acme.failed_questions and not acme.slack_jobs
    return told and idle and len(acme.sectorflow.asked) == asked


def test_a_question_in_line_is_not_asked(acme):
    acme.accept()

    acme.stop(QUESTION)
    acme.work()

    assert has_stopped(acme, asked=0)
    assert acme.slack.addresses[0].thread_ts == QUESTION.ts


def test_a_question_of_an_event_is_stopped_by_the_thread_that_its_status_is_in(acme):
    acme.receive({"type": "message", "channel_type": "im", "channel": "D0ANN"})

    acme.stop(make_question(ts="1700000000.000100", channel_id="D0ANN"), event_id="Ev2")
    acme.work()

    assert has_stopped(acme, asked=0)


def test_a_question_that_would_be_tried_again_is_stopped_at_once(acme):
    acme.sectorflow.answers.then(SectorFlowBusy("status 503"))
    acme.ask()

    acme.stop(QUESTION)
    acme.work()

    assert has_stopped(acme, asked=1)
    assert [is_processing for _, _, is_processing in acme.slack.sessions_set] == [True, False]


def test_a_reply_that_comes_after_the_stop_is_not_posted(acme):
    acme.sectorflow.answers.then(lambda: acme.stop(QUESTION))

    acme.ask()
    assert acme.slack.posted == []
    acme.work()

    assert has_stopped(acme, asked=1)
    assert [is_processing for _, _, is_processing in acme.slack.sessions_set] == [True, False]


def test_a_failure_that_comes_after_the_stop_is_not_told(acme):
    def fail() -> None:
        acme.stop(QUESTION)
        raise SectorFlowBusy("status 503")

    acme.sectorflow.answers.then(fail)

    acme.ask()
    acme.work()

    assert has_stopped(acme, asked=1)


@pytest.mark.parametrize("posted", [1, 2])
def test_of_an_answer_that_is_partly_posted_nothing_more_is(acme, posted):
    acme.sectorflow.reply = LONG_REPLY
    acme.slack.posts.then(*[None] * (posted - 1), lambda: acme.stop(QUESTION))

    acme.ask()
    acme.work()

    # The message that was on its way arrives.
    assert len(acme.slack.posted) == posted + 1
    assert acme.slack.texts[-1] == ENGLISH.stopped
    assert (acme.ended, acme.left, acme.failed_questions) == ({"stopped": 1}, [], [])


@pytest.mark.parametrize("step", ["complete", "mark_posted"])
def test_a_stop_after_the_whole_answer_is_posted_says_nothing(acme, monkeypatch, step):
    original = getattr(QuestionStore, step)

    def stop_first(*arguments):
        monkeypatch.setattr(QuestionStore, step, original)
        if step == "complete":
            acme.stop(QUESTION)
            return original(*arguments)
        result = original(*arguments)
        acme.stop(QUESTION)
        return result

    monkeypatch.setattr(QuestionStore, step, stop_first)

    acme.ask()
    acme.work()

    assert acme.shows_the_answer_alone()
    assert acme.shows_what_is_stored()
    assert (acme.ended, acme.left) == ({"answered": 1}, [])


@pytest.mark.parametrize(("presses_in_line", "asked"), [(2, 0), (0, 1)], ids=["in line", "under way"])
def test_a_second_press_changes_nothing(acme, presses_in_line, asked):
    acme.sectorflow.answers.then(lambda: (acme.stop(QUESTION), acme.stop(QUESTION)))
    acme.slack.posts.then(lambda: acme.stop(QUESTION))
    acme.accept()
    for _ in range(presses_in_line):
        acme.stop(QUESTION)

    for _ in range(3):
        acme.work()
    acme.stop(QUESTION)

    assert has_stopped(acme, asked=asked)


def test_a_person_whom_slack_does_not_name_stops_it_too(acme):
    acme.accept()

    place = {"channel": QUESTION.channel_id, "thread_ts": QUESTION.ts, "user": None}
    acme.receive({"type": "agent_session_stopped", **place})
    acme.work()

    assert has_stopped(acme, asked=0)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"ts": "2.000100"},
        {"thread_ts": "0.5"},
        {"channel_id": "C0OTHER"},
        {"installation": make_installation(bot=make_bot(team_id="T0OTHER")).key},
        {"installation": make_installation(make_settings(app_id=CUSTOMERS_APP.app_id)).key},
    ],
    ids=["another message", "another thread", "another channel", "another tenant", "another app"],
)
def test_questions_elsewhere_go_on(acme, elsewhere):
    for number, changes in enumerate(({"team_id": "T0OTHER"}, {"app_id": CUSTOMERS_APP.app_id})):
        settings = make_settings(id=f"other-{number}", app_id=changes.get("app_id", make_settings().app_id))
        other = make_installation(settings, make_bot(**changes))
        acme.answers.installations.save(other, CUSTOMERS_APP if "app_id" in changes else None, None)
    acme.accept(1, **elsewhere)

    acme.stop(QUESTION)
    acme.work()

    assert len(acme.sectorflow.asked) == 1
    assert acme.ended == {"answered": 1}


def test_every_open_question_of_the_thread_is_stopped(acme):
    thread = {"thread_ts": "1.000100"}
    acme.sectorflow.answers.then(SectorFlowBusy("status 503"), lambda: acme.stop(QUESTION))
    for number in (1, 2, 3):
        acme.accept(number, **thread)

    for _ in range(6):
        acme.work()

    assert len(acme.sectorflow.asked) == 2
    assert (acme.slack.texts, acme.ended) == ([ENGLISH.stopped] * 3, {"stopped": 3})
    assert acme.left == []


def test_a_model_that_is_asked_again_keeps_its_old_answer(answered):
    before = answered.stored().answer.models
    answered.interact(from_menu(block_kit.REGENERATE, 1))

    answered.stop(QUESTION)
    answered.work_and_run_slack_jobs()

    answer = answered.stored().answer
    assert (answer.models, answer.busy) == (before, ())
    assert answered.shows_what_is_stored()
    assert (len(answered.sectorflow.asked), len(answered.slack.posted), answered.left) == (1, 1, [])
    assert answered.ended == {"answered": 1, "stopped": 1}


def test_after_a_stop_the_thread_can_be_asked_again(acme):
    acme.accept()
    acme.stop(QUESTION)
    acme.work()

    acme.ask(2, thread_ts=QUESTION.ts)

    assert "Answer 1" in acme.slack.texts[-1]


# Failures


@pytest.mark.parametrize("step", ["save_plan", "assert_held", "mark_posted", "complete"])
def test_the_one_line_is_posted_although_a_worker_died(acme, monkeypatch, step):
    acme.accept()
    acme.stop(QUESTION)

    with acme.killed(), monkeypatch.context() as patch:
        patch.setattr(QuestionStore, step, die)
        acme.work()

    # Between Slack's reply and its record, a second post is known to Slack by its number.
    assert len(set(acme.slack.client_msg_ids)) == 1
    assert set(acme.slack.seen) == {ENGLISH.stopped}
    assert (acme.ended, acme.left, acme.sectorflow.asked) == ({"stopped": 1}, [], [])


def test_a_question_whose_worker_died_is_stopped(acme):
    acme.sectorflow.answers.then(WorkerKilled())
    with pytest.raises(WorkerKilled):
        acme.ask()

    acme.stop(QUESTION)
    acme.work()

    assert has_stopped(acme, asked=1)


def test_the_one_line_waits_for_slack(acme):
    acme.accept()
    acme.stop(QUESTION)
    acme.slack.posts.then(SlackBusy("ratelimited", 30.0))
    acme.work()
    acme.end_pauses()

    acme.later()

    assert has_stopped(acme, asked=0)
