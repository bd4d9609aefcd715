"""While models are asked a placeholder stands where the answer will be; people who wait for long are told."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy, SlackRefused, TokenRefused
from sectorflow_slack.domain.questions import Address
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.interim import status, still_going
from sectorflow_slack.formatting.plain import notice_to_ask_again
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import messaging as posting
from sectorflow_slack.services.messaging import POST
from sectorflow_slack.storage.questions import QuestionStore
from tests.services.pressing import from_menu
from tests.services.scenario import Scenario
from tests.services.steps import ASKING, FIRST_TS, KEY, LETTER_ID, LONG_REPLY, WorkerKilled, die
from tests.values import BOT_TOKEN, MODEL_IDS, NOW, make_question, make_terms

DM_THREAD = {"is_direct": True, "thread_ts": "0.5", "channel_id": "D0ANN"}


# Showing it


@pytest.mark.parametrize(
    ("model_ids", "shown"),
    [((), "Asking GPT, Claude and Gemini…"), (MODEL_IDS[1:2], "Asking Claude…")],
    ids=["all models", "one model"],
)
def test_a_placeholder_names_the_models_that_are_asked(
    acme: Scenario, model_ids: tuple[str, ...], shown: str
) -> None:
    names = dict(zip(MODEL_IDS, ("GPT", "Claude", "Gemini"), strict=True))
    acme.configure(sectorflow=replace(make_terms().sectorflow, model_names=names))

    question = acme.accept_with_placeholder(model_ids=model_ids)

    assert acme.slack.seen == [shown]
    assert acme.slack.addresses == [Address(question.channel_id, question.ts, "Acme Assistant")]


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
def test_while_slack_wants_fewer_calls_there_is_no_placeholder(acme: Scenario, method: str) -> None:
    acme.services.slack_jobs.placeholders.messaging.pauses.pause(KEY, method, 3600.0)

    acme.accept_with_placeholder()

    assert acme.slack.seen == []


@pytest.mark.parametrize("error", [SlackRefused("not_in_channel"), SlackBusy("status_503")])
def test_a_placeholder_that_slack_does_not_take_holds_up_no_answer_and_may_be_posted_later(
    acme: Scenario, error: Exception
) -> None:
    acme.slack.posts.then(error)
    question = acme.accept_with_placeholder()
    assert acme.slack.posted == []

    acme.post_placeholder(question)
    assert acme.slack.seen == [ASKING]
    acme.work()

    assert acme.shows_the_answer_alone()


# A status in its place


def test_in_the_thread_of_a_direct_message_slack_shows_a_status_instead(acme: Scenario) -> None:
    acme.accept_with_placeholder(**DM_THREAD)
    assert acme.slack.status_set == [("D0ANN", "0.5", status(3))]
    assert acme.slack.posted == []

    acme.work()

    assert acme.slack.updated == []
    assert acme.shows_the_answer_alone()


def test_if_slack_refuses_a_status_a_placeholder_is_posted(acme: Scenario) -> None:
    acme.slack.statuses.then(SlackRefused("missing_scope"))

    acme.accept_with_placeholder(**DM_THREAD)
    assert acme.slack.seen == [ASKING]
    acme.work()

    assert acme.shows_the_answer_alone()


@pytest.mark.parametrize("changes", [{"is_direct": True}, {"thread_ts": "0.5"}], ids=["DM", "thread"])
def test_elsewhere_a_placeholder_is_posted(acme: Scenario, changes: dict[str, Any]) -> None:
    acme.accept_with_placeholder(**changes)

    assert acme.slack.seen == [ASKING]
    assert acme.slack.status_set == []


# The answer takes its place


def test_the_answer_takes_the_place_of_the_placeholder(acme: Scenario) -> None:
    question = acme.accept_with_placeholder()

    acme.work()

    ((token, channel_id, ts, _),) = acme.slack.updated
    assert (token, channel_id, ts) == (BOT_TOKEN, question.channel_id, FIRST_TS)
    assert acme.shows_the_answer_alone()
    assert acme.kept().posted == (FIRST_TS,)
    assert acme.left == []


def test_of_a_long_answer_the_first_message_takes_the_place_and_the_others_follow(acme: Scenario) -> None:
    acme.sectorflow.reply = LONG_REPLY
    acme.accept_with_placeholder()

    acme.work()

    assert [ts for _, _, ts, _ in acme.slack.updated] == [FIRST_TS]
    assert len(acme.slack.posted) > 2
    assert ASKING not in acme.slack.seen
    assert acme.kept().posted == tuple(acme.slack.shown)


def test_an_apology_takes_the_place_with_a_button(acme: Scenario) -> None:
    acme.sectorflow.answers.then(TokenRefused("status 401"))
    acme.accept_with_placeholder(id=LETTER_ID)

    acme.work()

    assert acme.slack.shown == {FIRST_TS: notice_to_ask_again(ENGLISH.key_refused, LETTER_ID)}


def test_a_placeholder_stands_as_long_as_the_question_is_tried_again(acme: Scenario) -> None:
    acme.sectorflow.answers.then(SectorFlowBusy("status 503"))
    acme.accept_with_placeholder()
    acme.work()
    assert acme.slack.seen == [ASKING]

    acme.later()

    assert acme.shows_the_answer_alone()


@pytest.mark.parametrize(
    "code",
    [
        "message_not_found",
        "cant_update_message",
        "cant_delete_message",
        "edit_window_closed",
        "block_mismatch",
        "is_inactive",
    ],
)
def test_if_the_placeholder_is_gone_the_answer_is_posted_anew(acme: Scenario, code: str) -> None:
    acme.slack.updates.then(SlackRefused(code))
    question = acme.accept_with_placeholder()

    acme.work()

    assert "Answer 1" in acme.slack.texts[1]
    assert acme.slack.addresses[1].thread_ts == question.ts
    assert acme.left == []


# Crashes, and who comes first


def test_a_worker_that_died_after_the_update_and_before_its_record_leaves_no_second_message(
    acme: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.accept_with_placeholder()

    with acme.killed(), monkeypatch.context() as patch:
        patch.setattr(QuestionStore, "mark_posted", die)
        acme.work()

    assert [ts for _, _, ts, _ in acme.slack.updated] == [FIRST_TS] * 2
    assert acme.shows_the_answer_alone()
    assert acme.ended == {"answered": 1}


def test_the_worker_that_goes_on_after_the_update_does_not_write_over_it(acme: Scenario) -> None:
    acme.sectorflow.reply = LONG_REPLY
    acme.slack.posts.then(None, WorkerKilled())
    acme.accept_with_placeholder()

    with acme.killed():
        acme.work()

    assert len(acme.slack.updated) == 1
    assert len(acme.slack.seen) > 2
    assert acme.left == []


def test_an_answer_that_comes_first_is_followed_by_no_placeholder(acme: Scenario) -> None:
    question = acme.ask()

    acme.post_placeholder(question)

    assert acme.shows_the_answer_alone()


def test_the_answer_waits_for_a_placeholder_that_is_just_being_posted(
    acme: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.accept()
    placeholders = acme.services.slack_jobs.placeholders.placeholders
    placeholders.claim(make_question().id)
    posted = SimpleNamespace(sleep=lambda _: placeholders.store(make_question().id, FIRST_TS))
    monkeypatch.setattr(posting, "time", posted)

    acme.work()

    assert [ts for _, _, ts, _ in acme.slack.updated] == [FIRST_TS]
    assert acme.slack.posted == []


@pytest.mark.parametrize("deleted", [None, SlackRefused("message_not_found")], ids=["there", "gone"])
def test_a_placeholder_that_is_posted_too_late_is_deleted_again(
    acme: Scenario, deleted: SlackRefused | None
) -> None:
    def hang() -> None:
        acme.let_claims_expire()
        acme.work()

    acme.slack.posts.then(hang)
    acme.slack.removals.then(deleted)

    acme.accept_with_placeholder()

    assert "Answer 1" in acme.slack.texts[0]
    assert acme.slack.texts[1] == ASKING
    assert acme.slack.removed == ([] if deleted else [(BOT_TOKEN, "C0GENERAL", "1700000001.000002")])
    assert acme.ended == {"answered": 1}


# Long waits

STILL_GOING = still_going(25.0).text


def tell(acme: Scenario) -> None:
    """Let all that is open be open for long, and have a worker look who is to be told."""
    acme.wait_long()
    acme.clock.now = NOW + 25
    acme.services.slack_jobs.placeholders.notify_slow()


@pytest.fixture
def line(acme: Scenario) -> Scenario:
    """An installation with no more room, in whose line two people wait."""
    acme.answers.questions._limit = 1  # type: ignore[attr-defined]
    # The one under way is not asked again while the others are told.
    acme.accept(1)
    question = acme.answers.questions.lease(KEY)
    assert question is not None
    acme.answers.questions.mark_posted(question, ["1.1"])
    for number in (2, 3):
        acme.accept(number)
    return acme


def threads(acme: Scenario) -> list[str | None]:
    return [address.thread_ts for address in acme.slack.addresses]


# Long waits: in line


def test_people_in_line_are_told_once_where_they_asked(line: Scenario) -> None:
    tell(line)
    tell(line)

    assert line.slack.texts == [ENGLISH.still_waiting] * 2
    assert threads(line) == ["2.000100", "3.000100"]


def test_people_who_could_not_be_told_are_told_later_and_stay_in_line(line: Scenario) -> None:
    line.slack.posts.then(None, SlackBusy("status_503"))

    tell(line)
    tell(line)

    assert threads(line) == ["2.000100", "3.000100"]
    assert line.store.llen(f"waiting:{KEY}") == 2


def test_a_person_who_cannot_be_told_keeps_no_other_from_being_told(line: Scenario) -> None:
    line.slack.posts.then(SlackRefused("not_in_channel"))

    tell(line)
    tell(line)

    assert threads(line) == ["3.000100"]


def test_while_slack_wants_quiet_no_one_is_told(line: Scenario) -> None:
    line.services.slack_jobs.placeholders.messaging.pauses.pause(KEY, POST, 3600.0)

    tell(line)

    assert line.slack.posted == []


# Long waits: being worked on


def test_a_placeholder_says_once_how_long_it_takes(acme: Scenario) -> None:
    acme.accept_with_placeholder()
    acme.answers.questions.lease(KEY)

    tell(acme)
    tell(acme)

    assert acme.slack.seen == [STILL_GOING]
    assert len(acme.slack.updated) == 1


def test_without_a_placeholder_people_are_told_in_a_message_that_the_answer_takes_over(
    acme: Scenario,
) -> None:
    acme.sectorflow.answers.then(SectorFlowBusy("status 503"))
    acme.ask()

    tell(acme)
    assert acme.slack.seen == [STILL_GOING]
    acme.later()

    assert len(acme.slack.seen) == 1
    assert "Answer 1" in acme.slack.seen[0]


def test_a_status_is_set_again_before_slack_ends_it(acme: Scenario) -> None:
    acme.accept_with_placeholder(**DM_THREAD)
    acme.answers.questions.lease(KEY)

    tell(acme)

    assert acme.slack.status_set == [("D0ANN", "0.5", status(3))] * 2
    assert acme.slack.posted == []


def test_people_who_wait_for_one_model_asked_again_read_so_in_the_old_answer_alone(
    answered: Scenario,
) -> None:
    answered.press(from_menu(actions.REGENERATE, 1))
    answered.run_jobs()
    shown = answered.slack.seen

    tell(answered)

    assert answered.slack.seen == shown
    assert len(answered.slack.posted) == 1
