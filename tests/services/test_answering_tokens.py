"""Bot tokens that expire or are revoked while questions are answered."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.steps import KEY, ask, ended, greeted, later, left
from tests.values import NOW, make_bot, make_installation, make_question, make_terms

EXPIRED = SlackRefused("token_expired")


def tokens_of(calls: list[tuple]) -> list[str]:
    """Return the tokens that Slack was called with."""
    return [call[0] for call in calls]


def rotating(answers: AnswerService, seconds_left: float = 12 * 3600) -> Installation:
    """Put an installation in place whose token expires in so many seconds."""
    bot = make_bot(refresh_token="refresh-token", token_expires_at=NOW + seconds_left)
    installation = make_installation(make_terms(id="rotating"), bot)
    answers.installations.save(installation, None, make_terms().id)
    return installation


def test_a_token_that_is_about_to_expire_is_renewed_once_before_anything_is_posted(
    answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    rotating(answers, seconds_left=10)

    greeted(services)
    answers.answer_next(KEY)

    assert len(slack.refreshed) == 1
    assert tokens_of(slack.posted) == tokens_of(slack.updated) == ["fresh-bot-token-1"]


def test_an_answer_is_posted_with_a_fresh_token(answers: AnswerService, slack: FakeSlackClient) -> None:
    rotating(answers, seconds_left=10)

    ask(answers)

    assert tokens_of(slack.posted) == ["fresh-bot-token-1"]


def test_a_token_that_slack_calls_expired_is_renewed_and_the_answer_posted_with_the_new_one(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    rotating(answers)
    slack.posts.then(EXPIRED)
    ask(answers)
    assert queue.jobs == [(KEY, 0.0)]

    later(answers, store)

    assert len(sectorflow.asked) == 1
    assert tokens_of(slack.posted) == ["fresh-bot-token-1"]
    assert ended(services) == {"answered": 1}


@pytest.mark.parametrize(
    ("posts", "refresh"),
    [([EXPIRED] * 5, None), ([EXPIRED], SlackRefused("invalid_refresh_token"))],
    ids=["the fresh token has expired too", "Slack refuses to renew it"],
)
def test_a_question_fails_once_one_renewal_did_not_help(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    store: redis.Redis,
    posts: list[SlackRefused],
    refresh: SlackRefused | None,
) -> None:
    rotating(answers)
    slack.posts.then(*posts)
    slack.refreshes.then(refresh)
    ask(answers)

    later(answers, store)

    assert len(slack.refreshed) == 1
    assert left(store) == []
    assert ended(services) == {"slack_token_expired": 1}
    assert [letter.reason for letter in services.letters.dead()] == ["slack_token_expired"]


def test_a_question_waits_if_slack_cannot_renew_the_token_now(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    rotating(answers)
    slack.posts.then(EXPIRED, EXPIRED)
    slack.refreshes.then(SlackBusy("ratelimited", 30.0))
    ask(answers)
    assert queue.jobs == [(KEY, 31.0)]

    for _ in range(2):
        later(answers, store)

    assert len(sectorflow.asked) == 1
    assert tokens_of(slack.posted) == ["fresh-bot-token-2"]
    assert ended(services) == {"answered": 1}


@pytest.mark.parametrize("code", ["token_revoked", "account_inactive"])
def test_an_installation_whose_token_is_gone_is_forgotten(
    answers: AnswerService, services: Services, slack: FakeSlackClient, code: str
) -> None:
    slack.posts.then(SlackRefused(code))
    ask(answers, 1)

    ask(answers, 2)

    assert answers.installations.find(KEY) is None
    assert ended(services) == {f"slack_{code}": 1, "uninstalled": 1}


@pytest.mark.parametrize("code", ["token_expired", "missing_scope", "not_in_channel", "invalid_auth"])
def test_any_other_refusal_leaves_the_installation(
    answers: AnswerService, slack: FakeSlackClient, code: str
) -> None:
    slack.posts.then(SlackRefused(code))

    ask(answers)

    assert answers.installations.find(KEY) == make_installation()


def test_an_installation_that_is_newer_than_the_token_that_is_gone_stays(
    answers: AnswerService, slack: FakeSlackClient
) -> None:
    newer = replace(make_installation(make_terms(id="newer")), installed_at=NOW + 5)

    def reinstalled() -> None:
        answers.installations.save(newer, None, make_terms().id)
        raise SlackRefused("token_revoked")

    slack.posts.then(reinstalled)

    ask(answers)

    assert answers.installations.find(KEY) == newer


@pytest.mark.parametrize("code", ["token_revoked", "account_inactive"])
def test_a_question_goes_on_with_the_token_that_its_installation_was_given_meanwhile(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    code: str,
) -> None:
    old = rotating(answers)
    new = replace(old, bot=replace(old.bot, bot_token="newer-bot-token", refresh_token="newer-refresh-token"))

    def replaced() -> None:
        answers.installations.renew(old, new)
        raise SlackRefused(code)

    slack.posts.then(replaced)
    ask(answers)
    later(answers, store)

    assert answers.installations.find(KEY) == new
    assert len(sectorflow.asked) == 1
    assert tokens_of(slack.posted) == ["newer-bot-token"]
    assert ended(services) == {"answered": 1}


def test_a_question_to_an_app_that_was_uninstalled_meanwhile_is_dropped(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
) -> None:
    answers.questions.accept(make_question())
    answers.installations.delete(KEY, before=NOW + 10)

    answers.answer_next(KEY)

    assert (sectorflow.asked, slack.posted, left(store)) == ([], [], [])
    assert ended(services) == {"uninstalled": 1}
    assert services.letters.dead() == ()
