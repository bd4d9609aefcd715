"""Whoever dies or comes late with what stands in, the answer is there once and alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import redis

from sectorflow_slack.domain.errors import SlackRefused
from sectorflow_slack.domain.messages import Address, Message
from sectorflow_slack.services import Services, posting
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient
from tests.services.steps import (
    ASKING,
    FIRST_TS,
    KEY,
    LONG_REPLY,
    WorkerKilled,
    ask,
    die,
    ended,
    go_on_after_death,
    greet,
    greeted,
    left,
    let_claims_lapse,
)
from tests.values import BOT_TOKEN, make_question

# Crashes


def test_who_died_after_the_update_and_before_it_was_recorded_leaves_no_second_message(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    store: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    greeted(services)
    with monkeypatch.context() as patch:
        patch.setattr(RedisQuestionStore, "mark_posted", die)
        with pytest.raises(WorkerKilled):
            answers.answer_next(KEY)

    go_on_after_death(answers, store)

    assert [ts for _, _, ts, _ in slack.updated] == [FIRST_TS] * 2
    assert len(slack.posted) == 1
    assert ended(services) == {"answered": 1}


def test_whoever_goes_on_after_the_update_does_not_write_over_it(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
) -> None:
    sectorflow.reply = LONG_REPLY
    slack.posts.then(None, WorkerKilled())
    greeted(services)
    with pytest.raises(WorkerKilled):
        answers.answer_next(KEY)

    go_on_after_death(answers, store)

    assert len(slack.updated) == 1
    assert len(slack.seen) == len(set(slack.shown)) > 2
    assert left(store) == []


def test_who_died_while_showing_it_holds_up_no_answer(
    answers: AnswerService, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    slack.posts.then(WorkerKilled())
    with pytest.raises(WorkerKilled):
        greeted(services)
    let_claims_lapse(store)

    answers.answer_next(KEY)

    assert len(slack.seen) == 1
    assert "Answer 1" in slack.seen[0]
    assert left(store) == []


# Who is first


def test_an_answer_that_comes_first_is_followed_by_nothing(
    answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    question = ask(answers)

    greet(services, question)

    assert len(slack.posted) == 1
    assert "Answer 1" in slack.seen[0]


def test_the_answer_waits_for_what_is_just_being_shown(
    answers: AnswerService, services: Services, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = make_question()
    answers.questions.accept(question)
    services.interim.interim.claim(question.id)
    monkeypatch.setattr(
        posting,
        "time",
        SimpleNamespace(sleep=lambda _: services.interim.interim.keep(question.id, FIRST_TS)),
    )

    answers.answer_next(KEY)

    assert [ts for _, _, ts, _ in slack.updated] == [FIRST_TS]
    assert slack.posted == []


@pytest.mark.parametrize("deleted", [None, SlackRefused("message_not_found")], ids=["there", "gone"])
def test_what_is_shown_too_late_is_taken_away_again(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    store: redis.Redis,
    deleted: SlackRefused | None,
) -> None:
    usual_post = slack.post
    slack.removals.then(deleted)

    def hang(bot_token: str, address: Address, message: Message) -> str:
        slack.post = usual_post  # type: ignore[method-assign]
        let_claims_lapse(store)
        answers.answer_next(KEY)
        return usual_post(bot_token, address, message)

    slack.post = hang  # type: ignore[method-assign]

    greeted(services)

    assert "Answer 1" in slack.texts[0]
    assert slack.texts[1] == ASKING
    assert slack.removed == ([] if deleted else [(BOT_TOKEN, "C0GENERAL", "1700000001.000002")])
    assert ended(services) == {"answered": 1}
