"""Bot tokens that expire are renewed in good time, by one process at a time."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, StorageUnavailable
from sectorflow_slack.domain.installations import FreshToken, Installation
from sectorflow_slack.services import resilience as insisting
from sectorflow_slack.services import tokens as tokens_module
from sectorflow_slack.services.tokens import LOCK_SECONDS, RENEW_BEFORE_SECONDS
from tests.services.installing import InstallFlow
from tests.values import BOT_TOKEN, NOW, OWN_APP, make_bot, make_installation, make_settings

REFRESH_TOKEN = "a-refresh-token-that-nobody-may-see"
#: Ends of a token that is still usable, and of one that is not.
SOON = NOW + RENEW_BEFORE_SECONDS - 1
GONE = NOW - 1


def install(flow: InstallFlow, expires_at: float | None = GONE, **changes: Any) -> Installation:
    values = {"refresh_token": REFRESH_TOKEN, "token_expires_at": expires_at, **changes}
    return flow.install(make_installation(bot=make_bot(**values)))


@pytest.mark.parametrize(
    ("expires_at", "refresh_token"),
    [(None, ""), (NOW + RENEW_BEFORE_SECONDS + 1, REFRESH_TOKEN)],
    ids=["never expires", "time left"],
)
def test_a_token_that_is_good_for_long_is_used_as_it_is(
    flow: InstallFlow, expires_at: float | None, refresh_token: str
) -> None:
    installation = install(flow, expires_at, refresh_token=refresh_token)

    assert flow.tokens.ensure_fresh(installation) == installation
    assert flow.slack.refreshed == []


@pytest.mark.parametrize("expires_at", [SOON, NOW + 30, NOW, GONE])
def test_a_token_is_renewed_in_good_time_or_late(flow: InstallFlow, expires_at: float) -> None:
    installation = install(flow, expires_at)

    renewed = flow.tokens.ensure_fresh(installation)

    fresh = FreshToken("fresh-bot-token-1", "fresh-refresh-token-1", NOW + 12 * 3600)
    assert renewed == replace(installation, bot=installation.bot.with_token(fresh)) == flow.find()
    assert flow.slack.refreshed == [(OWN_APP, REFRESH_TOKEN)]


def test_a_token_that_slack_calls_expired_is_renewed_once_whatever_its_time(flow: InstallFlow) -> None:
    installation = install(flow, NOW + 11 * 3600)

    assert flow.tokens.renew_now(installation).bot.bot_token == "fresh-bot-token-1"
    assert flow.tokens.renew_now(installation).bot.bot_token == "fresh-bot-token-1"
    assert len(flow.slack.refreshed) == 1


def test_a_token_that_cannot_be_renewed_has_expired(flow: InstallFlow) -> None:
    with pytest.raises(SlackRefused, match="token_expired"):
        flow.tokens.renew_now(install(flow, None, refresh_token=""))


def test_no_token_is_logged(flow: InstallFlow, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    flow.slack.refreshes.then(SlackBusy("timeout"))
    installation = install(flow, SOON)

    flow.tokens.ensure_fresh(installation)
    flow.tokens.ensure_fresh(installation)

    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert "bot token renewed" in logged
    assert not any(secret in logged for secret in (BOT_TOKEN, REFRESH_TOKEN, "fresh-"))


# Many at once


class CountingLocks:
    """The real locks, which count how often they are asked for."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.asked = threading.Semaphore(0)

    def hold(self, *args: Any, **kwargs: Any) -> Any:
        self.asked.release()
        return self._real.hold(*args, **kwargs)


@pytest.mark.parametrize("expires_at", [SOON, GONE])
def test_of_twenty_that_need_a_token_at_once_one_asks_slack(flow: InstallFlow, expires_at: float) -> None:
    installation, locks = install(flow, expires_at), CountingLocks(flow.tokens.locks)
    tokens = replace(flow.tokens, locks=locks)
    flow.slack.refreshes.then(lambda: all(locks.asked.acquire(timeout=30) for _ in range(20)))

    with ThreadPoolExecutor(20) as pool:
        given = list(pool.map(tokens.ensure_fresh, [installation] * 20))

    assert len(flow.slack.refreshed) == 1
    usable = {"fresh-bot-token-1"} | ({BOT_TOKEN} if expires_at == SOON else set())
    assert {each.bot.bot_token for each in given} <= usable


def test_two_installations_are_renewed_beside_each_other(flow: InstallFlow) -> None:
    both = threading.Barrier(2, timeout=30)
    flow.slack.during_refresh = lambda: both.wait() and None
    here = install(flow)
    there = replace(here, settings=make_settings(id="there"), bot=replace(here.bot, team_id="T0THERE"))
    flow.installations.save(there, None, None)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(flow.tokens.ensure_fresh, [here, there]))

    assert len(flow.slack.refreshed) == 2


def test_without_a_usable_token_the_wait_for_another_process_ends(
    flow: InstallFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "WAIT_SECONDS", 0.05)
    installation = install(flow)

    with flow.tokens.locks.hold(f"token:{installation.key}", LOCK_SECONDS), pytest.raises(SlackBusy):
        flow.tokens.ensure_fresh(installation)

    assert flow.slack.refreshed == []


# Renewals that fail, or meet something else


@pytest.mark.parametrize("error", [SlackBusy("ratelimited", 9.0), SlackRefused("invalid_refresh_token")])
def test_a_renewal_may_fail_while_the_old_token_is_good(
    flow: InstallFlow, error: SlackError, caplog: pytest.LogCaptureFixture
) -> None:
    installation = install(flow, SOON)
    flow.slack.refreshes.then(error)

    assert flow.tokens.ensure_fresh(installation) == installation == flow.find()
    assert error.code in caplog.text


@pytest.mark.parametrize("error", [SlackBusy("timeout"), SlackRefused("invalid_refresh_token")])
def test_a_failed_renewal_without_a_good_token_is_raised(flow: InstallFlow, error: SlackError) -> None:
    installation = install(flow)
    flow.slack.refreshes.then(error)

    with pytest.raises(type(error)):
        flow.tokens.ensure_fresh(installation)

    assert flow.find() == installation


def test_a_refresh_token_that_another_process_has_used_leads_to_the_token_it_got(flow: InstallFlow) -> None:
    installation = install(flow)
    theirs = FreshToken("their-bot-token", "their-refresh-token", NOW + 12 * 3600)
    renewed = replace(installation, bot=installation.bot.with_token(theirs))
    flow.slack.during_refresh = lambda: flow.installations.renew(installation, renewed)
    flow.slack.refreshes.then(SlackRefused("invalid_refresh_token"))

    assert flow.tokens.ensure_fresh(installation) == renewed


def test_an_installation_that_came_instead_meanwhile_keeps_its_token(flow: InstallFlow) -> None:
    installation = install(flow)
    newer = make_installation(make_settings(id="newer"), make_bot(bot_token="newer-bot-token"))
    flow.slack.during_refresh = lambda: flow.installations.save(newer, None, installation.settings.id)

    assert flow.tokens.ensure_fresh(installation) == newer == flow.find()

    # Slack might end the whole install with it.
    assert flow.slack.revoked == []


@pytest.mark.parametrize("error", [None, SlackBusy("fatal_error"), SlackRefused("account_inactive")])
def test_a_token_that_came_after_its_installation_was_deleted_is_revoked(
    flow: InstallFlow, error: SlackError | None
) -> None:
    installation = install(flow)
    flow.slack.during_refresh = lambda: flow.installations.remove(installation)
    flow.slack.revocations.then(error)

    flow.tokens.ensure_fresh(installation)

    assert flow.slack.revoked == ["fresh-bot-token-1"]
    assert flow.find() is None


def test_settings_that_are_changed_while_a_token_is_renewed_stay_changed(flow: InstallFlow) -> None:
    installation = install(flow)
    terms = replace(installation.settings, app_name="New name", revision=2)
    flow.slack.during_refresh = lambda: flow.installations.change(replace(installation, settings=terms), 1)

    renewed = flow.tokens.ensure_fresh(installation)

    assert flow.find() == replace(renewed, settings=terms)
    assert renewed.bot.bot_token == "fresh-bot-token-1"


def test_a_token_that_slack_gave_is_stored_also_through_an_outage_of_the_store(
    flow: InstallFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = install(flow)
    renew, outages = flow.installations.renew, [1, 2]

    def away(*args: Any) -> bool:
        if outages:
            outages.pop()
            raise StorageUnavailable("ConnectionError")
        return renew(*args)

    monkeypatch.setattr(insisting, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(flow.installations, "renew", away)

    assert flow.tokens.ensure_fresh(installation) == flow.find() != installation
    assert len(flow.slack.refreshed) == 1
