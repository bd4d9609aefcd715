"""Something stands where the answer will be, and the answer takes its place."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy, SlackRefused, TokenRefused
from sectorflow_slack.domain.messages import Address, Message
from sectorflow_slack.formatting.interim import asking, status
from sectorflow_slack.formatting.plain import notice_to_ask_again
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services, posting
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue, make_reply
from tests.services.steps import (
    KEY,
    LETTER_ID,
    WorkerKilled,
    ask,
    die,
    ended,
    go_on_after_death,
    greet,
    greeted,
    later,
    left,
    let_claims_lapse,
    run_errands,
)
from tests.values import BOT_TOKEN, MODEL_IDS, make_event, make_installation, make_question, make_terms

ASKING = asking(()).text
#: The ``ts`` of the first message that the fake posts.
FIRST_TS = "1700000001.000001"
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


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
def test_while_slack_wants_fewer_calls_the_answer_comes_without_a_word_before(
    services: Services, answers: AnswerService, slack: FakeSlackClient, method: str
) -> None:
    services.interim.speaking.pauses.pause(KEY, method, 30.0)

    greeted(services)

    assert slack.seen == []


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


@pytest.mark.parametrize("text", ["help", ""])
def test_what_is_told_without_asking_models_takes_the_place_too(
    answers: AnswerService, services: Services, slack: FakeSlackClient, text: str
) -> None:
    greeted(services, text=text)

    answers.answer_next(KEY)

    assert slack.seen == [ENGLISH.help]


# Taking its place


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
    sectorflow.reply = make_reply(MODEL_IDS, text="A long answer. " * 1000)
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
    sectorflow.reply = make_reply(MODEL_IDS, text="A long answer. " * 1000)
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


# What Slack refuses


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
