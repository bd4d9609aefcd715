from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import SlackBusy
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSlackClient, FakeTaskQueue
from tests.services.steps import KEY
from tests.values import NOW, make_question


@pytest.fixture
def full(answers: AnswerService, store: redis.Redis) -> AnswerService:
    """A worker of an installation with no more room, in whose line two people have waited for long."""
    answers.questions._limit = 1  # type: ignore[attr-defined]
    for number in (1, 2, 3):
        answers.questions.accept(make_question(number))
    answers.questions.take(KEY)
    for number in (2, 3):
        store.hset(f"question:question-{number}", "accepted_at", "0")
    return answers


def test_people_who_wait_for_long_are_told_so_once_where_they_asked(
    full: AnswerService, slack: FakeSlackClient
) -> None:
    for _ in range(2):
        full.answer_next(KEY)

    assert slack.texts == [ENGLISH.still_waiting] * 2
    assert [address.thread_ts for address in slack.addresses] == ["2.000100", "3.000100"]


def test_workers_are_woken_for_people_who_wait_for_long(full: AnswerService, queue: FakeTaskQueue) -> None:
    full.keep_going()
    full.keep_going()

    assert queue.jobs == [(KEY, 0.0)]


def test_while_slack_is_busy_nobody_is_told_and_nothing_lost(
    full: AnswerService, slack: FakeSlackClient, store: redis.Redis
) -> None:
    slack.posts.then(SlackBusy("ratelimited", 30.0))

    full.answer_next(KEY)

    assert slack.posted == []
    assert store.llen(f"waiting:{KEY}") == 2


def test_people_of_an_app_that_was_uninstalled_are_told_nothing(
    full: AnswerService, slack: FakeSlackClient
) -> None:
    full.installations.delete(KEY, before=NOW + 10)

    full.answer_next(KEY)

    assert slack.posted == []


def test_people_who_have_just_asked_are_told_nothing(answers: AnswerService, slack: FakeSlackClient) -> None:
    answers.questions._limit = 1  # type: ignore[attr-defined]
    for number in (1, 2):
        answers.questions.accept(make_question(number))
    answers.questions.take(KEY)

    replace(answers).answer_next(KEY)

    assert slack.posted == []
