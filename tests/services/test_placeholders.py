"""A placeholder is shown until the answer replaces it; users who wait for a long time are notified."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy, SlackRefused, TokenRefused
from sectorflow_slack.domain.questions import Address
from sectorflow_slack.formatting import block_kit
from sectorflow_slack.formatting.notices import notice_to_ask_again, status, still_going
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import messaging
from sectorflow_slack.services.messaging import POST, UPDATE
from sectorflow_slack.storage.questions import QuestionStore
from tests.services.block_actions import from_menu
from tests.services.scenario import Scenario
from tests.services.steps import ASKING, FAILED_ID, FIRST_TS, KEY, LONG_REPLY, WorkerKilled, die
from tests.values import BOT_TOKEN, MODEL_IDS, NOW, make_settings

DM_THREAD = {"is_direct": True, "thread_ts": "0.5", "channel_id": "D0ANN"}


def updated_ts(acme: Scenario) -> list[str]:
    return [ts for _, _, ts, _ in acme.slack.updated]


# Posting it


@pytest.mark.parametrize(
    ("model_ids", "text"),
    [((), "Asking GPT, Claude and Gemini…"), (MODEL_IDS[1:2], "Asking Claude…")],
    ids=["all models", "one model"],
)
def test_a_placeholder_names_the_models_that_are_asked(acme, model_ids, text):
    names = dict(zip(MODEL_IDS, ("GPT", "Claude", "Gemini"), strict=True))
    acme.configure(sectorflow=replace(make_settings().sectorflow, model_names=names))

    question = acme.accept_with_placeholder(model_ids=model_ids)

    assert acme.slack.seen == [text]
    assert acme.slack.addresses == [Address(question.channel_id, question.ts, "Acme Assistant")]


@pytest.mark.parametrize("method", [POST, UPDATE])
def test_while_slack_limits_messages_no_placeholder_is_posted(acme, method):
    acme.services.slack_jobs.placeholders.messaging.pauses.pause(KEY, method, 3600.0)

    acme.accept_with_placeholder()

    assert acme.slack.seen == []


@pytest.mark.parametrize("error", [SlackRefused("not_in_channel"), SlackBusy("status_503")])
def test_a_placeholder_that_slack_did_not_take_may_be_posted_later(acme, error):
    acme.slack.posts.then(error)
    question = acme.accept_with_placeholder()
    assert acme.slack.posted == []

    acme.post_placeholder(question)
    assert acme.slack.seen == [ASKING]
    acme.work()

    assert acme.shows_the_answer_alone()


def test_in_the_thread_of_a_direct_message_a_status_is_set_instead(acme):
    acme.accept_with_placeholder(**DM_THREAD)
    assert acme.slack.status_set == [("D0ANN", "0.5", status(["", "", ""]))]
    assert acme.slack.posted == []

    acme.work()

    assert acme.slack.updated == []
    assert acme.shows_the_answer_alone()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [(DM_THREAD, SlackRefused("missing_scope")), ({"is_direct": True}, None), ({"thread_ts": "0.5"}, None)],
    ids=["refused status", "direct message", "thread of a channel"],
)
def test_a_placeholder_is_posted_if_slack_would_show_no_status(acme, changes, refusal):
    acme.slack.statuses.then(refusal)

    acme.accept_with_placeholder(**changes)
    assert acme.slack.seen == [ASKING]
    assert acme.slack.status_set == []
    acme.work()

    assert acme.shows_the_answer_alone()


# The answer replaces it


def test_the_first_message_of_an_answer_replaces_the_placeholder_and_others_follow(acme):
    acme.sectorflow.reply = LONG_REPLY
    question = acme.accept_with_placeholder()

    acme.work()

    ((token, channel_id, ts, _),) = acme.slack.updated
    assert (token, channel_id, ts) == (BOT_TOKEN, question.channel_id, FIRST_TS)
    assert len(acme.slack.posted) > 2
    assert ASKING not in acme.slack.seen
    assert acme.stored().posted == tuple(acme.slack.shown)


def test_a_notice_of_failure_replaces_the_placeholder_with_a_button(acme):
    acme.sectorflow.answers.then(TokenRefused("status 401"))
    acme.accept_with_placeholder(id=FAILED_ID)

    acme.work()

    assert acme.slack.shown == {FIRST_TS: notice_to_ask_again(ENGLISH.key_refused, FAILED_ID)}


def test_a_placeholder_stays_until_the_question_is_tried_again(acme):
    acme.sectorflow.answers.then(SectorFlowBusy("status 503"))
    acme.accept_with_placeholder()
    acme.work()
    assert acme.slack.seen == [ASKING]

    acme.later()

    assert acme.shows_the_answer_alone()


#: Slack's codes for a message that cannot be updated any more.
GONE = ("message_not_found", "cant_update_message", "edit_window_closed", "block_mismatch", "is_inactive")


@pytest.mark.parametrize("code", [*GONE, "cant_delete_message"])
def test_if_the_placeholder_is_gone_the_answer_is_posted_as_a_new_message(acme, code):
    acme.slack.updates.then(SlackRefused(code))
    question = acme.accept_with_placeholder()

    acme.work()

    assert "Answer 1" in acme.slack.texts[1]
    assert acme.slack.addresses[1].thread_ts == question.ts
    assert acme.left == []


def test_if_slack_refuses_the_update_for_another_reason_no_second_message_is_posted(acme):
    acme.slack.updates.then(SlackRefused("is_archived"))
    acme.accept_with_placeholder()

    acme.work()

    assert acme.slack.seen == [ASKING]
    assert acme.has_failed_with("slack_is_archived")


# Crashes and races


def test_a_worker_that_died_between_the_update_and_its_record_leaves_no_second_message(acme, monkeypatch):
    acme.accept_with_placeholder()

    with acme.killed(), monkeypatch.context() as patch:
        patch.setattr(QuestionStore, "mark_posted", die)
        acme.work()

    assert updated_ts(acme) == [FIRST_TS] * 2
    assert acme.shows_the_answer_alone()
    assert acme.ended == {"answered": 1}


def test_the_next_worker_does_not_repeat_an_update_that_is_stored(acme):
    acme.sectorflow.reply = LONG_REPLY
    acme.slack.posts.then(None, WorkerKilled())
    acme.accept_with_placeholder()

    with acme.killed():
        acme.work()

    assert updated_ts(acme) == [FIRST_TS]
    assert len(acme.slack.seen) > 2
    assert acme.left == []


def test_no_placeholder_follows_an_answer_that_came_first(acme):
    question = acme.ask()

    acme.post_placeholder(question)

    assert acme.shows_the_answer_alone()


def test_the_answer_waits_for_a_placeholder_that_is_being_posted(acme, monkeypatch):
    question = acme.accept()
    placeholders = acme.services.slack_jobs.placeholders.placeholders
    placeholders.claim(question.id)
    time = SimpleNamespace(sleep=lambda _: placeholders.store(question.id, FIRST_TS))
    monkeypatch.setattr(messaging, "time", time)

    acme.work()

    assert updated_ts(acme) == [FIRST_TS]
    assert acme.slack.posted == []


@pytest.mark.parametrize("deleted", [None, SlackRefused("message_not_found")], ids=["there", "gone"])
def test_a_placeholder_that_is_posted_too_late_is_deleted_again(acme, deleted):
    acme.slack.posts.then(lambda: (acme.let_claims_expire(), acme.work()))
    acme.slack.removals.then(deleted)

    acme.accept_with_placeholder()

    assert "Answer 1" in acme.slack.texts[0]
    assert acme.slack.texts[1] == ASKING
    assert acme.slack.removed == ([] if deleted else [(BOT_TOKEN, "C0GENERAL", "1700000001.000002")])
    assert acme.ended == {"answered": 1}


# Long waits


def notify(acme: Scenario) -> None:
    """Let all open questions be open for a long time, and notify their users, as a worker does."""
    acme.wait_long()
    acme.clock.now = NOW + 25
    acme.services.slack_jobs.placeholders.notify_slow()


@pytest.fixture
def line(acme):
    """An installation without room for more questions, and two users who wait in line."""
    acme.answers.questions._limit = 1
    acme.accept(1)
    question = acme.answers.questions.lease(KEY)
    assert question is not None
    # It has a message already, so its user is not notified.
    acme.answers.questions.mark_posted(question, ["1.1"])
    for number in (2, 3):
        acme.accept(number)
    return acme


@pytest.mark.parametrize(
    ("outcomes", "threads"),
    [
        ([], ["2.000100", "3.000100"]),
        ([None, SlackBusy("status_503")], ["2.000100", "3.000100"]),
        ([SlackRefused("not_in_channel")], ["3.000100"]),
    ],
    ids=["at once", "Slack busy", "Slack refuses one"],
)
def test_each_user_in_line_is_notified_once_in_the_thread_of_the_question(line, outcomes, threads):
    line.slack.posts.then(*outcomes)

    notify(line)
    notify(line)

    assert line.slack.texts == [ENGLISH.still_waiting] * len(threads)
    assert [address.thread_ts for address in line.slack.addresses] == threads
    assert line.store.llen(f"waiting:{KEY}") == 2


def test_while_slack_limits_messages_no_user_is_notified(line):
    line.services.slack_jobs.placeholders.messaging.pauses.pause(KEY, POST, 3600.0)

    notify(line)

    assert line.slack.posted == []


def test_the_users_of_a_deleted_installation_are_not_notified(line):
    line.services.registration.delete(make_settings().id)

    notify(line)

    assert line.slack.posted == []


def test_a_placeholder_is_updated_once_with_the_time_that_the_answer_takes(acme):
    acme.accept_with_placeholder()
    acme.answers.questions.lease(KEY)

    notify(acme)
    notify(acme)

    assert acme.slack.seen == [still_going(25.0).text]
    assert updated_ts(acme) == [FIRST_TS]


def test_without_a_placeholder_the_notification_becomes_one(acme):
    acme.sectorflow.answers.then(SectorFlowBusy("status 503"))
    acme.ask()

    notify(acme)
    assert acme.slack.seen == [still_going(25.0).text]
    acme.later()

    assert acme.shows_the_answer_alone()


def test_a_status_is_set_again_before_slack_ends_it(acme):
    acme.accept_with_placeholder(**DM_THREAD)
    acme.answers.questions.lease(KEY)

    notify(acme)

    assert acme.slack.status_set == [("D0ANN", "0.5", status(["", "", ""]))] * 2
    assert acme.slack.posted == []


def test_users_who_wait_for_a_regenerated_model_are_not_notified(answered):
    answered.interact(from_menu(block_kit.REGENERATE, 1))
    answered.run_jobs()
    shown = answered.slack.seen

    notify(answered)

    assert answered.slack.seen == shown
    assert len(answered.slack.posted) == 1
