"""Workers that die, that are taken for dead, and that end: a question is answered once all the same."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from sectorflow_slack.domain.errors import AnswerLost, SectorFlowBusy
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.answering import MAX_DEATHS, MAX_DEATHS_TOLD
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.conversations import ConversationStore
from sectorflow_slack.storage.placeholders import PlaceholderStore
from sectorflow_slack.storage.questions import QuestionStore
from tests.fakes import make_reply
from tests.services.scenario import Scenario
from tests.services.steps import KEY, LETTER_ID, LONG_REPLY, WorkerKilled, die, let_time_pass
from tests.values import MODEL_IDS, WORKSPACE_ID


@pytest.fixture
def undisturbed(acme: Scenario) -> list[str]:
    """What is posted for a question if no worker dies."""
    acme.sectorflow.reply = LONG_REPLY
    acme.ask(99)
    texts = acme.slack.texts
    assert len(texts) > 3
    for forgotten in (acme.slack.posted, acme.slack.shown, acme.sectorflow.asked):
        forgotten.clear()  # type: ignore[attr-defined]
    return texts


# Dying

STEPS = {
    "the question was taken": (QuestionStore, "progress", 1),
    "its progress was read": (ConversationStore, "find", 1),
    "SectorFlow was asked": (AnswerStore, "save", 2),
    "the answer was stored": (QuestionStore, "save_plan", 2),
    "the plan was stored": (ConversationStore, "save", 1),
    "the conversation was stored": (PlaceholderStore, "take_over", 1),
    "the placeholder was taken over": (QuestionStore, "assert_held", 1),
    "the last message was posted": (AnswerStore, "mark_posted", 1),
    "the messages were stored": (QuestionStore, "complete", 1),
}


@pytest.mark.parametrize(("store_of", "step", "times_asked"), STEPS.values(), ids=STEPS)
def test_a_question_whose_worker_died_is_answered_once_whatever_was_done_last(
    acme: Scenario,
    undisturbed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    store_of: type,
    step: str,
    times_asked: int,
) -> None:
    with acme.killed(), monkeypatch.context() as patch:
        patch.setattr(store_of, step, die)
        acme.ask()

    assert len(acme.sectorflow.asked) == times_asked
    assert acme.slack.texts == undisturbed
    assert acme.ended == {"answered": 2}
    assert acme.services.read_metrics().counters["let_go", ""] == 1
    assert acme.unaccounted == 0
    assert acme.left == []


@pytest.mark.parametrize("posted", [0, 1, 2, 3])
def test_the_next_worker_posts_what_the_dead_one_did_not(
    acme: Scenario, undisturbed: list[str], posted: int
) -> None:
    acme.slack.posts.then(*[None] * posted, WorkerKilled())

    with acme.killed():
        acme.ask()

    assert len(acme.sectorflow.asked) == 1
    assert acme.slack.texts == undisturbed
    assert acme.ended == {"answered": 2}
    assert acme.left == []


def test_the_buttons_show_what_was_posted_though_a_worker_died_before(
    acme: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.sectorflow.reply = make_reply(MODEL_IDS, text="The first reply")

    with acme.killed(), monkeypatch.context() as patch:
        patch.setattr(QuestionStore, "save_plan", die)
        try:
            acme.ask()
        finally:
            acme.sectorflow.reply = make_reply(MODEL_IDS, text="The second reply")

    assert acme.kept().answer.models[0].text in acme.slack.texts[0]


@pytest.mark.parametrize("step", ["save_plan", "assert_held", "complete"])
def test_an_apology_is_made_once_though_its_worker_died(
    acme: Scenario, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    acme.sectorflow.answers.then(*[AnswerLost("ReadTimeout")] * 2)

    with acme.killed(), monkeypatch.context() as patch:
        patch.setattr(QuestionStore, step, die)
        acme.ask(id=LETTER_ID)

    assert len(acme.sectorflow.asked) == (2 if step == "save_plan" else 1)
    assert acme.slack.texts == [ENGLISH.too_slow]
    assert acme.ended == {"answer_lost": 1}
    assert [reason for _, reason in acme.failed_questions] == ["answer_lost"]
    assert acme.left == []


def test_an_apology_after_half_an_answer_is_made_though_its_worker_died(
    acme: Scenario, undisturbed: list[str]
) -> None:
    acme.slack.posts.then(None, *[RuntimeError("unforeseen")] * 4, WorkerKilled())
    acme.ask()
    for _ in range(2):
        acme.later()

    with acme.killed():
        acme.later()

    assert acme.slack.texts == [undisturbed[0], ENGLISH.unexpected]
    assert acme.left == []


# Questions that kill workers


def test_a_question_is_not_asked_any_more_after_it_was_deadly_for_many_workers(acme: Scenario) -> None:
    acme.sectorflow.answers.then(*[WorkerKilled()] * MAX_DEATHS)
    acme.accept(id=LETTER_ID)

    for _ in range(MAX_DEATHS):
        with pytest.raises(WorkerKilled):
            acme.later("underway")
    acme.later("underway")

    assert len(acme.sectorflow.asked) == MAX_DEATHS
    assert acme.slack.texts == [ENGLISH.unexpected]
    assert acme.ended == {"deadly": 1}
    assert [reason for _, reason in acme.failed_questions] == ["deadly"]
    assert acme.left == []


@pytest.mark.parametrize("has_placeholder", [True, False], ids=["with a placeholder", "without"])
def test_if_workers_die_even_over_the_apology_it_is_made_in_a_job_of_its_own(
    acme: Scenario, has_placeholder: bool
) -> None:
    (acme.accept_with_placeholder if has_placeholder else acme.accept)()
    calls = acme.slack.updates if has_placeholder else acme.slack.posts
    calls.then(*[WorkerKilled()] * MAX_DEATHS_TOLD)
    for _ in range(MAX_DEATHS_TOLD):
        with pytest.raises(WorkerKilled):
            acme.later("underway")
    acme.later("underway")

    acme.run_jobs()

    assert acme.slack.seen == [ENGLISH.unexpected] * has_placeholder
    assert [text for _, text in acme.whispered] == [ENGLISH.unexpected] * (not has_placeholder)
    assert acme.ended == {"deadly": 1}
    assert [reason for _, reason in acme.failed_questions] == ["deadly"]
    assert acme.left == []


# Workers that hang, and lose their question to another


@pytest.mark.parametrize("step", ["save_plan", "assert_held", "release", "complete"])
def test_a_worker_whose_question_went_to_another_posts_and_records_nothing(
    acme: Scenario, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    original = getattr(QuestionStore, step)

    def overtaken(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(QuestionStore, step, original)
        acme.later("underway")
        return original(*arguments, **named)

    monkeypatch.setattr(QuestionStore, step, overtaken)
    if step == "release":
        acme.sectorflow.answers.then(SectorFlowBusy("status 503"))

    acme.ask()

    assert len(acme.slack.posted) == 1
    assert acme.ended == {"answered": 1}
    assert acme.queue.jobs == []
    assert acme.left == []
    assert "question left to another worker" in caplog.messages


def test_a_late_reply_does_not_lead_the_conversation_elsewhere(acme: Scenario) -> None:
    def late() -> None:
        acme.later("underway")
        acme.sectorflow.reply = make_reply(MODEL_IDS, "late-thread")

    acme.sectorflow.answers.then(late)

    question = acme.ask()

    assert acme.answers.conversations.find(question, WORKSPACE_ID) == "thread-2"


def test_a_process_goes_on_holding_a_question_that_one_of_its_workers_lost_to_another(acme: Scenario) -> None:
    second_asks, second_may_end = threading.Event(), threading.Event()
    second = threading.Thread(target=acme.work)

    def lose() -> None:
        let_time_pass(acme.store, "underway")
        second.start()
        assert second_asks.wait(60)

    def take_long() -> None:
        second_asks.set()
        assert second_may_end.wait(60)

    acme.sectorflow.answers.then(lose, take_long)
    question = acme.ask()
    let_time_pass(acme.store, "underway")

    acme.answers.extend_leases()
    held_until = acme.store.zscore(f"underway:{KEY}", question.id)
    second_may_end.set()
    second.join(60)

    assert held_until
    assert len(acme.slack.posted) == 1
    assert acme.ended == {"answered": 1}
    assert acme.queue.jobs == []


def test_workers_are_woken_for_questions_that_no_worker_took_up(acme: Scenario) -> None:
    acme.accept()

    acme.answers.extend_leases()

    assert acme.queue.jobs == [(KEY, 0.0)]


# Workers that end


def test_what_a_worker_holds_when_it_ends_goes_to_others_at_once(acme: Scenario) -> None:
    def end() -> None:
        acme.answers.hand_over()
        acme.work()

    acme.sectorflow.answers.then(end)

    acme.ask()

    assert [key for key, _ in acme.queue.jobs][:1] == [KEY]
    assert len(acme.slack.posted) == 1
    assert acme.ended == {"answered": 1}
    assert acme.left == []


def test_handing_over_counts_neither_as_a_death_nor_as_a_failure(acme: Scenario) -> None:
    acme.sectorflow.answers.then(acme.answers.hand_over)
    acme.ask()

    again = acme.answers.questions.lease(KEY)

    assert again is not None
    progress = acme.answers.questions.progress(again)
    assert (progress.deaths, progress.failures) == (0, 0)


def test_a_question_that_went_to_another_meanwhile_is_not_handed_over(acme: Scenario) -> None:
    def end() -> None:
        acme.later("underway")
        acme.answers.hand_over()

    acme.sectorflow.answers.then(end)

    acme.ask()

    assert acme.queue.jobs == []
    assert acme.ended == {"answered": 1}


def test_a_message_that_is_on_its_way_to_slack_is_not_handed_over(acme: Scenario) -> None:
    acme.slack.posts.then(acme.answers.hand_over)

    acme.ask()

    assert acme.queue.jobs == []
    assert acme.ended == {"answered": 1}
