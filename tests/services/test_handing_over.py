"""A worker that ends gives what it holds to others; a question that kills whoever gives up on it ends."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
import redis

from sectorflow_slack.domain.questions import Reply
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services, posting
from sectorflow_slack.services.answers import MAX_DEATHS_TOLD, AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue, make_reply
from tests.services.steps import (
    KEY,
    WorkerKilled,
    ask,
    ended,
    greeted,
    later,
    left,
    let_time_pass,
    run_errands,
)
from tests.values import MODEL_IDS, make_question


class SlowAnswer:
    """The first call to SectorFlow, under way until it is told to end."""

    def __init__(self) -> None:
        self.is_under_way, self._may_end, self._first = threading.Event(), threading.Event(), threading.Lock()

    def __call__(self, *_: object) -> Reply:
        if self._first.acquire(blocking=False):
            self.is_under_way.set()
            self._may_end.wait(5)
        return make_reply(MODEL_IDS)

    def begin(self, answers: AnswerService) -> threading.Thread:
        """Have a worker ask SectorFlow."""
        worker = threading.Thread(target=ask, args=(answers,))
        worker.start()
        assert self.is_under_way.wait(5)
        return worker

    def end(self, worker: threading.Thread) -> None:
        """Let SectorFlow answer, and the worker go on with that."""
        self._may_end.set()
        worker.join(5)


@pytest.fixture
def slow_answer(monkeypatch: pytest.MonkeyPatch) -> SlowAnswer:
    slow = SlowAnswer()
    monkeypatch.setattr(FakeSectorFlowClient, "ask", lambda _, *arguments: slow(*arguments))
    return slow


def test_what_a_worker_holds_when_it_ends_goes_to_others_at_once(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
    slow_answer: SlowAnswer,
) -> None:
    ending = slow_answer.begin(answers)

    answers.hand_over()
    answers.answer_next(KEY)
    slow_answer.end(ending)

    assert [key for key, _ in queue.jobs][:1] == [KEY]
    assert len(slack.posted) == 1
    assert ended(services) == {"answered": 1}
    assert left(store) == []


def test_handing_over_counts_as_no_death(answers: AnswerService, slow_answer: SlowAnswer) -> None:
    ending = slow_answer.begin(answers)

    answers.hand_over()
    again = answers.questions.take(KEY)
    slow_answer.end(ending)

    assert again is not None
    progress = answers.questions.progress(again)
    assert (progress.deaths, progress.failures) == (0, 0)


def test_a_worker_that_holds_nothing_hands_nothing_over(answers: AnswerService, queue: FakeTaskQueue) -> None:
    answers.hand_over()

    assert queue.jobs == []


def test_a_question_that_went_to_another_meanwhile_is_not_handed_over(
    answers: AnswerService,
    queue: FakeTaskQueue,
    store: redis.Redis,
    slow_answer: SlowAnswer,
) -> None:
    ending = slow_answer.begin(answers)
    later(answers, store, "underway")
    jobs = list(queue.jobs)

    answers.hand_over()
    slow_answer.end(ending)

    assert queue.jobs == jobs


def kill_all_who_try(answers: AnswerService, store: redis.Redis) -> None:
    """Have a question taken up until nobody tries any more."""
    for _ in range(MAX_DEATHS_TOLD):
        with pytest.raises(WorkerKilled):
            answers.answer_next(KEY)
        let_time_pass(store, "underway")
    answers.answer_next(KEY)


def test_what_stood_in_for_an_answer_that_kills_even_those_who_say_that_it_failed_says_so_in_the_end(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    greeted(services)
    slack.updates.then(*[WorkerKilled()] * MAX_DEATHS_TOLD)
    kill_all_who_try(answers, store)

    run_errands(services, queue)

    assert slack.seen == [ENGLISH.unexpected]
    assert slack.whispered == []


def test_who_asked_what_kills_even_those_who_say_that_it_failed_is_told_alone(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    answers.questions.accept(make_question())
    slack.posts.then(*[WorkerKilled()] * MAX_DEATHS_TOLD)
    kill_all_who_try(answers, store)

    run_errands(services, queue)

    assert [message.text for _, _, message in slack.whispered] == [ENGLISH.unexpected]
    assert ended(services) == {"deadly": 1}
    assert [letter.reason for letter in services.letters.dead()] == ["deadly"]
    assert left(store) == []


def test_a_message_that_is_on_its_way_to_slack_is_not_handed_over(
    answers: AnswerService, services: Services, slack: FakeSlackClient, queue: FakeTaskQueue
) -> None:
    def hand_over_meanwhile(*_: object) -> str:
        answers.hand_over()
        return "1700000001.000100"

    slack.post = hand_over_meanwhile  # type: ignore[method-assign]

    ask(answers)

    assert queue.jobs == []
    assert ended(services) == {"answered": 1}


def test_an_answer_that_waits_for_what_is_being_shown_is_handed_over(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    question = make_question()
    answers.questions.accept(question)
    services.interim.interim.claim(question.id)
    monkeypatch.setattr(posting, "time", SimpleNamespace(sleep=lambda _: answers.hand_over()))

    answers.answer_next(KEY)
    assert queue.jobs == [(KEY, 0.0)]
    services.interim.interim.drop(question.id)
    answers.answer_next(KEY)

    assert len(sectorflow.asked) == 1
    assert len(slack.seen) == 1
    assert ended(services) == {"answered": 1}
