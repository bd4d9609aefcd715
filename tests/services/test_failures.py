"""What becomes of a question when something goes wrong, row by row of the table."""

from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.errors import (
    AnswerLost,
    CannotDecrypt,
    QuestionRefused,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    SectorFlowError,
    SlackBusy,
    SlackError,
    SlackRefused,
    SlackRefusedMessage,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.services.failures import Deadly, excuse_for, reason_of, whose_fault
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.steps import LETTER_ID, ask, ended, later, left

AT_SECTORFLOW = [
    (SectorFlowBusy("secret"), 4, "sectorflow_busy", ENGLISH.unreachable),
    (SectorFlowBusy("secret", 3.0), 4, "sectorflow_busy", ENGLISH.unreachable),
    (SectorFlowBroken("secret"), 1, "sectorflow_broken", ENGLISH.unreachable),
    (AnswerLost("secret"), 0, "answer_lost", ENGLISH.too_slow),
    (TokenRefused("secret"), 0, "token_refused", ENGLISH.key_refused),
    (WorkspaceMissing("secret"), 0, "workspace_missing", ENGLISH.workspace_gone),
    (QuestionRefused("secret"), 0, "question_refused", ENGLISH.question_refused),
    (ReplyUnreadable("secret"), 0, "reply_unreadable", ENGLISH.unreadable),
    (SectorFlowError("secret"), 0, "unforeseen", ENGLISH.unexpected),
    (CannotDecrypt("secret"), 0, "unforeseen", ENGLISH.unexpected),
    (ZeroDivisionError("secret"), 3, "unforeseen", ENGLISH.unexpected),
]
AT_SLACK = [
    (SlackBusy("fatal_error"), 9, "slack_fatal_error"),
    (SlackBusy("ConnectionError"), 9, "slack_connectionerror"),
    (SlackRefused("not_in_channel"), 0, "slack_not_in_channel"),
    (SlackRefused("channel_not_found"), 0, "slack_channel_not_found"),
    (SlackRefused("is_archived"), 0, "slack_is_archived"),
    (SlackRefused("missing_scope"), 0, "slack_missing_scope"),
    (SlackRefused("token_expired"), 0, "slack_token_expired"),
    (SlackRefused("token_revoked"), 0, "slack_token_revoked"),
    (SlackRefused("account_inactive"), 0, "slack_account_inactive"),
    (SlackRefusedMessage("msg_too_long"), 0, "slack_msg_too_long"),
]
#: Where the app may not write, the person is told so elsewhere.
SHUT_OUT = {"slack_not_in_channel", "slack_channel_not_found"}


@pytest.mark.parametrize(("error", "further_tries", "reason", "words"), AT_SECTORFLOW)
def test_a_failure_at_sectorflow_is_told_and_kept(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    error: Exception,
    further_tries: int,
    reason: str,
    words: str,
) -> None:
    sectorflow.answers.then(*[error] * (further_tries + 1))
    question = ask(answers, id=LETTER_ID)

    for _ in range(further_tries):
        assert slack.posted == []
        later(answers, store)

    assert len(sectorflow.asked) == further_tries + 1
    assert slack.texts == [words]
    assert slack.addresses[0].thread_ts == question.ts
    assert ended(services) == {reason: 1}
    assert [(letter.question, letter.reason) for letter in services.letters.dead()] == [(question, reason)]
    assert left(store) == []


@pytest.mark.parametrize(("error", "further_tries", "reason"), AT_SLACK)
def test_a_failure_at_slack_cannot_be_told_in_its_place_and_is_kept(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
    error: SlackError,
    further_tries: int,
    reason: str,
) -> None:
    slack.posts.then(*[error] * 20)
    question = ask(answers, id=LETTER_ID)

    for _ in range(further_tries):
        assert ended(services) == {}
        later(answers, store)

    assert len(sectorflow.asked) == 1
    assert slack.posted == []
    assert [errand.sentence for errand, _ in queue.errands] == ["not_in_channel"] * (reason in SHUT_OUT)
    assert ended(services) == {reason: 1}
    assert [(letter.question, letter.reason) for letter in services.letters.dead()] == [(question, reason)]
    assert left(store) == []


@pytest.mark.parametrize(
    "code", ["is_archived", "token_revoked", "invalid_blocks"], ids=["closed", "uninstalled", "odd"]
)
def test_an_apology_that_slack_does_not_take_is_given_up(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    code: str,
) -> None:
    sectorflow.answers.then(TokenRefused("status 401"))
    slack.posts.then(SlackRefused(code))

    ask(answers)

    assert slack.posted == []
    assert ended(services) == {f"slack_{code}": 1}
    assert left(store) == []


def test_every_kind_of_failure_at_sectorflow_has_a_sentence_and_a_reason() -> None:
    kinds = SectorFlowError.__subclasses__()

    public = [kind("secret") for kind in kinds if kind.__module__ == SectorFlowError.__module__]

    assert len(public) == 7
    assert ENGLISH.unexpected not in {excuse_for(error, ENGLISH) for error in public}
    assert len({reason_of(error) for error in public}) == 7
    assert (reason_of(Deadly()), excuse_for(Deadly(), ENGLISH)) == ("deadly", ENGLISH.unexpected)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (SlackBusy("fatal_error"), "slack"),
        (SectorFlowBusy("x"), "sectorflow"),
        (SectorFlowBroken("x"), "sectorflow"),
        (ZeroDivisionError(), "own"),
    ],
)
def test_a_further_try_is_counted_by_whose_fault_it_is(
    answers: AnswerService,
    services: Services,
    sectorflow: FakeSectorFlowClient,
    error: Exception,
    fault: str,
) -> None:
    sectorflow.answers.then(error)

    ask(answers)

    assert whose_fault(error) == fault
    assert services.read_metrics().counters["retries", fault] == 1
