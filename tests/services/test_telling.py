"""Whose question is open for long is told once that it goes on."""

from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy, SlackRefused
from sectorflow_slack.formatting.interim import status, still_going
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.services.interim import InterimService
from sectorflow_slack.services.speaking import POST
from tests.fakes import FakeSectorFlowClient, FakeSlackClient
from tests.services.steps import ASKING, KEY, ask, greet, greeted, later, wait_long
from tests.values import NOW, FixedClock, make_question

STILL_GOING = still_going(25.0).text
DM_THREAD = {"is_direct": True, "thread_ts": "0.5", "channel_id": "D0ANN"}


@pytest.fixture
def line(answers: AnswerService, services: Services, store: redis.Redis) -> InterimService:
    """An installation with no more room, in whose line two people have waited for long."""
    answers.questions._limit = 1  # type: ignore[attr-defined]
    for number in (1, 2, 3):
        answers.questions.accept(make_question(number))
    answers.questions.take(KEY)
    for number in (2, 3):
        store.hset(f"question:{make_question(number).id}", "accepted_at", "0")
    return services.interim


def end_pause_between_tellings(store: redis.Redis) -> None:
    """Do what time does to the pause in which no worker looks who is to be told."""
    store.delete(f"told:{KEY}")


# In line


def test_people_who_wait_for_long_are_told_so_once_where_they_asked(
    line: InterimService, slack: FakeSlackClient
) -> None:
    line.tell_all()
    line.tell(KEY)

    assert slack.texts == [ENGLISH.still_waiting] * 2
    assert [address.thread_ts for address in slack.addresses] == ["2.000100", "3.000100"]


def test_who_could_not_be_told_is_told_later_and_nothing_is_lost(
    line: InterimService, slack: FakeSlackClient, store: redis.Redis
) -> None:
    slack.posts.then(None, SlackBusy("status_503"))

    line.tell(KEY)
    line.tell(KEY)

    assert [address.thread_ts for address in slack.addresses] == ["2.000100", "3.000100"]
    assert store.llen(f"waiting:{KEY}") == 2


def test_who_cannot_be_told_at_all_keeps_nobody_else_from_being_told(
    line: InterimService, slack: FakeSlackClient
) -> None:
    slack.posts.then(SlackRefused("not_in_channel"))

    for _ in range(2):
        line.tell(KEY)

    assert [address.thread_ts for address in slack.addresses] == ["3.000100"]


def test_of_a_long_line_everybody_is_told_in_time(
    line: InterimService, answers: AnswerService, slack: FakeSlackClient, store: redis.Redis
) -> None:
    for number in range(4, 14):
        answers.questions.accept(make_question(number))
        store.hset(f"question:{make_question(number).id}", "accepted_at", "0")

    for _ in range(4):
        end_pause_between_tellings(store)
        line.tell_all()

    assert len(slack.posted) == 12


def test_what_is_told_is_in_the_place_where_the_answer_will_be(
    line: InterimService, answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    line.tell(KEY)
    greet(services, make_question(2))
    assert slack.seen == [ENGLISH.still_waiting] * 2

    answers.questions._limit = 16  # type: ignore[attr-defined]
    for _ in range(2):
        answers.answer_next(KEY)

    assert len(slack.seen) == 2
    assert all("Answer 1" in text for text in slack.seen)


def test_while_slack_wants_quiet_nobody_is_told(line: InterimService, slack: FakeSlackClient) -> None:
    line.speaking.pauses.pause(KEY, POST, 60.0)

    line.tell_all()

    assert slack.posted == []


def test_people_of_an_app_that_was_uninstalled_are_told_nothing(
    line: InterimService, slack: FakeSlackClient
) -> None:
    line.installations.delete(KEY, before=NOW + 10)

    line.tell_all()

    assert slack.posted == []


def test_people_who_have_just_asked_are_told_nothing(
    answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    answers.questions._limit = 1  # type: ignore[attr-defined]
    for number in (1, 2):
        answers.questions.accept(make_question(number))
    answers.questions.take(KEY)

    services.interim.tell_all()
    services.interim.tell(KEY)

    assert slack.posted == []


# Being worked on


def test_who_waits_for_models_for_long_is_told_once_how_long_in_the_same_place(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    store: redis.Redis,
    clock: FixedClock,
) -> None:
    greeted(services)
    answers.questions.take(KEY)
    wait_long(store)
    clock.now = NOW + 25

    for _ in range(2):
        end_pause_between_tellings(store)
        services.interim.tell_all()

    assert slack.seen == [STILL_GOING]
    assert len(slack.updated) == 1


def test_who_was_shown_nothing_yet_is_told_in_a_message_that_the_answer_takes_over(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    clock: FixedClock,
) -> None:
    sectorflow.answers.then(SectorFlowBusy("status 503"))
    ask(answers)
    wait_long(store)
    clock.now = NOW + 25

    services.interim.tell_all()
    assert slack.seen == [STILL_GOING]
    later(answers, store)

    assert len(slack.seen) == 1
    assert "Answer 1" in slack.seen[0]


def test_a_status_is_shown_again_before_slack_ends_it(
    answers: AnswerService, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    greeted(services, **DM_THREAD)
    answers.questions.take(KEY)
    wait_long(store)

    services.interim.tell_all()

    assert slack.status_set == [("D0ANN", "0.5", status(3))] * 2
    assert slack.posted == []


def test_whose_placeholder_is_gone_keeps_nobody_else_from_being_told(
    answers: AnswerService, services: Services, slack: FakeSlackClient, store: redis.Redis, clock: FixedClock
) -> None:
    for number in (1, 2):
        greeted(services, number)
    for _ in range(2):
        answers.questions.take(KEY)
    wait_long(store)
    clock.now = NOW + 25
    slack.updates.then(SlackRefused("message_not_found"))

    for _ in range(2):
        services.interim.tell(KEY)

    assert slack.seen == [ASKING, STILL_GOING]


def test_who_sees_a_part_of_the_answer_is_told_nothing(
    answers: AnswerService, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    greeted(services)
    question = answers.questions.take(KEY)
    assert question is not None
    answers.questions.mark_posted(question, ["1.1"])
    wait_long(store)

    services.interim.tell_all()
    services.interim.tell(KEY)

    assert slack.seen == [ASKING]
