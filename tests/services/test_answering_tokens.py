"""Bot tokens that expire or are revoked while questions are answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused
from sectorflow_slack.domain.installations import Installation
from tests.services.scenario import Scenario
from tests.services.steps import KEY, delays
from tests.values import NOW, make_bot, make_installation, make_settings

EXPIRED = SlackRefused("token_expired")


def tokens_of(calls: list[tuple]) -> list[str]:
    """Return the tokens that Slack was called with."""
    return [call[0] for call in calls]


def rotating(acme: Scenario, seconds_left: float = 12 * 3600) -> Installation:
    """Replace the installation by one whose token expires in so many seconds."""
    bot = make_bot(refresh_token="refresh-token", token_expires_at=NOW + seconds_left)
    installation = make_installation(make_settings(id="rotating"), bot)
    acme.answers.installations.save(installation, None, make_settings().id)
    return installation


def test_a_token_that_expires_soon_is_renewed_once_before_anything_is_posted(acme):
    rotating(acme, seconds_left=10)

    acme.ask()

    assert len(acme.slack.refreshed) == 1
    assert tokens_of(acme.slack.posted) == ["fresh-bot-token-1"]


@pytest.mark.parametrize(
    ("posts", "refresh", "delay"),
    [([EXPIRED], None, 0.0), ([EXPIRED] * 2, SlackBusy("ratelimited", 30.0), 31.0)],
    ids=["renewed", "renewed later"],
)
def test_a_question_waits_until_its_expired_token_is_renewed(acme, caplog, posts, refresh, delay):
    rotating(acme)
    acme.slack.posts.then(*posts)
    acme.slack.refreshes.then(refresh)
    acme.ask()
    assert delays(caplog) == [delay]

    for _ in posts:
        acme.later()

    assert len(acme.sectorflow.asked) == 1
    assert tokens_of(acme.slack.posted) == [f"fresh-bot-token-{len(posts)}"]
    assert acme.ended == {"answered": 1}


@pytest.mark.parametrize(
    ("posts", "refresh"),
    [([EXPIRED] * 5, None), ([EXPIRED], SlackRefused("invalid_refresh_token"))],
    ids=["the fresh token has expired too", "Slack refuses to renew it"],
)
def test_a_question_fails_after_one_renewal_that_did_not_help(acme, posts, refresh):
    rotating(acme)
    acme.slack.posts.then(*posts)
    acme.slack.refreshes.then(refresh)
    acme.ask()

    acme.later()

    assert len(acme.slack.refreshed) == 1
    assert acme.has_failed_with("slack_token_expired")


@pytest.mark.parametrize("code", ["token_revoked", "account_inactive"])
def test_an_installation_whose_token_was_revoked_is_deleted(acme, code):
    acme.slack.posts.then(SlackRefused(code))

    for number in (1, 2):
        acme.accept(number)
    for _ in range(2):
        acme.work()

    assert acme.answers.installations.find(KEY) is None
    assert (len(acme.sectorflow.asked), acme.slack.posted, acme.left) == (1, [], [])
    assert acme.ended == {f"slack_{code}": 1, "uninstalled": 1}
    assert [reason for _, reason in acme.failed_questions] == [f"slack_{code}"]


@pytest.mark.parametrize("code", ["token_expired", "missing_scope", "not_in_channel", "invalid_auth"])
def test_any_other_refusal_deletes_no_installation(acme, code):
    acme.slack.posts.then(SlackRefused(code))

    acme.ask()

    assert acme.answers.installations.find(KEY) == make_installation()


def test_an_installation_that_is_newer_than_the_revoked_token_stays(acme):
    newer = replace(make_installation(make_settings(id="newer")), installed_at=NOW + 5)

    def reinstall():
        acme.answers.installations.save(newer, None, make_settings().id)
        raise SlackRefused("token_revoked")

    acme.slack.posts.then(reinstall)

    acme.ask()

    assert acme.answers.installations.find(KEY) == newer


@pytest.mark.parametrize("code", ["token_revoked", "account_inactive"])
def test_a_question_continues_with_the_token_that_its_installation_got_meanwhile(acme, code):
    old = rotating(acme)
    new = replace(old, bot=replace(old.bot, bot_token="newer-bot-token", refresh_token="newer-refresh-token"))

    def renew():
        acme.answers.installations.renew(old, new)
        raise SlackRefused(code)

    acme.slack.posts.then(renew)
    acme.ask()
    acme.later()

    assert acme.answers.installations.find(KEY) == new
    assert len(acme.sectorflow.asked) == 1
    assert tokens_of(acme.slack.posted) == ["newer-bot-token"]
    assert acme.ended == {"answered": 1}
