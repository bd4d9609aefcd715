"""What becomes of a question when something goes wrong, row by row of the two tables."""

from __future__ import annotations

import logging

import fakeredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import (
    AnswerLost,
    CannotDecrypt,
    QuestionRefused,
    QuestionTooLong,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    SectorFlowError,
    SlackBusy,
    SlackError,
    SlackRefused,
    SlackRefusedMessage,
    StorageUnavailable,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.slack_jobs import SlackJob
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.services import resilience as insisting
from sectorflow_slack.services.failures import delay_before_retry, plan_of_failure, reason_of
from tests.services.scenario import Scenario
from tests.services.steps import KEY, LETTER_ID, let_time_pass
from tests.values import make_question

#: An error, the waits before further tries, why the question failed in the end, what is told.
AT_SECTORFLOW = [
    (SectorFlowBusy("secret"), [1.5, 5.0, 12.0, 24.0], "sectorflow_busy", ENGLISH.unreachable),
    (SectorFlowBusy("secret", 0.0), [1.5, 5.0, 12.0, 24.0], "sectorflow_busy", ENGLISH.unreachable),
    (SectorFlowBusy("secret", 6.0), [6.0, 6.0, 12.0, 24.0], "sectorflow_busy", ENGLISH.unreachable),
    (SectorFlowBusy("secret", 61.0), [], "sectorflow_busy", ENGLISH.unreachable),
    (SectorFlowBroken("secret"), [2.0], "sectorflow_broken", ENGLISH.unreachable),
    (AnswerLost("secret"), [], "answer_lost", ENGLISH.too_slow),
    (TokenRefused("secret"), [], "token_refused", ENGLISH.key_refused),
    (WorkspaceMissing("secret"), [], "workspace_missing", ENGLISH.workspace_gone),
    (QuestionRefused("secret"), [], "question_refused", ENGLISH.question_refused),
    (QuestionTooLong("secret"), [], "question_too_long", ENGLISH.question_too_long),
    (ReplyUnreadable("secret"), [], "reply_unreadable", ENGLISH.unreadable),
    (SectorFlowError("secret"), [], "unforeseen", ENGLISH.unexpected),
    (CannotDecrypt("secret"), [], "unforeseen", ENGLISH.unexpected),
    (ZeroDivisionError("secret"), [2.0, 10.0, 60.0], "unforeseen", ENGLISH.unexpected),
]
SLACK_BUSY = [1, 3, 10, 30, 60, 120, 300, 600, 600]
AT_SLACK = [
    (SlackBusy("fatal_error"), SLACK_BUSY, "slack_fatal_error"),
    (SlackBusy("ConnectionError"), SLACK_BUSY, "slack_connectionerror"),
    (SlackRefused("not_in_channel"), [], "slack_not_in_channel"),
    (SlackRefused("channel_not_found"), [], "slack_channel_not_found"),
    (SlackRefused("is_archived"), [], "slack_is_archived"),
    (SlackRefused("missing_scope"), [], "slack_missing_scope"),
    (SlackRefused("token_expired"), [], "slack_token_expired"),
    (SlackRefused("token_revoked"), [], "slack_token_revoked"),
    (SlackRefused("account_inactive"), [], "slack_account_inactive"),
    (SlackRefusedMessage("msg_too_long"), [], "slack_msg_too_long"),
]
#: Where the app may not write, the person is told so in a direct message.
SHUT_OUT = {"slack_not_in_channel", "slack_channel_not_found"}


@pytest.mark.parametrize(("error", "delays", "reason", "words"), AT_SECTORFLOW)
def test_a_failure_at_sectorflow_is_told_and_stored(
    acme: Scenario, error: Exception, delays: list[float], reason: str, words: str
) -> None:
    acme.sectorflow.answers.then(*[error] * (len(delays) + 1))
    question = acme.ask(id=LETTER_ID)

    for _ in delays:
        assert acme.slack.posted == []
        acme.later()

    assert acme.queue.jobs == [(KEY, delay) for delay in delays]
    assert len(acme.sectorflow.asked) == len(delays) + 1
    fault = "own" if reason == "unforeseen" else "sectorflow"
    assert acme.services.read_metrics().counters.get(("retries", fault), 0) == len(delays)
    assert acme.slack.texts == [words]
    assert acme.slack.addresses[0].thread_ts == question.ts
    assert acme.ended == {reason: 1}
    assert acme.failed_questions == [(question, reason)]
    assert acme.left == []


@pytest.mark.parametrize(("error", "delays", "reason"), AT_SLACK)
def test_a_failure_at_slack_cannot_be_told_in_its_place_and_is_stored(
    acme: Scenario, error: SlackError, delays: list[float], reason: str
) -> None:
    acme.slack.posts.then(*[error] * 20)
    question = acme.ask(id=LETTER_ID)

    for _ in delays:
        assert acme.ended == {}
        acme.later()

    told = SlackJob("tell", KEY, user_id="U0ANN", thread_ts=question.ts, sentence="not_in_channel")
    assert acme.queue.jobs == [(KEY, delay) for delay in delays]
    assert len(acme.sectorflow.asked) == 1
    assert acme.slack.posted == []
    assert acme.services.read_metrics().counters.get(("retries", "slack"), 0) == len(delays)
    assert acme.queue.slack_jobs == ([(told, 0.0)] if reason in SHUT_OUT else [])
    assert acme.ended == {reason: 1}
    assert acme.failed_questions == [(question, reason)]
    assert acme.left == []


def test_every_kind_of_failure_at_sectorflow_has_a_sentence_and_a_reason() -> None:
    kinds = [
        kind for kind in SectorFlowError.__subclasses__() if kind.__module__ == SectorFlowError.__module__
    ]

    public = [kind("secret") for kind in kinds]

    assert len({reason_of(error) for error in public} - {"unforeseen"}) == len(public) == 7
    texts = [plan_of_failure(make_question(), error).messages[0].text for error in public]
    assert ENGLISH.unexpected not in texts


def test_the_unforeseen_is_logged_by_its_type_and_without_its_text(
    acme: Scenario, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    acme.sectorflow.answers.then(RuntimeError("a secret"))

    acme.ask()

    lines = "\n".join(JsonFormatter().format(record) for record in caplog.records)
    assert "RuntimeError" in lines
    assert "a secret" not in lines


# The store fails


def test_an_installation_that_cannot_be_decrypted_is_given_up_and_its_question_stored(acme: Scenario) -> None:
    acme.store.hset(f"installation:{KEY}", "bot_token", "sealed with a key that is lost")

    question = acme.ask()

    assert acme.slack.posted == []
    assert acme.left == []
    assert [failed for failed, _ in acme.failed_questions] == [question]


def test_a_store_that_goes_away_leaves_the_question_to_be_taken_up_again(
    acme: Scenario, redis_server: fakeredis.FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insisting, "OUTAGE_SECONDS", 0.0)
    acme.sectorflow.answers.then(lambda: setattr(redis_server, "connected", False))
    acme.ask()
    assert acme.slack.posted == []

    redis_server.connected = True
    acme.later("underway")

    assert "Answer 1" in acme.slack.texts[0]
    assert acme.left == []


def test_a_queue_that_fails_loses_no_question_that_was_put_back(acme: Scenario) -> None:
    acme.sectorflow.answers.then(SectorFlowBusy("status 503"))
    acme.queue.enqueues.then(StorageUnavailable("ConnectionError"))
    acme.ask()

    let_time_pass(acme.store)
    acme.answers.extend_leases()
    acme.work()

    assert acme.queue.jobs == [(KEY, 0.0)]
    assert "Answer 1" in acme.slack.texts[0]
    assert len(acme.sectorflow.asked) == 2


# How long is waited


@settings(deadline=None)
@given(random=st.floats(0, 1, exclude_max=True), failures=st.integers(0, 100))
def test_slack_is_waited_for_however_often_and_all_come_back_apart(random: float, failures: int) -> None:
    delay = delay_before_retry(SlackBusy("x", 3600.0), failures, lambda: random)

    assert delay == pytest.approx(3600.75 + 0.5 * random)


@settings(deadline=None)
@given(random=st.floats(0, 1, exclude_max=True), failures=st.integers(0, 3))
def test_those_who_failed_together_come_back_apart(random: float, failures: int) -> None:
    usual = delay_before_retry(SectorFlowBusy("x"), failures, lambda: 0.5)
    delay = delay_before_retry(SectorFlowBusy("x"), failures, lambda: random)

    assert usual is not None
    assert delay == pytest.approx(usual * (0.75 + 0.5 * random))
