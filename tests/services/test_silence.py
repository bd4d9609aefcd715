"""Through every failure no log line and no stored value contains a text or a token in the clear."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

import pytest

from sectorflow_slack.domain import errors
from sectorflow_slack.domain.errors import SlackBusy, SlackRefused, SlackRefusedMessage
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.storage.questions import QuestionStore
from tests.fakes import make_reply
from tests.services.scenario import Scenario
from tests.services.steps import FAILED_ID, WorkerKilled, some_failed
from tests.storage.conftest import dump
from tests.values import API_TOKEN, BOT_TOKEN, MODEL_IDS, OWN_APP, make_block_action, make_question

QUESTION = "planted-question"
ANSWER = "planted-answer"
UNFORESEEN = RuntimeError(f"{QUESTION} {ANSWER} {BOT_TOKEN} {API_TOKEN}")
SECRETS = (QUESTION, ANSWER, BOT_TOKEN, API_TOKEN, OWN_APP.signing_secret, OWN_APP.client_secret)

Arrange = Callable[[Scenario, pytest.MonkeyPatch], None]


def lose_the_lease(_: Scenario, patch: pytest.MonkeyPatch) -> None:
    """Let another worker lease the question before a message is posted."""
    assert_held = QuestionStore.assert_held

    def late(self: QuestionStore, question: object) -> None:
        self._redis.hset("question:" + FAILED_ID, "holder", "another")
        assert_held(self, question)

    patch.setattr(QuestionStore, "assert_held", late)


def at_sectorflow(*outcomes: BaseException) -> Arrange:
    return lambda acme, _: acme.sectorflow.answers.then(*outcomes)


def at_slack(*outcomes: BaseException) -> Arrange:
    return lambda acme, _: acme.slack.posts.then(*outcomes)


FAILURES: dict[str, Arrange] = {
    "none": at_slack(),
    "busy": at_sectorflow(*[errors.SectorFlowBusy("status 503")] * 5),
    "lost": at_sectorflow(errors.AnswerLost("ReadTimeout")),
    "refused": at_sectorflow(errors.TokenRefused("status 401")),
    "unforeseen": at_sectorflow(*[UNFORESEEN] * 4),
    "some failed": lambda acme, _: setattr(acme.sectorflow, "reply", some_failed(MODEL_IDS[0])),
    "killed": at_sectorflow(WorkerKilled()),
    "killed posting": at_slack(WorkerKilled()),
    "limited": at_slack(SlackBusy("ratelimited", 0.01)),
    "Slack broken": at_slack(*[SlackBusy("status_500")] * 3),
    "Slack unforeseen": at_slack(*[UNFORESEEN] * 4),
    "plainer": at_slack(SlackRefusedMessage("invalid_blocks")),
    "plain too": at_slack(*[SlackRefusedMessage("invalid_blocks")] * 3),
    "revoked": at_slack(SlackRefused("token_revoked")),
    "expired": at_slack(SlackRefused("token_expired")),
    "no access": at_slack(SlackRefused("not_in_channel")),
    "gone": at_slack(SlackRefused("message_not_found")),
    "store down": at_sectorflow(errors.StorageUnavailable("ConnectionError")),
    "lease lost": lose_the_lease,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_no_log_line_and_no_stored_value_contains_a_secret(acme, caplog, monkeypatch, failure):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("uuid.uuid4", lambda: type("Fixed", (), {"hex": FAILED_ID}))
    acme.sectorflow.reply = make_reply(MODEL_IDS, "thread-1", text=ANSWER)
    acme.receive({"text": QUESTION})
    FAILURES[failure](acme, monkeypatch)

    lines = [str(dump(acme.store))]
    for line in ("later", "underway") * 4:
        with suppress(WorkerKilled):
            acme.later(line)
        lines.append(str(dump(acme.store)))
    acme.wait_in_line()
    acme.stop(make_question(ts="1700000000.000100"))
    acme.interact(make_block_action(FAILED_ID))
    acme.work_and_run_slack_jobs()
    lines.append(str(dump(acme.store)))

    assert caplog.records
    lines += [JsonFormatter().format(record) for record in caplog.records]
    assert not [secret for secret in SECRETS for line in lines if secret in line]
