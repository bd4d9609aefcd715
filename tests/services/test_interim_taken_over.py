"""The answer takes the place of what stood in for it."""

from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy, SlackRefused, TokenRefused
from sectorflow_slack.formatting.plain import notice_to_ask_again
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.steps import ASKING, FIRST_TS, KEY, LETTER_ID, LONG_REPLY, greeted, later, left
from tests.values import BOT_TOKEN


def test_the_answer_takes_the_place_of_what_stood_in_for_it(
    answers: AnswerService, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    question = greeted(services)

    answers.answer_next(KEY)

    assert len(slack.posted) == 1
    ((token, channel_id, ts, message),) = slack.updated
    assert (token, channel_id, ts) == (BOT_TOKEN, question.channel_id, FIRST_TS)
    assert "Answer 1" in message.text
    assert left(store) == []
    kept = answers.kept.find(question.id)
    assert kept is not None
    assert kept.posted == (FIRST_TS,)


def test_of_a_long_answer_the_first_message_takes_the_place_and_the_others_follow(
    answers: AnswerService, services: Services, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = LONG_REPLY
    question = greeted(services)

    answers.answer_next(KEY)

    assert [ts for _, _, ts, _ in slack.updated] == [FIRST_TS]
    assert len(slack.posted) > 2
    assert ASKING not in slack.seen
    kept = answers.kept.find(question.id)
    assert kept is not None
    assert kept.posted == tuple(slack.shown)


def test_an_excuse_takes_the_place_with_a_button(
    answers: AnswerService, services: Services, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.answers.then(TokenRefused("status 401"))
    greeted(services, id=LETTER_ID)

    answers.answer_next(KEY)

    assert slack.shown == {FIRST_TS: notice_to_ask_again(ENGLISH.key_refused, LETTER_ID)}


@pytest.mark.parametrize("text", ["help", ""])
def test_what_is_told_without_asking_models_takes_the_place_too(
    answers: AnswerService, services: Services, slack: FakeSlackClient, text: str
) -> None:
    greeted(services, text=text)

    answers.answer_next(KEY)

    assert slack.seen == [ENGLISH.help]


def test_it_stands_for_as_long_as_the_question_is_tried_again(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
) -> None:
    sectorflow.answers.then(SectorFlowBusy("status 503"))
    greeted(services)
    answers.answer_next(KEY)
    assert slack.seen == [ASKING]

    later(answers, store)

    assert list(slack.shown) == [FIRST_TS]
    assert "Answer 1" in slack.seen[0]


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_where_what_stood_in_is_gone_the_answer_is_posted_anew(
    answers: AnswerService, services: Services, slack: FakeSlackClient, store: redis.Redis, code: str
) -> None:
    slack.updates.then(SlackRefused(code))
    question = greeted(services)

    answers.answer_next(KEY)

    assert "Answer 1" in slack.texts[1]
    assert slack.addresses[1].thread_ts == question.ts
    assert left(store) == []


def test_a_slack_that_limits_updates_is_waited_for_and_nothing_is_said_twice(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    slack.updates.then(SlackBusy("ratelimited", 30.0))
    greeted(services)
    answers.answer_next(KEY)
    assert queue.jobs == [(KEY, 31.0)]

    for pause in store.scan_iter("pause:*"):
        store.delete(pause)
    later(answers, store)

    assert len(sectorflow.asked) == 1
    assert list(slack.shown) == [FIRST_TS]
    assert "Answer 1" in slack.seen[0]
