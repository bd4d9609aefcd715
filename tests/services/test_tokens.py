from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import sleep

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, StorageUnavailable
from sectorflow_slack.domain.installations import FreshToken, Installation
from sectorflow_slack.services import Services
from sectorflow_slack.services import tokens as tokens_module
from sectorflow_slack.services.tokens import LOCK_SECONDS, RENEW_BEFORE_SECONDS, TokenService
from tests.fakes import FakeSlackClient
from tests.values import BOT_TOKEN, NOW, OWN_APP, FixedClock, make_bot, make_installation, make_terms

REFRESH_TOKEN = "a-refresh-token-that-nobody-may-see"
SOON = NOW + RENEW_BEFORE_SECONDS - 1
GONE = NOW - 1


@pytest.fixture
def tokens(services: Services, slack: FakeSlackClient) -> TokenService:
    return services.tokens


def installed(tokens: TokenService, expires_at: float | None, **changes) -> Installation:
    values = {"refresh_token": REFRESH_TOKEN, "token_expires_at": expires_at, **changes}
    installation = make_installation(bot=make_bot(**values))
    tokens.installations.save(installation, None, None)
    return installation


def test_a_token_without_an_end_is_used_as_it_is(tokens: TokenService, slack: FakeSlackClient) -> None:
    installation = installed(tokens, None, refresh_token="")

    assert tokens.fresh(installation) == installation
    assert slack.refreshed == []


def test_a_token_with_time_left_is_used_as_it_is(tokens: TokenService, slack: FakeSlackClient) -> None:
    installation = installed(tokens, NOW + RENEW_BEFORE_SECONDS + 1)

    assert tokens.fresh(installation) == installation
    assert slack.refreshed == []


@pytest.mark.parametrize("expires_at", [SOON, NOW + 30, NOW, GONE])
def test_a_token_is_renewed_in_good_time_or_late(
    tokens: TokenService, slack: FakeSlackClient, expires_at: float
) -> None:
    installation = installed(tokens, expires_at)

    renewed = tokens.fresh(installation)

    assert slack.refreshed == [(OWN_APP, REFRESH_TOKEN)]
    bot = renewed.bot
    assert (bot.bot_token, bot.refresh_token) == ("fresh-bot-token-1", "fresh-refresh-token-1")
    assert bot.token_expires_at == NOW + 12 * 3600
    assert renewed.terms == installation.terms
    assert tokens.installations.find(installation.key) == renewed


def test_a_renewed_token_is_renewed_again_with_its_own_refresh_token(
    tokens: TokenService, slack: FakeSlackClient, clock: FixedClock
) -> None:
    renewed = tokens.fresh(installed(tokens, SOON))
    clock.now = NOW + 11 * 3600

    tokens.fresh(renewed)

    assert [refresh_token for _, refresh_token in slack.refreshed] == [REFRESH_TOKEN, "fresh-refresh-token-1"]


@pytest.mark.parametrize("expires_at", [SOON, GONE])
def test_of_twenty_that_need_it_at_once_one_asks_slack(
    tokens: TokenService, slack: FakeSlackClient, expires_at: float
) -> None:
    installation = installed(tokens, expires_at)
    slack.during_refresh = lambda: sleep(0.2)

    with ThreadPoolExecutor(20) as pool:
        given = list(pool.map(tokens.fresh, [installation] * 20))

    assert len(slack.refreshed) == 1
    usable = {"fresh-bot-token-1"} | ({BOT_TOKEN} if expires_at == SOON else set())
    assert {each.bot.bot_token for each in given} <= usable


def test_nobody_waits_who_has_a_token_that_is_good(tokens: TokenService, slack: FakeSlackClient) -> None:
    installation = installed(tokens, SOON)

    with tokens.locks.hold(f"token:{installation.key}", LOCK_SECONDS) as held:
        given = tokens.fresh(installation)

    assert held
    assert given == installation
    assert slack.refreshed == []


def test_who_has_an_older_copy_gets_what_is_stored(tokens: TokenService, slack: FakeSlackClient) -> None:
    older = installed(tokens, GONE)
    renewed = tokens.fresh(older)

    assert tokens.fresh(older) == renewed
    assert len(slack.refreshed) == 1


def test_who_cannot_wait_any_longer_is_told_to_come_again(
    tokens: TokenService, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "WAIT_SECONDS", 0.2)
    installation = installed(tokens, GONE)

    with tokens.locks.hold(f"token:{installation.key}", LOCK_SECONDS), pytest.raises(SlackBusy):
        tokens.fresh(installation)

    assert slack.refreshed == []


def test_one_that_died_while_it_renewed_holds_up_the_others_for_a_while_only(
    tokens: TokenService, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "LOCK_SECONDS", 0.3)
    installation = installed(tokens, GONE)
    dead = tokens.locks.hold(f"token:{installation.key}", 0.3)
    dead.__enter__()

    renewed = tokens.fresh(installation)

    assert renewed.bot.bot_token == "fresh-bot-token-1"


@pytest.mark.parametrize(
    "error", [SlackBusy("timeout"), SlackBusy("ratelimited", 9.0), SlackRefused("invalid_refresh_token")]
)
def test_while_the_old_token_is_good_a_renewal_may_fail(
    tokens: TokenService, slack: FakeSlackClient, error: SlackError, caplog: pytest.LogCaptureFixture
) -> None:
    installation = installed(tokens, SOON)
    slack.refreshes.then(error)

    assert tokens.fresh(installation) == installation

    assert tokens.installations.find(installation.key) == installation
    assert error.code in caplog.text


@pytest.mark.parametrize("error", [SlackBusy("timeout"), SlackRefused("invalid_refresh_token")])
def test_without_a_good_token_a_renewal_that_fails_is_the_callers_to_know(
    tokens: TokenService, slack: FakeSlackClient, error: SlackError
) -> None:
    installation = installed(tokens, GONE)
    slack.refreshes.then(error)

    with pytest.raises(type(error)):
        tokens.fresh(installation)

    assert tokens.installations.find(installation.key) == installation


def test_a_refresh_token_that_somebody_else_has_used_leads_to_what_they_got(
    tokens: TokenService, slack: FakeSlackClient
) -> None:
    installation = installed(tokens, GONE)
    theirs = FreshToken("their-bot-token", "their-refresh-token", NOW + 12 * 3600)
    renewed = replace(installation, bot=installation.bot.with_token(theirs))
    slack.during_refresh = lambda: tokens.installations.renew(installation, renewed)
    slack.refreshes.then(SlackRefused("invalid_refresh_token"))

    assert tokens.fresh(installation).bot.bot_token == "their-bot-token"


def test_an_installation_that_came_instead_meanwhile_is_not_overwritten(
    tokens: TokenService, slack: FakeSlackClient
) -> None:
    installation = installed(tokens, GONE)
    newer = make_installation(make_terms(id="newer"), make_bot(bot_token="newer-bot-token"))
    slack.during_refresh = lambda: tokens.installations.save(newer, None, installation.terms.id)

    assert tokens.fresh(installation) == newer

    assert tokens.installations.find(installation.key) == newer


def test_nothing_comes_back_that_was_deleted_meanwhile(tokens: TokenService, slack: FakeSlackClient) -> None:
    installation = installed(tokens, GONE)
    slack.during_refresh = lambda: tokens.installations.delete(installation.key, before=NOW + 1)

    tokens.fresh(installation)

    assert tokens.installations.find(installation.key) is None


@pytest.mark.parametrize("error", [None, SlackBusy("fatal_error"), SlackRefused("account_inactive")])
def test_a_token_that_came_after_its_installation_was_deleted_is_taken_back(
    tokens: TokenService, slack: FakeSlackClient, error: SlackError | None
) -> None:
    installation = installed(tokens, GONE)
    slack.during_refresh = lambda: tokens.installations.remove(installation)
    if error is not None:
        slack.revocations.then(error)

    tokens.fresh(installation)

    assert slack.revoked == ["fresh-bot-token-1"]


def test_where_another_installation_came_instead_nothing_is_taken_back(
    tokens: TokenService, slack: FakeSlackClient
) -> None:
    installation = installed(tokens, GONE)
    newer = make_installation(make_terms(id="newer"), make_bot(bot_token="newer-bot-token"))
    slack.during_refresh = lambda: tokens.installations.save(newer, None, installation.terms.id)

    tokens.fresh(installation)

    # Slack might end the whole install with it.
    assert slack.revoked == []


def test_settings_that_are_changed_while_a_token_is_renewed_stay_changed(
    tokens: TokenService, slack: FakeSlackClient
) -> None:
    installation = installed(tokens, GONE)
    terms = replace(installation.terms, app_name="New name", revision=2)
    slack.during_refresh = lambda: tokens.installations.change(replace(installation, terms=terms), 1)

    tokens.fresh(installation)

    found = tokens.installations.find(installation.key)
    assert found is not None
    assert (found.terms.app_name, found.bot.bot_token) == ("New name", "fresh-bot-token-1")


def test_what_slack_gave_is_stored_also_through_an_outage_of_the_store(
    tokens: TokenService, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = installed(tokens, GONE)
    store, renew, outages = tokens.installations, tokens.installations.renew, [1, 2]

    def away(*args):
        if outages:
            outages.pop()
            raise StorageUnavailable("ConnectionError")
        return renew(*args)

    monkeypatch.setattr("sectorflow_slack.services.insisting.PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(store, "renew", away)

    renewed = tokens.fresh(installation)

    assert tokens.installations.find(installation.key) == renewed
    assert len(slack.refreshed) == 1


def test_a_token_that_slack_calls_expired_is_renewed_whatever_its_time(
    tokens: TokenService, slack: FakeSlackClient
) -> None:
    installation = installed(tokens, NOW + 11 * 3600)

    assert tokens.renew_now(installation).bot.bot_token == "fresh-bot-token-1"
    assert tokens.renew_now(installation).bot.bot_token == "fresh-bot-token-1"
    assert len(slack.refreshed) == 1


def test_a_token_that_cannot_be_renewed_has_expired(tokens: TokenService, slack: FakeSlackClient) -> None:
    installation = installed(tokens, None, refresh_token="")

    with pytest.raises(SlackRefused, match="token_expired"):
        tokens.renew_now(installation)


def test_no_token_is_logged(
    tokens: TokenService, slack: FakeSlackClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.refreshes.then(SlackBusy("timeout"))
    installation = installed(tokens, SOON)

    tokens.fresh(installation)
    tokens.fresh(installation)

    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert "bot token renewed" in logged
    assert not any(secret in logged for secret in (BOT_TOKEN, REFRESH_TOKEN, "fresh-"))


def test_two_installations_are_renewed_beside_each_other(
    tokens: TokenService, slack: FakeSlackClient
) -> None:
    both = threading.Barrier(2, timeout=5)
    slack.during_refresh = lambda: both.wait() and None
    here = installed(tokens, GONE)
    there = make_installation(
        make_terms(id="there"),
        make_bot(team_id="T0THERE", refresh_token=REFRESH_TOKEN, token_expires_at=GONE),
    )
    tokens.installations.save(there, None, None)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(tokens.fresh, [here, there]))

    assert len(slack.refreshed) == 2
