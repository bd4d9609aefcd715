"""Bot tokens that expire are renewed in good time, by one process at a time."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused, StorageUnavailable
from sectorflow_slack.domain.installations import FreshToken, Installation
from sectorflow_slack.services import resilience
from sectorflow_slack.services import tokens as tokens_module
from sectorflow_slack.services.tokens import LOCK_SECONDS, RENEW_BEFORE_SECONDS
from tests.services.installing import InstallFlow
from tests.values import BOT_TOKEN, NOW, OWN_APP, make_bot, make_installation, make_settings

REFRESH_TOKEN = "a-refresh-token-that-must-stay-secret"
FRESH = FreshToken("fresh-bot-token-1", "fresh-refresh-token-1", NOW + 12 * 3600)
#: When a token expires that is still usable, and one that is not.
SOON = NOW + RENEW_BEFORE_SECONDS - 1
EXPIRED = NOW - 1


def install(flow: InstallFlow, expires_at: float | None = EXPIRED, **changes: Any) -> Installation:
    values = {"refresh_token": REFRESH_TOKEN, "token_expires_at": expires_at, **changes}
    return flow.install(make_installation(bot=make_bot(**values)))


def with_token(installation: Installation, token: FreshToken = FRESH) -> Installation:
    return replace(installation, bot=installation.bot.with_token(token))


@pytest.mark.parametrize(
    ("expires_at", "refresh_token", "is_renewed"),
    [
        (None, REFRESH_TOKEN, False),
        (NOW + RENEW_BEFORE_SECONDS + 1, REFRESH_TOKEN, False),
        (SOON, REFRESH_TOKEN, True),
        (NOW + 30, REFRESH_TOKEN, True),
        (NOW, REFRESH_TOKEN, True),
        (EXPIRED, REFRESH_TOKEN, True),
        (EXPIRED, "", False),
    ],
)
def test_only_a_token_that_expires_soon_or_has_expired_is_renewed(
    flow, expires_at, refresh_token, is_renewed
):
    installation = install(flow, expires_at, refresh_token=refresh_token)

    usable = flow.tokens.ensure_fresh(installation)

    assert usable == (with_token(installation) if is_renewed else installation) == flow.find()
    assert flow.slack.refreshed == [(OWN_APP, REFRESH_TOKEN)] * is_renewed


def test_a_token_that_slack_calls_expired_is_renewed_once_whatever_its_time(flow):
    installation = install(flow, NOW + 11 * 3600)

    for _ in range(2):
        assert flow.tokens.renew_now(installation) == with_token(installation)
    assert len(flow.slack.refreshed) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"refresh_token": ""}, "token_expired"), ({"app_id": "A0LOST"}, "invalid_client_id")],
    ids=["no refresh token", "the service has lost the app"],
)
def test_a_token_that_slack_calls_expired_and_that_cannot_be_renewed_is_refused(flow, changes, code):
    installation = make_installation(
        make_settings(app_id=changes.get("app_id", OWN_APP.app_id)),
        make_bot(**{"refresh_token": REFRESH_TOKEN, "token_expires_at": EXPIRED, **changes}),
    )

    with pytest.raises(SlackRefused, match=f"^{code}$"):
        flow.tokens.renew_now(installation)

    assert flow.slack.refreshed == []


def test_no_token_is_logged(flow, caplog):
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
    """The real locks, which count their calls."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.asked = threading.Semaphore(0)

    def hold(self, *args: Any, **kwargs: Any) -> Any:
        self.asked.release()
        return self._real.hold(*args, **kwargs)


@pytest.mark.parametrize("expires_at", [SOON, EXPIRED])
def test_of_twenty_threads_that_need_a_token_one_renews_it(flow, expires_at):
    installation, locks = install(flow, expires_at), CountingLocks(flow.tokens.locks)
    tokens = replace(flow.tokens, locks=locks)
    flow.slack.refreshes.then(lambda: all(locks.asked.acquire(timeout=30) for _ in range(20)))

    with ThreadPoolExecutor(20) as pool:
        used = list(pool.map(tokens.ensure_fresh, [installation] * 20))

    assert len(flow.slack.refreshed) == 1
    usable = {FRESH.bot_token} | ({BOT_TOKEN} if expires_at == SOON else set())
    assert {each.bot.bot_token for each in used} <= usable


def test_the_tokens_of_two_installations_are_renewed_at_the_same_time(flow):
    both = threading.Barrier(2, timeout=30)
    flow.slack.during_refresh = lambda: both.wait() and None
    here = install(flow)
    there = replace(here, settings=make_settings(id="there"), bot=replace(here.bot, team_id="T0THERE"))
    flow.install(there)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(flow.tokens.ensure_fresh, [here, there]))

    assert len(flow.slack.refreshed) == 2


def test_the_wait_for_a_renewal_by_another_process_ends(flow, monkeypatch):
    monkeypatch.setattr(tokens_module, "WAIT_SECONDS", 0.05)
    installation = install(flow)

    with flow.tokens.locks.hold(f"token:{installation.key}", LOCK_SECONDS):
        with pytest.raises(SlackBusy, match=r"^token_not_renewed_yet$"):
            flow.tokens.ensure_fresh(installation)
        flow.installations.renew(installation, with_token(installation))
        assert flow.tokens.ensure_fresh(installation) == with_token(installation)

    assert flow.slack.refreshed == []


# Renewals that fail, or meet a change


@pytest.mark.parametrize("error", [SlackBusy("ratelimited", 9.0), SlackRefused("invalid_refresh_token")])
def test_a_renewal_may_fail_only_while_the_old_token_is_usable(flow, error, caplog):
    flow.slack.refreshes.then(error, error)
    usable = install(flow, SOON)
    assert flow.tokens.ensure_fresh(usable) == usable == flow.find()
    assert error.code in caplog.text

    flow.clock.now = SOON + 1
    with pytest.raises(type(error)):
        flow.tokens.ensure_fresh(usable)

    assert flow.find() == usable


NEWER = make_installation(make_settings(id="newer"), make_bot(bot_token="newer-bot-token"))
THEIRS = FreshToken("their-bot-token", "their-refresh-token", NOW + 12 * 3600)


def test_a_refresh_token_that_another_process_used_leads_to_the_token_that_it_got(flow):
    installation = install(flow)
    renewed = with_token(installation, THEIRS)
    flow.slack.during_refresh = lambda: flow.installations.renew(installation, renewed)
    flow.slack.refreshes.then(SlackRefused("invalid_refresh_token"))

    assert flow.tokens.ensure_fresh(installation) == renewed


def test_an_installation_that_was_replaced_meanwhile_keeps_its_token(flow):
    installation = install(flow)
    flow.slack.during_refresh = lambda: flow.installations.save(NEWER, None, installation.settings.id)

    assert flow.tokens.ensure_fresh(installation) == NEWER == flow.find()

    # Slack might end the whole install with the fresh token.
    assert flow.slack.revoked == []


@pytest.mark.parametrize("error", [None, SlackBusy("fatal_error"), SlackRefused("account_inactive")])
def test_a_token_that_came_after_its_installation_was_deleted_is_revoked(flow, error):
    installation = install(flow)
    flow.slack.during_refresh = lambda: flow.installations.remove(installation)
    flow.slack.revocations.then(error)

    flow.tokens.ensure_fresh(installation)

    assert flow.slack.revoked == [FRESH.bot_token]
    assert flow.find() is None


def test_settings_that_are_changed_while_a_token_is_renewed_stay_changed(flow):
    installation = install(flow)
    changed = replace(installation, settings=replace(installation.settings, app_name="New name", revision=2))
    flow.slack.during_refresh = lambda: flow.installations.change(changed, 1)

    renewed = flow.tokens.ensure_fresh(installation)

    assert renewed.bot == with_token(installation).bot
    assert flow.find() == with_token(changed)


def test_a_fresh_token_is_stored_although_the_store_is_down_for_a_moment(flow, monkeypatch):
    installation = install(flow)
    renew, outages = flow.installations.renew, [1, 2]

    def fail_twice(*args):
        if outages:
            outages.pop()
            raise StorageUnavailable("ConnectionError")
        return renew(*args)

    monkeypatch.setattr(resilience, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(flow.installations, "renew", fail_twice)

    assert flow.tokens.ensure_fresh(installation) == flow.find() == with_token(installation)
    assert len(flow.slack.refreshed) == 1
