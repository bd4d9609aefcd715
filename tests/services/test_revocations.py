"""Tokens of deleted installations are revoked at Slack, however long Slack is away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import Installation, Revocation
from sectorflow_slack.services import Services
from sectorflow_slack.services.revocations import DEAD_TOKEN_CODES, MAX_TRIES
from tests.fakes import FakeSlackClient
from tests.losing import lose
from tests.values import (
    BOT_TOKEN,
    CUSTOMERS_APP,
    NOW,
    OWN_APP,
    FixedClock,
    make_bot,
    make_installation,
    make_terms,
)


class FakeRevocationStore:
    """A list of revocations; what was taken is gone until it is put back."""

    def __init__(self) -> None:
        self.due: list[Revocation] = []
        self.put: list[tuple[Revocation, float]] = []
        self.finished: list[Revocation] = []

    def take(self) -> Revocation | None:
        return self.due.pop(0) if self.due else None

    def done(self, revocation: Revocation) -> None:
        self.finished.append(revocation)

    def put_back(self, revocation: Revocation, delay: float) -> None:
        self.put.append((revocation, delay))


Finish = Callable[..., FakeRevocationStore]
REVOCATION = Revocation(make_installation().terms.id, make_installation().key, BOT_TOKEN)
ANOTHER = replace(REVOCATION, bot_token="another")
#: Of an app with token rotation, whose token has expired.
EXPIRED = replace(REVOCATION, refresh_token="a-refresh-token", token_expires_at=NOW - 1)
OF_ANOTHER_APP = replace(EXPIRED, key=replace(EXPIRED.key, app_id=CUSTOMERS_APP.app_id))


@pytest.fixture
def finish(services: Services) -> Finish:
    """Have a worker finish what is due; gives what became of it."""

    def finish(*due: Revocation) -> FakeRevocationStore:
        waiting = FakeRevocationStore()
        waiting.due += due
        replace(services.revocations, revocations=waiting).finish_due()
        return waiting

    return finish


def install_again(services: Services, bot_token: str = BOT_TOKEN) -> Installation:
    installation = make_installation(make_terms(id="again"), make_bot(bot_token=bot_token))
    services.consent.installations.save(installation, None, None)
    return installation


def test_a_token_that_is_due_is_revoked_and_forgotten(finish: Finish, slack: FakeSlackClient) -> None:
    ended = finish(REVOCATION, ANOTHER)

    assert slack.revoked == [BOT_TOKEN, "another"]
    assert (ended.finished, ended.put) == ([REVOCATION, ANOTHER], [])


def test_no_more_are_taken_up_at_once_than_leave_time_for_other_jobs(
    finish: Finish, slack: FakeSlackClient
) -> None:
    finish(*[REVOCATION] * 50)

    assert 1 <= len(slack.revoked) <= 20


@pytest.mark.parametrize("code", sorted(DEAD_TOKEN_CODES))
def test_a_token_that_is_dead_already_counts_as_revoked(
    finish: Finish, slack: FakeSlackClient, code: str
) -> None:
    slack.revocations.then(SlackRefused(code))

    ended = finish(REVOCATION)

    assert (ended.finished, ended.put) == ([REVOCATION], [])


@pytest.mark.parametrize(("bot_token", "revoked"), [(BOT_TOKEN, []), ("another-token", [BOT_TOKEN])])
def test_a_token_is_revoked_unless_a_newer_installation_uses_it(
    finish: Finish, services: Services, slack: FakeSlackClient, bot_token: str, revoked: list[str]
) -> None:
    install_again(services, bot_token)

    ended = finish(REVOCATION)

    assert slack.revoked == revoked
    assert ended.finished == [REVOCATION]


def test_a_token_is_not_revoked_while_it_is_unknown_whether_an_installation_uses_it(
    finish: Finish, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    there = install_again(services)
    lose(store, f"installation:{there.key}", "bot_token")

    ended = finish(REVOCATION)
    services.revocations.revoke_now(there)

    assert slack.revoked == []
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
    finish: Finish, slack: FakeSlackClient, tries: int, error: SlackError, delay: float
) -> None:
    slack.revocations.then(error)

    ended = finish(replace(REVOCATION, tries=tries), ANOTHER)

    assert ended.put == [(replace(REVOCATION, tries=tries + 1), delay)]
    assert ended.finished == [ANOTHER]


def test_after_30_days_a_token_is_given_up(
    finish: Finish, slack: FakeSlackClient, caplog: pytest.LogCaptureFixture
) -> None:
    last = replace(REVOCATION, tries=MAX_TRIES - 1)
    slack.revocations.then(SlackBusy("timeout"))

    ended = finish(last)

    assert (ended.finished, ended.put) == ([last], [])
    assert "token never revoked" in caplog.text
    assert BOT_TOKEN not in caplog.text
    assert sum(min(60 * 2**tries, 3600) for tries in range(MAX_TRIES)) == pytest.approx(30 * 86_400, rel=0.01)


# Tokens that have expired


def test_an_expired_token_is_revoked_by_its_successor(finish: Finish, slack: FakeSlackClient) -> None:
    ended = finish(EXPIRED)

    assert slack.refreshed == [(OWN_APP, "a-refresh-token")]
    assert slack.revoked == ["fresh-bot-token-1"]
    assert len(ended.finished) == 1


def test_a_token_with_time_left_needs_no_successor(
    finish: Finish, slack: FakeSlackClient, clock: FixedClock
) -> None:
    clock.now = NOW - 10

    finish(EXPIRED)

    assert (slack.refreshed, slack.revoked) == ([], [BOT_TOKEN])


def test_a_successor_that_slack_does_not_revoke_now_waits(finish: Finish, slack: FakeSlackClient) -> None:
    slack.revocations.then(SlackBusy("timeout"))

    ended = finish(EXPIRED)

    waiting = [(each.bot_token, each.refresh_token, each.tries) for each, _ in ended.put]
    assert waiting == [("fresh-bot-token-1", "fresh-refresh-token-1", 1)]


def test_an_expired_token_that_slack_cannot_renew_now_waits(finish: Finish, slack: FakeSlackClient) -> None:
    slack.refreshes.then(SlackBusy("timeout"))

    ended = finish(EXPIRED)

    assert ended.put == [(replace(EXPIRED, tries=1), 60)]
    assert slack.revoked == []


def test_an_expired_token_whose_app_no_key_opens_waits_and_holds_up_no_other(
    finish: Finish, slack: FakeSlackClient, store: redis.Redis
) -> None:
    lose(store, f"app:{CUSTOMERS_APP.app_id}", "client_secret", "signing_secret", client_id="333.444")

    ended = finish(OF_ANOTHER_APP, ANOTHER)

    assert slack.revoked == ["another"]
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
    finish: Finish, slack: FakeSlackClient, revocation: Revocation, refresh: SlackError | None
) -> None:
    slack.refreshes.then(refresh)
    slack.revocations.then(SlackRefused("token_expired"))

    ended = finish(revocation)

    assert len(slack.refreshed) == (0 if refresh is None else 1)
    assert (ended.finished, ended.put) == ([revocation], [])
