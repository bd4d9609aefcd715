from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.errors import SlackBusy
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.services.posting import POST
from sectorflow_slack.services.waiting import WaitingService
from tests.fakes import FakeSlackClient
from tests.services.steps import KEY
from tests.values import NOW, make_question


@pytest.fixture
def waiting(answers: AnswerService, services: Services, store: redis.Redis) -> WaitingService:
    """An installation with no more room, in whose line two people have waited for long."""
    answers.questions._limit = 1  # type: ignore[attr-defined]
    for number in (1, 2, 3):
        answers.questions.accept(make_question(number))
    answers.questions.take(KEY)
    for number in (2, 3):
        store.hset(f"question:question-{number}", "accepted_at", "0")
    return services.waiting


def test_people_who_wait_for_long_are_told_so_once_where_they_asked(
    waiting: WaitingService, slack: FakeSlackClient
) -> None:
    waiting.tell_all()
    waiting.tell(KEY)

    assert slack.texts == [ENGLISH.still_waiting] * 2
    assert [address.thread_ts for address in slack.addresses] == ["2.000100", "3.000100"]


def test_who_could_not_be_told_is_told_later_and_nothing_is_lost(
    waiting: WaitingService, slack: FakeSlackClient, store: redis.Redis
) -> None:
    slack.posts.then(None, SlackBusy("status_503"))

    waiting.tell(KEY)
    waiting.tell(KEY)

    assert [address.thread_ts for address in slack.addresses] == ["2.000100", "3.000100"]
    assert store.llen(f"waiting:{KEY}") == 2


def test_while_slack_wants_quiet_nobody_is_told(waiting: WaitingService, slack: FakeSlackClient) -> None:
    waiting.posting.pauses.pause(KEY, POST, 60.0)

    waiting.tell_all()

    assert slack.posted == []


def test_people_of_an_app_that_was_uninstalled_are_told_nothing(
    waiting: WaitingService, slack: FakeSlackClient
) -> None:
    waiting.installations.delete(KEY, before=NOW + 10)

    waiting.tell_all()

    assert slack.posted == []


def test_people_who_have_just_asked_are_told_nothing(
    answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    answers.questions._limit = 1  # type: ignore[attr-defined]
    for number in (1, 2):
        answers.questions.accept(make_question(number))
    answers.questions.take(KEY)

    services.waiting.tell_all()
    services.waiting.tell(KEY)

    assert slack.posted == []
