from __future__ import annotations

import logging
from collections.abc import Callable

import fakeredis
import pytest
import redis

from sectorflow_slack.domain.errors import (
    SectorFlowBusy,
    SlackBusy,
    StorageUnavailable,
)
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.services import Services, insisting
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.steps import KEY, ask, ended, later, left, let_time_pass
from tests.values import BOT_TOKEN, WORKSPACE_ID


def test_a_slack_that_stays_away_is_given_up_in_silence(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    slack.posts.then(*[SlackBusy("fatal_error")] * 10)
    ask(answers)

    for _ in range(9):
        later(answers, store)

    assert [delay for _, delay in queue.jobs] == [1, 3, 10, 30, 60, 120, 300, 600, 600]
    assert slack.posted == []
    assert left(store) == []
    assert ended(services) == {"slack_fatal_error": 1}


def test_a_busy_sectorflow_is_asked_four_more_times_and_then_excused(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    sectorflow.answers.then(*[SectorFlowBusy("status 503")] * 5)
    ask(answers)

    for _ in range(4):
        assert slack.posted == []
        later(answers, store)

    assert len(sectorflow.asked) == 5
    assert [delay for _, delay in queue.jobs] == [1.5, 5.0, 12.0, 24.0]
    assert slack.texts == [ENGLISH.unreachable]
    assert left(store) == []


def test_a_sectorflow_that_comes_back_answers(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    sectorflow.answers.then(SectorFlowBusy("status 429", 40.0))
    ask(answers)

    later(answers, store)

    assert queue.jobs == [(KEY, 40.0)]
    assert "Answer 1" in slack.texts[0]


def test_the_unforeseen_is_tried_again_then_excused_and_logged_without_its_words(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    sectorflow.answers.then(*[RuntimeError("a secret")] * 4)
    ask(answers)

    for _ in range(3):
        later(answers, store)

    assert len(sectorflow.asked) == 4
    assert slack.texts == [ENGLISH.unexpected]
    assert left(store) == []
    lines = "\n".join(JsonFormatter().format(record) for record in caplog.records)
    assert "RuntimeError" in lines
    assert not any(secret in lines for secret in ("a secret", "Tell me a joke", BOT_TOKEN))


def test_an_installation_that_cannot_be_decrypted_is_given_up_and_can_be_asked_for_again(
    answers: AnswerService, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    store.hset(f"installation:{KEY}", "bot_token", "sealed with a key that is lost")

    question = ask(answers)

    assert slack.posted == []
    assert left(store) == []
    assert [letter.question for letter in services.letters.dead()] == [question]


def test_a_store_that_goes_away_leaves_the_question_to_be_taken_up_again(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    redis_server: fakeredis.FakeServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(insisting, "OUTAGE_SECONDS", 0.0)

    def cut_off(*args: object) -> None:
        redis_server.connected = False
        return original(*args)

    original: Callable[..., object] = sectorflow.ask
    sectorflow.ask = cut_off  # type: ignore[assignment, method-assign]
    ask(answers)
    assert slack.posted == []

    redis_server.connected = True
    sectorflow.ask = original  # type: ignore[assignment, method-assign]
    later(answers, store, "underway")

    assert "Answer 1" in slack.texts[0]
    assert left(store) == []


def test_a_queue_that_fails_loses_no_question_that_was_put_back(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    sectorflow.answers.then(SectorFlowBusy("status 503"))
    queue.enqueues.then(StorageUnavailable("ConnectionError"))
    with pytest.raises(StorageUnavailable):
        ask(answers)

    let_time_pass(store)
    answers.keep_going()
    answers.answer_next(KEY)

    assert queue.jobs == [(KEY, 0.0)]
    assert "Answer 1" in slack.texts[0]
    assert [settings.workspace_id for settings, _, _ in sectorflow.asked] == [WORKSPACE_ID] * 2
