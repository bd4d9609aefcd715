"""The way of a question through a worker if nothing fails."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import SectorFlowBusy
from sectorflow_slack.domain.metrics import QUEUE_SECONDS, SECTORFLOW_SECONDS, SLACK_SECONDS
from sectorflow_slack.domain.questions import Reply
from sectorflow_slack.formatting.words import ENGLISH
from tests.fakes import make_reply
from tests.formatting.drawing import bodies, headings, inlines, labels
from tests.services.scenario import Scenario
from tests.services.steps import some_failed
from tests.values import BOT_TOKEN, CUSTOMERS_APP, MODEL_IDS, make_bot, make_installation, make_settings


def thread_ids(acme: Scenario) -> list[str | None]:
    """The SectorFlow threads that the questions were asked in."""
    return [thread_id for _, _, thread_id in acme.sectorflow.asked]


def test_a_question_is_asked_and_its_answers_posted_in_its_thread(acme):
    question = acme.ask()

    assert acme.sectorflow.asked == [(make_settings().sectorflow, "Tell me a joke", None)]
    ((token, address, message),) = acme.slack.posted
    assert token == BOT_TOKEN
    assert (address.channel_id, address.thread_ts) == (question.channel_id, question.ts)
    assert headings([message]) == ["Model 1", "Model 2", "Model 3"]
    assert [run["text"] for run in inlines(bodies([message]))] == ["Answer 1", "Answer 2", "Answer 3"]
    assert acme.left == []


def test_a_question_that_no_model_answered_is_continued_too(acme):
    acme.sectorflow.reply = some_failed(*MODEL_IDS)
    question = acme.ask(1)
    acme.ask(2, thread_ts=question.ts)

    assert [thread_id for _, _, thread_id in acme.sectorflow.asked] == [None, "thread-1"]


def test_an_answered_question_is_not_stored_to_be_asked_again(acme):
    acme.ask()

    assert not list(acme.store.scan_iter("letter:*"))


def test_questions_are_answered_in_order_until_none_is_left(acme):
    for number in (1, 2, 3):
        acme.accept(number, text=f"Question {number}")

    can_go_on = [acme.work() for _ in range(4)]

    assert [text for _, text, _ in acme.sectorflow.asked] == ["Question 1", "Question 2", "Question 3"]
    assert can_go_on == [True, True, False, False]


def test_each_model_of_a_reply_is_counted_with_its_failure(acme):
    first, *others = make_reply(MODEL_IDS).answers
    silent = replace(first, text="", failed=True, failure="error")
    acme.sectorflow.reply = Reply((silent, *others))

    acme.ask()

    models = acme.services.read_metrics().models
    assert models == {
        ("model_failed", MODEL_IDS[0], "error"): 1,
        **{("model_asked", model, ""): 1 for model in MODEL_IDS},
    }


def test_the_wait_of_a_question_is_observed_once_and_each_call_for_it(acme):
    acme.sectorflow.answers.then(SectorFlowBusy("status 503"))
    acme.accept()
    acme.clock.now += 7

    acme.work()
    acme.clock.now += 100
    acme.later()

    observed = acme.services.read_metrics().histograms
    assert {name: each.count for name, each in observed.items() if each.count} == {
        QUEUE_SECONDS: 1,
        SECTORFLOW_SECONDS: 2,
        SLACK_SECONDS: 1,
    }
    assert observed[QUEUE_SECONDS].sum == 7


def test_each_step_is_logged_with_the_seconds_since_the_question_was_asked(acme, caplog):
    acme.accept()
    acme.clock.now += 7

    with caplog.at_level(logging.INFO):
        acme.work()

    seconds = {record.msg: vars(record).get("seconds") for record in caplog.records}
    assert [seconds[step] for step in ("question leased", "plan stored", "question answered")] == [7, 7, 7]


def test_each_failed_model_is_counted_and_logged_with_its_id(acme, caplog):
    acme.sectorflow.reply = some_failed(MODEL_IDS[1])
    question = acme.ask()

    assert acme.services.read_metrics().models["model_failed", MODEL_IDS[1], "error"] == 1
    (line,) = [each for each in caplog.records if each.message == "model failed: error"]
    assert (line.model_id, line.question_id) == (MODEL_IDS[1], question.id)


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
def test_an_answer_is_posted_in_the_thread_of_its_question(acme, changes, thread):
    acme.ask(**changes)

    assert [address.thread_ts for address in acme.slack.addresses] == [thread]


def test_only_the_shared_app_posts_under_the_customers_name_for_it(acme):
    app_id = CUSTOMERS_APP.app_id
    own = make_installation(make_settings(id="own", app_id=app_id), make_bot(app_id=app_id))
    acme.answers.installations.save(own, CUSTOMERS_APP, None)

    acme.ask(1)
    acme.ask(2, installation=own.key)

    assert [address.username for address in acme.slack.addresses] == ["Acme Assistant", None]


# The conversation at SectorFlow

IN_THREAD = {"thread_ts": "1.000100"}
DIRECT = {"is_direct": True}


@pytest.mark.parametrize(
    ("questions", "expected"),
    [([{}, IN_THREAD, {}], [None, "thread-1", None]), ([DIRECT, DIRECT], [None, "thread-1"])],
    ids=["thread", "direct message"],
)
def test_a_conversation_continues_its_thread_at_sectorflow(acme, questions, expected):
    for number, changes in enumerate(questions, start=1):
        acme.ask(number, **changes)

    assert thread_ids(acme) == expected


def test_another_workspace_begins_another_conversation(acme):
    acme.ask(1)
    acme.configure(sectorflow=replace(make_settings().sectorflow, workspace_id="another-workspace"))

    acme.ask(2, **IN_THREAD)

    assert thread_ids(acme) == [None, None]


def test_a_reply_without_a_thread_does_not_change_the_conversation(acme):
    acme.ask(1)
    acme.sectorflow.reply = make_reply(MODEL_IDS, thread_id=None)
    acme.ask(2, **IN_THREAD)
    acme.ask(3, **IN_THREAD)

    assert thread_ids(acme) == [None, "thread-1", "thread-1"]


# Questions that need no model

HELP = ("", "help", "Help.", "help me", "Help me, please!", "HELP?!", "/help", "?", "  help ", "??")
NO_HELP = (
    "help me write a letter",
    "help desk",
    "Helper",
    "What does help mean?",
    "I need help",
    "help\nme?x",
)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        *[({"text": text}, ENGLISH.help) for text in HELP],
        ({"text": "help", "has_files": True}, ENGLISH.help),
        ({"text": "", "has_files": True}, ENGLISH.file_only),
        ({"is_external": True}, ENGLISH.external_person),
    ],
)
def test_a_question_that_needs_no_model_is_answered_by_a_sentence(acme, changes, sentence):
    acme.ask(**changes)

    assert acme.slack.texts == [sentence]
    assert (acme.sectorflow.asked, acme.left) == ([], [])


@pytest.mark.parametrize("text", NO_HELP)
def test_a_question_that_contains_the_word_help_is_asked(acme, text):
    acme.ask(text=text)

    assert [asked for _, asked, _ in acme.sectorflow.asked] == [text]


def test_external_users_are_answered_if_the_installation_allows_it(acme):
    acme.configure(allow_external_users=True)

    acme.ask(is_external=True)

    assert len(acme.sectorflow.asked) == 1


def test_the_first_tab_with_an_answer_is_open(acme):
    acme.configure(display="tabs")
    failed, silent, answered = make_reply(MODEL_IDS).answers
    models = (replace(failed, text="", failed=True), replace(silent, text=" \n"), answered)
    acme.sectorflow.reply = Reply(models)

    acme.ask()

    ((_, _, message),) = acme.slack.posted
    assert labels(message)[:3] == ["⚠ Model 1", "⚠ Model 2", "● Model 3"]
    # A notification shows the same.
    assert message.text.startswith("◆ Model 3\nAnswer 3\n\n◆ Model 1\n")
