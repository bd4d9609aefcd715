"""The outcome of a question after each kind of failure, row by row of the table."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sectorflow_slack.domain import errors
from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy, SlackRefused
from sectorflow_slack.domain.slack_jobs import PostDirectMessage
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.services import resilience
from sectorflow_slack.services.failures import delay_before_retry, plan_of_failure, reason_of
from tests.services import steps
from tests.services.steps import FAILED_ID, KEY
from tests.values import make_bot, make_installation, make_question

BUSY = [1.5, 5.0, 12.0, 24.0]
#: An error, the delays before further tries, the reason that is stored, the text of the notice.
AT_SECTORFLOW = [
    (SectorFlowBusy("secret"), BUSY, "sectorflow_busy", ENGLISH.unreachable),
    (SectorFlowBusy("secret", 0.0), BUSY, "sectorflow_busy", ENGLISH.unreachable),
    (SectorFlowBusy("secret", 6.0), [6.0, 6.0, 12.0, 24.0], "sectorflow_busy", ENGLISH.unreachable),
    (SectorFlowBusy("secret", 61.0), [], "sectorflow_busy", ENGLISH.unreachable),
    (errors.SectorFlowBroken("secret"), [2.0], "sectorflow_broken", ENGLISH.unreachable),
    (errors.AnswerLost("secret"), [], "answer_lost", ENGLISH.too_slow),
    (errors.AnswerCutOff("secret"), [], "answer_cut_off", ENGLISH.connection_lost),
    (errors.CreditsSpent("secret"), [], "credits_spent", ENGLISH.no_credits),
    (errors.BlockedByFirewall("secret"), [], "blocked_by_firewall", ENGLISH.question_refused),
    (errors.TokenRefused("secret"), [], "token_refused", ENGLISH.key_refused),
    (errors.WorkspaceMissing("secret"), [], "workspace_missing", ENGLISH.workspace_gone),
    (errors.QuestionRefused("secret"), [], "question_refused", ENGLISH.question_refused),
    (errors.QuestionTooLong("secret"), [], "question_too_long", ENGLISH.question_too_long),
    (errors.ReplyUnreadable("secret"), [], "reply_unreadable", ENGLISH.unreadable),
    (errors.SectorFlowError("secret"), [], "unforeseen", ENGLISH.unexpected),
    (errors.CannotDecrypt("secret"), [], "unforeseen", ENGLISH.unexpected),
    (ZeroDivisionError("secret"), [2.0, 10.0, 60.0], "unforeseen", ENGLISH.unexpected),
]
SLACK_BUSY = [1, 3, 10, 30, 60, 120, 300, 600, 600]
NO_ACCESS = ("not_in_channel", "channel_not_found")
REFUSALS = ("is_archived", "missing_scope", "token_expired", "token_revoked", "account_inactive", *NO_ACCESS)
AT_SLACK = [
    (SlackBusy("fatal_error"), SLACK_BUSY),
    (SlackBusy("ConnectionError"), SLACK_BUSY),
    *[(SlackRefused(code), []) for code in REFUSALS],
    (errors.SlackRefusedMessage("msg_too_long"), []),
]


@pytest.mark.parametrize(("error", "delays", "reason", "text"), AT_SECTORFLOW)
def test_after_a_failure_at_sectorflow_the_user_is_notified(acme, caplog, error, delays, reason, text):
    acme.sectorflow.answers.then(*[error] * (len(delays) + 1))
    question = acme.ask(id=FAILED_ID)

    for _ in delays:
        assert acme.slack.posted == []
        acme.later()

    assert steps.delays(caplog) == delays
    assert len(acme.sectorflow.asked) == len(delays) + 1
    side = "own" if reason == "unforeseen" else "sectorflow"
    assert acme.services.read_metrics().counters.get(("retries", side), 0) == len(delays)
    assert acme.slack.texts == [text]
    assert acme.slack.addresses[0].thread_ts == question.ts
    assert acme.failed_questions == [(question, reason)]
    assert acme.has_failed_with(reason)


@pytest.mark.parametrize(("error", "delays"), AT_SLACK, ids=str)
def test_after_a_failure_at_slack_no_notice_is_posted_in_the_thread(acme, caplog, error, delays):
    acme.slack.posts.then(*[error] * 20)
    question = acme.ask(id=FAILED_ID)

    for _ in delays:
        assert acme.ended == {}
        acme.later()

    in_dm = PostDirectMessage(KEY, sentence="not_in_channel", user_id="U0ANN")
    reason = f"slack_{error.code}".lower()
    assert steps.delays(caplog) == delays
    assert len(acme.sectorflow.asked) == 1
    assert acme.slack.posted == []
    assert acme.services.read_metrics().counters.get(("retries", "slack"), 0) == len(delays)
    assert acme.slack_jobs == [(in_dm, 0.0)] * (error.code in NO_ACCESS)
    assert acme.failed_questions == [(question, reason)]
    assert acme.has_failed_with(reason)


def test_every_kind_of_failure_at_sectorflow_has_a_sentence_and_a_reason():
    kinds = [each for each in errors.SectorFlowError.__subclasses__() if each.__module__ == errors.__name__]

    failures = [kind("secret") for kind in kinds]

    assert len({reason_of(error) for error in failures} - {"unforeseen"}) == len(failures) == 9
    texts = [plan_of_failure(make_question(), error).messages[0].text for error in failures]
    assert ENGLISH.unexpected not in texts


def test_an_unforeseen_error_is_logged_by_its_type_and_without_its_text(acme, caplog):
    caplog.set_level(logging.DEBUG)
    acme.sectorflow.answers.then(RuntimeError("a secret"))

    acme.ask()

    lines = "\n".join(JsonFormatter().format(record) for record in caplog.records)
    assert "RuntimeError" in lines
    assert "a secret" not in lines


# The store fails


def test_a_question_fails_and_is_stored_if_no_key_decrypts_its_installation(acme):
    acme.store.hset(f"installation:{KEY}", "bot_token", "sealed with a key that is lost")

    question = acme.ask()

    assert (acme.slack.posted, acme.left) == ([], [])
    assert [failed for failed, _ in acme.failed_questions] == [question]


@pytest.mark.parametrize("is_short", [True, False], ids=["short", "long"])
def test_a_question_is_answered_after_an_outage_of_the_store(acme, redis_server, monkeypatch, is_short):
    def lose_the_store():
        redis_server.connected = is_short
        raise errors.StorageUnavailable("ConnectionError")

    monkeypatch.setattr(resilience, "OUTAGE_SECONDS", 0.0)
    acme.sectorflow.answers.then(lose_the_store)
    acme.ask()
    assert acme.slack.posted == []

    redis_server.connected = True
    acme.later("underway")

    assert "Answer 1" in acme.slack.texts[0]
    assert acme.left == []


# Delays


@settings(deadline=None)
@given(random=st.floats(0, 1, exclude_max=True), failures=st.integers(0, 100))
def test_slacks_retry_after_is_waited_for_however_often_and_with_jitter(random, failures):
    delay = delay_before_retry(SlackBusy("x", 3600.0), failures, lambda: random)

    assert delay == pytest.approx(3600.75 + 0.5 * random)


@settings(deadline=None)
@given(random=st.floats(0, 1, exclude_max=True), failures=st.integers(0, 3))
def test_tries_that_failed_together_are_repeated_apart(random, failures):
    for error, delays in ((SectorFlowBusy("x"), BUSY), (SlackBusy("x"), SLACK_BUSY)):
        delay = delay_before_retry(error, failures, lambda: random)

        assert delay == pytest.approx(delays[failures] * (0.75 + 0.5 * random))


def test_the_user_who_installed_the_app_is_told_once_a_day_that_its_token_is_refused(acme):
    acme.answers.installations.save(make_installation(bot=make_bot(installer_id="U0ADMIN")), None, None)
    for number in (1, 2):
        acme.sectorflow.answers.then(errors.TokenRefused("status 401"))
        acme.ask(number)
    acme.run_slack_jobs()

    told = [message.text for _, address, message in acme.slack.posted if address.channel_id == "U0ADMIN"]
    assert told == [ENGLISH.token_refused_for_installer]
