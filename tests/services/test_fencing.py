"""A worker that was taken for dead, and is not, leaves the question to whoever has it now."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import SectorFlowBusy
from sectorflow_slack.domain.questions import Reply
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue, make_reply
from tests.services.steps import KEY, ask, ended, later, left, let_time_pass
from tests.values import MODEL_IDS, WORKSPACE_ID, make_question


def overtaken_at(
    monkeypatch: pytest.MonkeyPatch, answers: AnswerService, store: redis.Redis, name: str
) -> None:
    """Have the first worker that comes to a step hang there until another one has done all the work."""
    original: Callable[..., Any] = getattr(RedisQuestionStore, name)
    hung: list[bool] = []

    def step(*args: Any, **kwargs: Any) -> Any:
        if not hung:
            hung.append(True)
            later(answers, store, "underway")
        return original(*args, **kwargs)

    monkeypatch.setattr(RedisQuestionStore, name, step)


@pytest.mark.parametrize("step", ["save_plan", "confirm", "put_back"])
def test_a_worker_whose_question_went_to_another_posts_and_records_nothing(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
) -> None:
    overtaken_at(monkeypatch, answers, store, step)
    if step == "put_back":
        sectorflow.answers.then(SectorFlowBusy("status 503"))

    ask(answers)

    assert len(slack.posted) == 1
    assert ended(services) == {"answered": 1}
    assert queue.jobs == []
    assert left(store) == []
    assert "question left to another worker" in caplog.messages


def test_a_worker_that_comes_to_its_end_late_counts_nothing_and_forgets_nothing(
    answers: AnswerService,
    services: Services,
    store: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    overtaken_at(monkeypatch, answers, store, "finish")

    ask(answers)

    assert ended(services) == {"answered": 1}
    ends = [
        message for message in caplog.messages if message.startswith(("question answered", "question left"))
    ]
    assert ends == ["question answered", "question left to another worker"]
    assert left(store) == []


def test_a_late_reply_does_not_lead_the_conversation_elsewhere(
    answers: AnswerService, sectorflow: FakeSectorFlowClient, store: redis.Redis
) -> None:
    ask_sectorflow = sectorflow.ask

    def slow(*args: Any) -> Reply:
        sectorflow.ask = ask_sectorflow  # type: ignore[method-assign]
        later(answers, store, "underway")
        return make_reply(MODEL_IDS, "late-thread")

    sectorflow.ask = slow  # type: ignore[method-assign]

    question = ask(answers)

    assert answers.conversations.find(question, WORKSPACE_ID) == "thread-1"


def test_a_worker_that_lost_a_question_does_not_stop_its_process_from_holding_it(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
) -> None:
    ask_sectorflow = sectorflow.ask
    second_asks, second_may_go_on = threading.Event(), threading.Event()
    second = threading.Thread(target=answers.answer_next, args=(KEY,))

    def first(*args: Any) -> Reply:
        sectorflow.ask = long  # type: ignore[method-assign]
        let_time_pass(store, "underway")
        second.start()
        second_asks.wait(10)
        return ask_sectorflow(*args)

    def long(*args: Any) -> Reply:
        second_asks.set()
        second_may_go_on.wait(10)
        return ask_sectorflow(*args)

    sectorflow.ask = first  # type: ignore[method-assign]
    question = ask(answers)
    let_time_pass(store, "underway")

    answers.keep_going()
    renewed = store.zscore(f"underway:{KEY}", question.id)
    second_may_go_on.set()
    second.join(10)

    assert renewed
    assert len(slack.posted) == 1
    assert ended(services) == {"answered": 1}


def test_what_is_being_worked_on_stays_its_workers(
    answers: AnswerService, sectorflow: FakeSectorFlowClient, store: redis.Redis, queue: FakeTaskQueue
) -> None:
    held: list[float] = []
    ask_sectorflow = sectorflow.ask

    def take_long(*args: Any) -> Reply:
        let_time_pass(store, "underway")
        answers.keep_going()
        held.append(store.zscore(f"underway:{KEY}", make_question().id) or 0.0)
        return ask_sectorflow(*args)

    sectorflow.ask = take_long  # type: ignore[method-assign]

    ask(answers)

    assert held[0] > 0
    assert queue.jobs == []


def test_what_is_not_worked_on_any_more_is_not_held(answers: AnswerService, store: redis.Redis) -> None:
    ask(answers)

    answers.keep_going()

    assert left(store) == []


def test_workers_are_woken_for_questions_that_nobody_took_up(
    answers: AnswerService, queue: FakeTaskQueue
) -> None:
    answers.questions.accept(make_question())

    answers.keep_going()
    answers.keep_going()

    assert queue.jobs == [(KEY, 0.0)]
