from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.installations import Terms
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue, make_reply
from tests.services.steps import KEY, ask, left
from tests.values import (
    BOT_TOKEN,
    CUSTOMERS_APP,
    MODEL_IDS,
    make_bot,
    make_installation,
    make_question,
    make_terms,
)

LONG = "A long answer. " * 1000


def test_a_question_is_asked_and_its_answers_posted_in_its_thread(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
) -> None:
    question = ask(answers)

    assert sectorflow.asked == [(make_terms().sectorflow, "Tell me a joke", None)]
    ((token, address, message),) = slack.posted
    assert token == BOT_TOKEN
    assert (address.channel_id, address.thread_ts) == (question.channel_id, question.ts)
    shown = [block["text"]["text"] for block in message.blocks if block["type"] == "header"]
    assert shown == ["Model 1", "Model 2", "Model 3"]
    assert [block["text"] for block in message.blocks if block["type"] == "markdown"] == [
        "Answer 1",
        "Answer 2",
        "Answer 3",
    ]
    assert left(store) == []


def test_nothing_happens_where_no_question_waits(answers: AnswerService, slack: FakeSlackClient) -> None:
    answers.answer_next(KEY)

    assert slack.posted == []


def test_questions_are_answered_in_the_order_they_came(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    for number in (1, 2, 3):
        answers.questions.accept(make_question(number, text=f"Question {number}"))

    for _ in range(3):
        answers.answer_next(KEY)

    assert [text for _, text, _ in sectorflow.asked] == ["Question 1", "Question 2", "Question 3"]


def test_an_answer_of_many_messages_is_posted_in_order(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = make_reply(MODEL_IDS, text=LONG)

    ask(answers)

    assert len(slack.posted) > 2
    headings = [
        block["text"]["text"].removesuffix(" (continued)")
        for _, _, message in slack.posted
        for block in message.blocks
        if block["type"] == "header"
    ]
    assert list(dict.fromkeys(headings)) == ["Model 1", "Model 2", "Model 3"]
    assert headings == sorted(headings)


@pytest.mark.parametrize(
    ("changes", "thread"),
    [
        ({}, "1.000100"),
        ({"thread_ts": "0.5"}, "0.5"),
        ({"is_direct": True}, None),
        ({"is_direct": True, "thread_ts": "0.5"}, "0.5"),
    ],
    ids=["channel", "thread", "direct message", "thread of a direct message"],
)
def test_an_answer_goes_where_the_question_was_asked(
    answers: AnswerService, slack: FakeSlackClient, changes: dict, thread: str | None
) -> None:
    ask(answers, **changes)

    assert [address.thread_ts for address in slack.addresses] == [thread]


def test_a_shared_app_posts_under_the_customers_name_for_it(
    answers: AnswerService, slack: FakeSlackClient
) -> None:
    ask(answers)

    assert slack.addresses[0].username == "Acme Assistant"


def test_a_customers_own_app_posts_under_its_own_name(answers: AnswerService, slack: FakeSlackClient) -> None:
    app_id = CUSTOMERS_APP.app_id
    own = make_installation(make_terms(id="own", app_id=app_id), make_bot(app_id=app_id))
    answers.installations.save(own, CUSTOMERS_APP, None)

    ask(answers, installation=own.key)

    assert slack.addresses[0].username is None


def test_a_thread_goes_on_with_its_thread_at_sectorflow(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    ask(answers, 1)
    ask(answers, 2, thread_ts="1.000100")
    ask(answers, 3)

    assert [thread_id for _, _, thread_id in sectorflow.asked] == [None, "thread-1", None]


def test_a_direct_message_goes_on_where_it_stopped(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    ask(answers, 1, is_direct=True)
    ask(answers, 2, is_direct=True)

    assert [thread_id for _, _, thread_id in sectorflow.asked] == [None, "thread-1"]


def test_another_workspace_begins_another_conversation(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    ask(answers, 1)
    moved = replace(make_terms().sectorflow, workspace_id="another-workspace")
    terms: Terms = make_terms(id="newer", sectorflow=moved)
    answers.installations.save(make_installation(terms), None, make_terms().id)

    ask(answers, 2, thread_ts="1.000100")

    assert [thread_id for _, _, thread_id in sectorflow.asked] == [None, None]


def test_a_reply_without_a_thread_leaves_the_conversation_as_it_was(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    ask(answers, 1)
    sectorflow.reply = make_reply(MODEL_IDS, thread_id=None)
    ask(answers, 2, thread_ts="1.000100")
    ask(answers, 3, thread_ts="1.000100")

    assert [thread_id for _, _, thread_id in sectorflow.asked] == [None, "thread-1", "thread-1"]


def test_an_empty_question_gets_help_and_is_not_asked(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient, store: redis.Redis
) -> None:
    ask(answers, text="")

    assert len(slack.posted) == 1
    assert slack.texts[0].startswith("Ask me something")
    assert sectorflow.asked == []
    assert left(store) == []


def test_somebody_of_another_organisation_gets_a_polite_sentence(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    ask(answers, is_external=True)

    assert slack.texts == [ENGLISH.external_person]
    assert sectorflow.asked == []


def test_somebody_of_another_organisation_is_answered_where_that_is_allowed(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    open_to_all = make_installation(make_terms(id="open", allow_external_users=True))
    answers.installations.save(open_to_all, None, make_terms().id)

    ask(answers, is_external=True)

    assert len(sectorflow.asked) == 1


def test_where_more_questions_wait_the_next_worker_is_woken(
    answers: AnswerService, queue: FakeTaskQueue
) -> None:
    answers.questions.accept(make_question(1))
    answers.questions.accept(make_question(2))

    answers.answer_next(KEY)
    answers.answer_next(KEY)

    assert queue.jobs == [(KEY, 0.0)]
