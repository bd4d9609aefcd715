"""While models are asked, something stands where the answer will be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.errors import SlackBusy, SlackRefused
from sectorflow_slack.domain.messages import Address
from sectorflow_slack.formatting.interim import status
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSlackClient, FakeTaskQueue
from tests.services.steps import ASKING, FIRST_TS, KEY, greet, greeted, run_errands
from tests.values import MODEL_IDS, make_event, make_installation, make_terms

DM_THREAD = {"is_direct": True, "thread_ts": "0.5", "channel_id": "D0ANN"}


def name_models(answers: AnswerService, *names: str) -> None:
    named = replace(make_terms().sectorflow, model_names=dict(zip(MODEL_IDS, names, strict=True)))
    installation = make_installation(make_terms(id="named", sectorflow=named))
    answers.installations.save(installation, None, make_terms().id)


# Showing it


def test_while_models_are_asked_it_is_shown_which_where_the_answer_will_be(
    answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    name_models(answers, "GPT", "Claude", "Gemini")

    question = greeted(services)

    assert slack.seen == ["Asking GPT, Claude and Gemini…"]
    assert slack.addresses == [Address(question.channel_id, question.ts, "Acme Assistant")]


def test_of_a_question_to_one_model_only_that_is_named(
    answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    name_models(answers, "GPT", "Claude", "Gemini")

    greeted(services, model_ids=MODEL_IDS[1:2])

    assert slack.seen == ["Asking Claude…"]


def test_however_often_the_errand_is_run_it_is_shown_once(
    answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    question = greeted(services)

    greet(services, question)

    assert slack.seen == [ASKING]


@pytest.mark.parametrize(
    ("event", "changes", "shown"),
    [
        ({}, {}, True),
        ({"text": "<@U0BOT>"}, {}, False),
        ({"user_team": "T0OTHER", "source_team": "T0OTHER"}, {"is_ext_shared_channel": True}, False),
    ],
    ids=["a question", "an empty mention", "somebody of another organisation"],
)
def test_only_who_will_wait_for_models_is_shown_that_they_are_asked(
    answers: AnswerService,
    services: Services,
    queue: FakeTaskQueue,
    event: dict[str, Any],
    changes: dict[str, Any],
    shown: bool,
) -> None:
    services.events.accept(make_event(event, **changes))

    assert [errand.kind for errand, _ in queue.errands] == ["greet"] * shown


# What Slack refuses


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
def test_while_slack_wants_fewer_calls_the_answer_comes_without_a_word_before(
    services: Services, answers: AnswerService, slack: FakeSlackClient, method: str
) -> None:
    services.interim.speaking.pauses.pause(KEY, method, 30.0)

    greeted(services)

    assert slack.seen == []


@pytest.mark.parametrize(
    "error", [SlackRefused("not_in_channel"), SlackBusy("status_503"), SlackBusy("ratelimited", 0.001)]
)
def test_what_slack_does_not_show_holds_up_no_answer_and_may_be_shown_later(
    answers: AnswerService, services: Services, slack: FakeSlackClient, error: Exception
) -> None:
    slack.posts.then(error)
    question = greeted(services)
    assert slack.posted == []

    greet(services, question)
    answers.answer_next(KEY)

    assert list(slack.shown) == [FIRST_TS]
    assert "Answer 1" in slack.seen[0]


def test_a_person_who_asked_where_the_app_may_not_write_is_told_so_in_a_direct_message(
    answers: AnswerService, services: Services, slack: FakeSlackClient, queue: FakeTaskQueue
) -> None:
    slack.posts.then(*[SlackRefused("not_in_channel")] * 2)
    question = greeted(services)

    answers.answer_next(KEY)
    sent = [errand for errand, _ in queue.errands]
    run_errands(services, queue)

    assert slack.seen == [ENGLISH.not_in_channel]
    assert slack.addresses == [Address(question.user_id, None, "Acme Assistant")]
    assert sent == [
        Errand("tell", KEY, user_id=question.user_id, thread_ts=question.ts, sentence="not_in_channel")
    ]


# A status in its place


def test_in_the_thread_of_a_direct_message_slack_shows_a_status_instead(
    answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    greeted(services, **DM_THREAD)
    assert slack.status_set == [("D0ANN", "0.5", status(3))]
    assert slack.posted == []

    answers.answer_next(KEY)

    assert slack.updated == []
    assert len(slack.posted) == 1
    assert "Answer 1" in slack.seen[0]


def test_where_slack_refuses_a_status_a_message_is_shown(
    answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    slack.statuses.then(SlackRefused("missing_scope"))

    greeted(services, **DM_THREAD)
    assert slack.seen == [ASKING]
    answers.answer_next(KEY)

    assert list(slack.shown) == [FIRST_TS]
    assert "Answer 1" in slack.seen[0]


@pytest.mark.parametrize("changes", [{"is_direct": True}, {"thread_ts": "0.5"}], ids=["DM", "thread"])
def test_elsewhere_a_message_is_shown(
    answers: AnswerService, services: Services, slack: FakeSlackClient, changes: dict[str, Any]
) -> None:
    greeted(services, **changes)

    assert slack.seen == [ASKING]
    assert slack.status_set == []
