"""Bot tokens that expire or are revoked while questions are answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused
from sectorflow_slack.domain.installations import Installation
from tests.services.installing import InstallFlow
from tests.services.steps import KEY, ask, ended, greeted, later, left
from tests.values import NOW, make_bot, make_installation, make_question, make_settings

EXPIRED = SlackRefused("token_expired")


def tokens_of(calls: list[tuple]) -> list[str]:
    """Return the tokens that Slack was called with."""
    return [call[0] for call in calls]


@pytest.fixture
def acme(flow: InstallFlow) -> InstallFlow:
    flow.install()
    return flow


def rotating(acme: InstallFlow, seconds_left: float = 12 * 3600) -> Installation:
    """Put an installation in place whose token expires in so many seconds."""
    bot = make_bot(refresh_token="refresh-token", token_expires_at=NOW + seconds_left)
    return acme.install(make_installation(make_settings(id="rotating"), bot), make_settings().id)


def test_a_token_that_is_about_to_expire_is_renewed_once_before_anything_is_posted(acme: InstallFlow) -> None:
    rotating(acme, seconds_left=10)

    greeted(acme.services)
    acme.answers.answer_next(KEY)

    assert len(acme.slack.refreshed) == 1
    assert tokens_of(acme.slack.posted) == tokens_of(acme.slack.updated) == ["fresh-bot-token-1"]


def test_an_answer_is_posted_with_a_fresh_token(acme: InstallFlow) -> None:
    rotating(acme, seconds_left=10)

    ask(acme.answers)

    assert tokens_of(acme.slack.posted) == ["fresh-bot-token-1"]


def test_a_token_that_slack_calls_expired_is_renewed_and_the_answer_posted_with_the_new_one(
    acme: InstallFlow,
) -> None:
    rotating(acme)
    acme.slack.posts.then(EXPIRED)
    ask(acme.answers)
    assert acme.queue.jobs == [(KEY, 0.0)]

    later(acme.answers, acme.store)

    assert len(acme.sectorflow.asked) == 1
    assert tokens_of(acme.slack.posted) == ["fresh-bot-token-1"]
    assert ended(acme.services) == {"answered": 1}


@pytest.mark.parametrize(
    ("posts", "refresh"),
    [([EXPIRED] * 5, None), ([EXPIRED], SlackRefused("invalid_refresh_token"))],
    ids=["the fresh token has expired too", "Slack refuses to renew it"],
)
def test_a_question_fails_once_one_renewal_did_not_help(
    acme: InstallFlow, posts: list[SlackRefused], refresh: SlackRefused | None
) -> None:
    rotating(acme)
    acme.slack.posts.then(*posts)
    acme.slack.refreshes.then(refresh)
    ask(acme.answers)

    later(acme.answers, acme.store)

    assert len(acme.slack.refreshed) == 1
    assert left(acme.store) == []
    assert ended(acme.services) == {"slack_token_expired": 1}
    assert [letter.reason for letter in acme.services.failed_questions.list()] == ["slack_token_expired"]


def test_a_question_waits_if_slack_cannot_renew_the_token_now(acme: InstallFlow) -> None:
    rotating(acme)
    acme.slack.posts.then(EXPIRED, EXPIRED)
    acme.slack.refreshes.then(SlackBusy("ratelimited", 30.0))
    ask(acme.answers)
    assert acme.queue.jobs == [(KEY, 31.0)]

    for _ in range(2):
        later(acme.answers, acme.store)

    assert len(acme.sectorflow.asked) == 1
    assert tokens_of(acme.slack.posted) == ["fresh-bot-token-2"]
    assert ended(acme.services) == {"answered": 1}


@pytest.mark.parametrize("code", ["token_revoked", "account_inactive"])
def test_an_installation_whose_token_is_gone_is_forgotten(acme: InstallFlow, code: str) -> None:
    acme.slack.posts.then(SlackRefused(code))
    ask(acme.answers, 1)

    ask(acme.answers, 2)

    assert acme.find() is None
    assert ended(acme.services) == {f"slack_{code}": 1, "uninstalled": 1}


@pytest.mark.parametrize("code", ["token_expired", "missing_scope", "not_in_channel", "invalid_auth"])
def test_any_other_refusal_leaves_the_installation(acme: InstallFlow, code: str) -> None:
    acme.slack.posts.then(SlackRefused(code))

    ask(acme.answers)

    assert acme.find() == make_installation()


def test_an_installation_that_is_newer_than_the_token_that_is_gone_stays(acme: InstallFlow) -> None:
    newer = replace(make_installation(make_settings(id="newer")), installed_at=NOW + 5)

    def reinstalled() -> None:
        acme.answers.installations.save(newer, None, make_settings().id)
        raise SlackRefused("token_revoked")

    acme.slack.posts.then(reinstalled)

    ask(acme.answers)

    assert acme.find() == newer


@pytest.mark.parametrize("code", ["token_revoked", "account_inactive"])
def test_a_question_goes_on_with_the_token_that_its_installation_was_given_meanwhile(
    acme: InstallFlow, code: str
) -> None:
    old = rotating(acme)
    new = replace(old, bot=replace(old.bot, bot_token="newer-bot-token", refresh_token="newer-refresh-token"))

    def replaced() -> None:
        acme.answers.installations.renew(old, new)
        raise SlackRefused(code)

    acme.slack.posts.then(replaced)
    ask(acme.answers)
    later(acme.answers, acme.store)

    assert acme.find() == new
    assert len(acme.sectorflow.asked) == 1
    assert tokens_of(acme.slack.posted) == ["newer-bot-token"]
    assert ended(acme.services) == {"answered": 1}


def test_a_question_to_an_app_that_was_uninstalled_meanwhile_is_dropped(acme: InstallFlow) -> None:
    acme.answers.questions.accept(make_question())
    acme.answers.installations.delete(KEY, before=NOW + 10)

    acme.answers.answer_next(KEY)

    assert (acme.sectorflow.asked, acme.slack.posted, left(acme.store)) == ([], [], [])
    assert ended(acme.services) == {"uninstalled": 1}
    assert acme.services.failed_questions.list() == ()
