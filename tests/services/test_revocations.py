"""Tokens of deleted installations are revoked at Slack, however long Slack is away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import Installation, Revocation
from sectorflow_slack.services.revocations import DEAD_TOKEN_CODES, MAX_TRIES
from tests.losing import lose
from tests.services.installing import InstallFlow
from tests.values import BOT_TOKEN, CUSTOMERS_APP, NOW, OWN_APP, make_bot, make_installation, make_settings


class FakeRevocationStore:
    """A list of revocations; what was taken is gone until it is put back."""

    def __init__(self) -> None:
        self.due: list[Revocation] = []
        self.put: list[tuple[Revocation, float]] = []
        self.finished: list[Revocation] = []

    def lease(self) -> Revocation | None:
        return self.due.pop(0) if self.due else None

    def complete(self, revocation: Revocation) -> None:
        self.finished.append(revocation)

    def release(self, revocation: Revocation, delay: float) -> None:
        self.put.append((revocation, delay))


REVOCATION = Revocation(make_installation().settings.id, make_installation().key, BOT_TOKEN)
ANOTHER = replace(REVOCATION, bot_token="another")
#: Of an app with token rotation, whose token has expired.
EXPIRED = replace(REVOCATION, refresh_token="a-refresh-token", token_expires_at=NOW - 1)
OF_ANOTHER_APP = replace(EXPIRED, key=replace(EXPIRED.key, app_id=CUSTOMERS_APP.app_id))


def finish(flow: InstallFlow, *due: Revocation) -> FakeRevocationStore:
    """Finish what is due as a worker does; return what became of it."""
    waiting = FakeRevocationStore()
    waiting.due += due
    replace(flow.services.revocations, revocations=waiting).revoke_due()
    return waiting


def install_again(flow: InstallFlow, bot_token: str = BOT_TOKEN) -> Installation:
    return flow.install(make_installation(make_settings(id="again"), make_bot(bot_token=bot_token)))


def test_a_token_that_is_due_is_revoked_and_forgotten(flow: InstallFlow) -> None:
    ended = finish(flow, REVOCATION, ANOTHER)

    assert flow.slack.revoked == [BOT_TOKEN, "another"]
    assert (ended.finished, ended.put) == ([REVOCATION, ANOTHER], [])


def test_no_more_are_taken_up_at_once_than_leave_time_for_other_jobs(flow: InstallFlow) -> None:
    finish(flow, *[REVOCATION] * 50)

    assert 1 <= len(flow.slack.revoked) <= 20


@pytest.mark.parametrize("code", sorted(DEAD_TOKEN_CODES))
def test_a_token_that_is_dead_already_counts_as_revoked(flow: InstallFlow, code: str) -> None:
    flow.slack.revocations.then(SlackRefused(code))

    ended = finish(flow, REVOCATION)

    assert (ended.finished, ended.put) == ([REVOCATION], [])


@pytest.mark.parametrize(("bot_token", "revoked"), [(BOT_TOKEN, []), ("another-token", [BOT_TOKEN])])
def test_a_token_is_revoked_unless_a_newer_installation_uses_it(
    flow: InstallFlow, bot_token: str, revoked: list[str]
) -> None:
    install_again(flow, bot_token)

    ended = finish(flow, REVOCATION)

    assert flow.slack.revoked == revoked
    assert ended.finished == [REVOCATION]


def test_a_token_is_not_revoked_while_it_is_unknown_whether_an_installation_uses_it(
    flow: InstallFlow,
) -> None:
    there = install_again(flow)
    lose(flow.store, f"installation:{there.key}", "bot_token")

    ended = finish(flow, REVOCATION)
    flow.services.revocations.revoke_now(there)

    assert flow.slack.revoked == []
    assert ended.put == [(replace(REVOCATION, tries=1), 60)]


# Slack is away


@pytest.mark.parametrize(
    ("tries", "error", "delay"),
    [
        (0, SlackBusy("timeout"), 60),
        (1, SlackBusy("timeout"), 120),
        (5, SlackBusy("timeout"), 1920),
        (6, SlackBusy("timeout"), 3600),
        (MAX_TRIES - 2, SlackBusy("timeout"), 3600),
        (0, SlackBusy("ratelimited", 600.0), 600.0),
        (0, SlackRefused("fatal_error"), 60),
    ],
    ids=str,
)
def test_a_token_that_slack_does_not_revoke_is_tried_again_ever_more_rarely(
    flow: InstallFlow, tries: int, error: SlackError, delay: float
) -> None:
    flow.slack.revocations.then(error)

    ended = finish(flow, replace(REVOCATION, tries=tries), ANOTHER)

    assert ended.put == [(replace(REVOCATION, tries=tries + 1), delay)]
    assert ended.finished == [ANOTHER]


def test_after_30_days_a_token_is_given_up(flow: InstallFlow, caplog: pytest.LogCaptureFixture) -> None:
    last = replace(REVOCATION, tries=MAX_TRIES - 1)
    flow.slack.revocations.then(SlackBusy("timeout"))

    ended = finish(flow, last)

    assert (ended.finished, ended.put) == ([last], [])
    assert "token never revoked" in caplog.text
    assert BOT_TOKEN not in caplog.text
    assert sum(min(60 * 2**tries, 3600) for tries in range(MAX_TRIES)) == pytest.approx(30 * 86_400, rel=0.01)


# Tokens that have expired


def test_an_expired_token_is_revoked_by_its_successor(flow: InstallFlow) -> None:
    ended = finish(flow, EXPIRED)

    assert flow.slack.refreshed == [(OWN_APP, "a-refresh-token")]
    assert flow.slack.revoked == ["fresh-bot-token-1"]
    assert len(ended.finished) == 1


def test_a_token_with_time_left_needs_no_successor(flow: InstallFlow) -> None:
    flow.clock.now = NOW - 10

    finish(flow, EXPIRED)

    assert (flow.slack.refreshed, flow.slack.revoked) == ([], [BOT_TOKEN])


def test_a_successor_that_slack_does_not_revoke_now_waits(flow: InstallFlow) -> None:
    flow.slack.revocations.then(SlackBusy("timeout"))

    ended = finish(flow, EXPIRED)

    waiting = [(each.bot_token, each.refresh_token, each.tries) for each, _ in ended.put]
    assert waiting == [("fresh-bot-token-1", "fresh-refresh-token-1", 1)]


def test_an_expired_token_that_slack_cannot_renew_now_waits(flow: InstallFlow) -> None:
    flow.slack.refreshes.then(SlackBusy("timeout"))

    ended = finish(flow, EXPIRED)

    assert ended.put == [(replace(EXPIRED, tries=1), 60)]
    assert flow.slack.revoked == []


def test_an_expired_token_whose_app_no_key_opens_waits_and_holds_up_no_other(flow: InstallFlow) -> None:
    lose(flow.store, f"app:{CUSTOMERS_APP.app_id}", "client_secret", "signing_secret", client_id="333.444")

    ended = finish(flow, OF_ANOTHER_APP, ANOTHER)

    assert flow.slack.revoked == ["another"]
    assert ended.put == [(replace(OF_ANOTHER_APP, tries=1), 60)]


@pytest.mark.parametrize(
    ("revocation", "refresh"),
    [
        (EXPIRED, SlackRefused("invalid_refresh_token")),
        (EXPIRED, SlackRefused("bad_client_secret")),
        (OF_ANOTHER_APP, None),
    ],
    ids=["refresh refused", "app refused", "app forgotten"],
)
def test_an_expired_token_without_a_successor_is_done_with(
    flow: InstallFlow, revocation: Revocation, refresh: SlackError | None
) -> None:
    flow.slack.refreshes.then(refresh)
    flow.slack.revocations.then(SlackRefused("token_expired"))

    ended = finish(flow, revocation)

    assert len(flow.slack.refreshed) == (0 if refresh is None else 1)
    assert (ended.finished, ended.put) == ([revocation], [])
