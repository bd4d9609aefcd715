"""Through every failure no log line and nothing stored shows a text or a token."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

import pytest

from sectorflow_slack.domain.errors import (
    AnswerLost,
    SectorFlowBusy,
    SlackBusy,
    SlackRefused,
    SlackRefusedMessage,
    StorageUnavailable,
    TokenRefused,
)
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.storage.questions import QuestionStore
from tests.fakes import make_reply
from tests.services.scenario import Scenario
from tests.services.steps import KEY, LETTER_ID, WorkerKilled, some_failed
from tests.storage.conftest import dump
from tests.values import API_TOKEN, BOT_TOKEN, MODEL_IDS, OWN_APP, make_event, make_press

QUESTION = "planted-question"
ANSWER = "planted-answer"
UNFORESEEN = RuntimeError(f"{QUESTION} {ANSWER} {BOT_TOKEN} {API_TOKEN}")
MARKS = (QUESTION, ANSWER, BOT_TOKEN, API_TOKEN, OWN_APP.signing_secret, OWN_APP.client_secret)

Arrange = Callable[[Scenario, pytest.MonkeyPatch], None]


def lose_the_lease(patch: pytest.MonkeyPatch) -> None:
    """Have another worker take the question before a message is posted."""
    confirm = QuestionStore.assert_held

    def late(self: QuestionStore, question: object) -> None:
        self._redis.hset("question:" + LETTER_ID, "holder", "another")
        confirm(self, question)  # type: ignore[arg-type]

    patch.setattr(QuestionStore, "assert_held", late)


def at_sectorflow(*errors: BaseException) -> Arrange:
    return lambda acme, _: acme.sectorflow.answers.then(*errors)


def at_slack(*errors: BaseException) -> Arrange:
    return lambda acme, _: acme.slack.posts.then(*errors)


FAILURES: dict[str, Arrange] = {
    "none": at_slack(),
    "busy": at_sectorflow(*[SectorFlowBusy("status 503")] * 5),
    "lost": at_sectorflow(AnswerLost("ReadTimeout")),
    "refused": at_sectorflow(TokenRefused("status 401")),
    "unforeseen": at_sectorflow(*[UNFORESEEN] * 4),
    "some failed": lambda acme, _: setattr(acme.sectorflow, "reply", some_failed(MODEL_IDS[0])),
    "killed": at_sectorflow(WorkerKilled()),
    "killed posting": at_slack(WorkerKilled()),
    "limited": at_slack(SlackBusy("ratelimited", 0.01)),
    "slack broken": at_slack(*[SlackBusy("status_500")] * 3),
    "slack unforeseen": at_slack(*[UNFORESEEN] * 4),
    "plainer": at_slack(SlackRefusedMessage("invalid_blocks")),
    "plain too": at_slack(*[SlackRefusedMessage("invalid_blocks")] * 3),
    "revoked": at_slack(SlackRefused("token_revoked")),
    "expired": at_slack(SlackRefused("token_expired")),
    "shut out": at_slack(SlackRefused("not_in_channel")),
    "gone": at_slack(SlackRefused("message_not_found")),
    "store away": at_sectorflow(StorageUnavailable("ConnectionError")),
    "another's": lambda _, patch: lose_the_lease(patch),
}


@pytest.mark.parametrize("is_greeted", [True, False], ids=["with a placeholder", "without"])
@pytest.mark.parametrize("arrange", FAILURES.values(), ids=FAILURES)
def test_no_log_line_and_nothing_stored_shows_a_text_or_a_token(
    acme: Scenario,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    arrange: Arrange,
    is_greeted: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("uuid.uuid4", lambda: type("Fixed", (), {"hex": LETTER_ID}))
    acme.sectorflow.reply = make_reply(MODEL_IDS, "thread-1", text=ANSWER)
    acme.slack.updates = acme.slack.posts
    acme.services.events.accept(make_event({"text": QUESTION}))
    if is_greeted:
        acme.run_jobs()
    arrange(acme, monkeypatch)

    dumps = [str(dump(acme.store))]
    for line in ("later", "underway") * 4:
        with suppress(WorkerKilled):
            acme.later(line)
        dumps.append(str(dump(acme.store)))
    acme.wait_long()
    acme.services.slack_jobs.placeholders.notify(KEY)
    acme.press(make_press(LETTER_ID))
    acme.work_and_run_jobs()
    dumps.append(str(dump(acme.store)))

    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert lines
    assert not [mark for mark in MARKS for line in [*lines, *dumps] if mark in line]
