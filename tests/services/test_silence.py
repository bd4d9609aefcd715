"""Through every failure no log line and nothing stored shows a text or a token."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

import pytest
import redis

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
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue, make_reply
from tests.services.steps import KEY, LETTER_ID, WorkerKilled, later, run_errands, some_failed, wait_long
from tests.storage.conftest import dump
from tests.values import API_TOKEN, BOT_TOKEN, MODEL_IDS, OWN_APP, make_event, make_press

QUESTION = "planted-question"
ANSWER = "planted-answer"
UNFORESEEN = RuntimeError(f"{QUESTION} {ANSWER} {BOT_TOKEN} {API_TOKEN}")
MARKS = (QUESTION, ANSWER, BOT_TOKEN, API_TOKEN, OWN_APP.signing_secret, OWN_APP.client_secret)

Arrange = Callable[[FakeSlackClient, FakeSectorFlowClient, pytest.MonkeyPatch], None]


def lose_the_lease(patch: pytest.MonkeyPatch) -> None:
    """Have another worker take the question before a message is posted."""
    confirm = RedisQuestionStore.confirm

    def late(self: RedisQuestionStore, question: object) -> None:
        self._redis.hset("question:" + LETTER_ID, "holder", "another")
        confirm(self, question)  # type: ignore[arg-type]

    patch.setattr(RedisQuestionStore, "confirm", late)


FAILURES: dict[str, Arrange] = {
    "none": lambda slack, sectorflow, patch: None,
    "busy": lambda slack, sectorflow, patch: sectorflow.answers.then(*[SectorFlowBusy("status 503")] * 5),
    "lost": lambda slack, sectorflow, patch: sectorflow.answers.then(AnswerLost("ReadTimeout")),
    "refused": lambda slack, sectorflow, patch: sectorflow.answers.then(TokenRefused("status 401")),
    "unforeseen": lambda slack, sectorflow, patch: sectorflow.answers.then(*[UNFORESEEN] * 4),
    "some failed": lambda slack, sectorflow, patch: setattr(sectorflow, "reply", some_failed(MODEL_IDS[0])),
    "killed": lambda slack, sectorflow, patch: sectorflow.answers.then(WorkerKilled()),
    "killed posting": lambda slack, sectorflow, patch: slack.posts.then(WorkerKilled()),
    "limited": lambda slack, sectorflow, patch: slack.posts.then(SlackBusy("ratelimited", 0.01)),
    "slack broken": lambda slack, sectorflow, patch: slack.posts.then(*[SlackBusy("status_500")] * 3),
    "slack unforeseen": lambda slack, sectorflow, patch: slack.posts.then(*[UNFORESEEN] * 4),
    "plainer": lambda slack, sectorflow, patch: slack.posts.then(SlackRefusedMessage("invalid_blocks")),
    "plain too": lambda slack, sectorflow, patch: slack.posts.then(
        *[SlackRefusedMessage("invalid_blocks")] * 3
    ),
    "revoked": lambda slack, sectorflow, patch: slack.posts.then(SlackRefused("token_revoked")),
    "expired": lambda slack, sectorflow, patch: slack.posts.then(SlackRefused("token_expired")),
    "shut out": lambda slack, sectorflow, patch: slack.posts.then(SlackRefused("not_in_channel")),
    "gone": lambda slack, sectorflow, patch: slack.posts.then(SlackRefused("message_not_found")),
    "store away": lambda slack, sectorflow, patch: sectorflow.answers.then(
        StorageUnavailable("ConnectionError")
    ),
    "another's": lambda slack, sectorflow, patch: lose_the_lease(patch),
}


@pytest.mark.parametrize("is_greeted", [True, False], ids=["greeted", "not greeted"])
@pytest.mark.parametrize("arrange", FAILURES.values(), ids=FAILURES)
def test_no_log_line_and_nothing_stored_shows_a_text_or_a_token(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    arrange: Arrange,
    is_greeted: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("uuid.uuid4", lambda: type("Fixed", (), {"hex": LETTER_ID}))
    sectorflow.reply = make_reply(MODEL_IDS, "thread-1", text=ANSWER)
    slack.updates = slack.posts
    services.events.accept(make_event({"text": QUESTION}))
    if is_greeted:
        run_errands(services, queue)
    arrange(slack, sectorflow, monkeypatch)

    dumps = [str(dump(store))]
    for line in ("later", "underway") * 4:
        with suppress(WorkerKilled):
            later(answers, store, line)
        dumps.append(str(dump(store)))
    wait_long(store)
    services.interim.tell(KEY)
    services.interactions.accept(make_press(LETTER_ID))
    answers.answer_next(KEY)
    run_errands(services, queue)
    dumps.append(str(dump(store)))

    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert lines
    assert not [mark for mark in MARKS for line in [*lines, *dumps] if mark in line]
