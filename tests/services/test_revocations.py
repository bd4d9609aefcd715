"""Tokens of deleted installations are revoked at Slack, however long Slack is down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused
from sectorflow_slack.domain.installations import Installation, Revocation
from sectorflow_slack.services.revocations import DEAD_TOKEN_CODES, MAX_TRIES
from tests.losing import lose
from tests.services.installing import InstallFlow
from tests.values import BOT_TOKEN, CUSTOMERS_APP, NOW, OWN_APP, make_bot, make_installation, make_terms


class FakeRevocationStore:
    """A list of due revocations, and what became of each."""

    def __init__(self, *due: Revocation) -> None:
        self.due = list(due)
        self.released: list[tuple[Revocation, float]] = []
        self.completed: list[Revocation] = []

    def lease(self) -> Revocation | None:
        return self.due.pop(0) if self.due else None

    def complete(self, revocation: Revocation) -> None:
        self.completed.append(revocation)

    def release(self, revocation: Revocation, delay: float) -> None:
        self.released.append((revocation, delay))


REVOCATION = Revocation(make_installation().settings.id, make_installation().key, BOT_TOKEN)
ANOTHER = replace(REVOCATION, bot_token="another")
#: The same for an app with token rotation, after its token expired.
EXPIRED = replace(REVOCATION, refresh_token="a-refresh-token", token_expires_at=NOW - 1)
OF_ANOTHER_APP = replace(EXPIRED, key=replace(EXPIRED.key, app_id=CUSTOMERS_APP.app_id))
BUSY = SlackBusy("timeout")


def revoke(flow: InstallFlow, *due: Revocation) -> FakeRevocationStore:
    """Revoke the tokens that are due as a worker does; return the outcome."""
    store = FakeRevocationStore(*due)
    replace(flow.services.revocations, revocations=store).revoke_due()
    return store


def install_again(flow: InstallFlow, bot_token: str = BOT_TOKEN) -> Installation:
    return flow.install(make_installation(make_terms(id="again"), make_bot(bot_token=bot_token)))


def test_a_token_that_is_due_is_revoked_and_forgotten(flow):
    outcome = revoke(flow, REVOCATION, ANOTHER)

    assert flow.slack.revoked == [BOT_TOKEN, "another"]
    assert (outcome.completed, outcome.released) == ([REVOCATION, ANOTHER], [])


def test_so_few_tokens_are_revoked_at_once_that_other_jobs_have_time(flow):
    revoke(flow, *[REVOCATION] * 50)

    assert 1 <= len(flow.slack.revoked) <= 20


@pytest.mark.parametrize("code", sorted(DEAD_TOKEN_CODES))
def test_a_token_that_does_not_work_any_more_counts_as_revoked(flow, code):
    flow.slack.revocations.then(SlackRefused(code))

    outcome = revoke(flow, REVOCATION)

    assert (outcome.completed, outcome.released) == ([REVOCATION], [])


@pytest.mark.parametrize(("bot_token", "revoked"), [(BOT_TOKEN, []), ("another-token", [BOT_TOKEN])])
def test_a_token_is_revoked_unless_a_newer_installation_uses_it(flow, bot_token, revoked):
    install_again(flow, bot_token)

    outcome = revoke(flow, REVOCATION)

    assert flow.slack.revoked == revoked
    assert outcome.completed == [REVOCATION]


def test_a_token_is_not_revoked_if_no_key_decrypts_the_installation_that_may_use_it(flow):
    installation = install_again(flow)
    lose(flow.store, f"installation:{installation.key}", "bot_token")

    outcome = revoke(flow, REVOCATION)
    flow.services.revocations.revoke_now(installation)

    assert flow.slack.revoked == []
    assert outcome.released == [(replace(REVOCATION, tries=1), 60)]


# Slack is down


@pytest.mark.parametrize(
    ("tries", "error", "delay"),
    [
        (0, BUSY, 60),
        (1, BUSY, 120),
        (5, BUSY, 1920),
        (6, BUSY, 3600),
        (MAX_TRIES - 2, BUSY, 3600),
        (0, SlackBusy("ratelimited", 600.0), 600.0),
        (0, SlackRefused("fatal_error"), 60),
    ],
    ids=str,
)
def test_a_token_that_slack_does_not_revoke_is_tried_again_after_a_growing_delay(flow, tries, error, delay):
    flow.slack.revocations.then(error)

    outcome = revoke(flow, replace(REVOCATION, tries=tries), ANOTHER)

    assert outcome.released == [(replace(REVOCATION, tries=tries + 1), delay)]
    assert outcome.completed == [ANOTHER]


def test_no_token_is_tried_for_more_than_30_days(flow, caplog):
    last = replace(REVOCATION, tries=MAX_TRIES - 1)
    flow.slack.revocations.then(BUSY)

    outcome = revoke(flow, last)

    assert (outcome.completed, outcome.released) == ([last], [])
    assert "token never revoked" in caplog.text
    assert BOT_TOKEN not in caplog.text
    assert sum(min(60 * 2**tries, 3600) for tries in range(MAX_TRIES)) == pytest.approx(30 * 86_400, rel=0.01)


# Tokens that have expired


@pytest.mark.parametrize(
    ("now", "refreshed", "revoked"),
    [(NOW, [(OWN_APP, "a-refresh-token")], "fresh-bot-token-1"), (NOW - 10, [], BOT_TOKEN)],
    ids=["expired", "time left"],
)
def test_only_an_expired_token_is_renewed_to_be_revoked(flow, now, refreshed, revoked):
    flow.clock.now = now

    outcome = revoke(flow, EXPIRED)

    assert (flow.slack.refreshed, flow.slack.revoked) == (refreshed, [revoked])
    assert len(outcome.completed) == 1


def test_a_renewed_token_that_slack_does_not_revoke_now_is_tried_again(flow):
    flow.slack.revocations.then(BUSY)

    ((waiting, _),) = revoke(flow, EXPIRED).released

    assert (waiting.bot_token, waiting.refresh_token) == ("fresh-bot-token-1", "fresh-refresh-token-1")
    assert waiting.tries == 1


def test_an_expired_token_that_slack_cannot_renew_now_is_tried_again(flow):
    flow.slack.refreshes.then(BUSY)

    outcome = revoke(flow, EXPIRED)

    assert outcome.released == [(replace(EXPIRED, tries=1), 60)]
    assert flow.slack.revoked == []


def test_an_expired_token_whose_app_no_key_decrypts_is_tried_again_and_delays_no_other(flow):
    lose(flow.store, f"app:{CUSTOMERS_APP.app_id}", "client_secret", "signing_secret", client_id="333.444")

    outcome = revoke(flow, OF_ANOTHER_APP, ANOTHER)

    assert flow.slack.revoked == ["another"]
    assert outcome.released == [(replace(OF_ANOTHER_APP, tries=1), 60)]


@pytest.mark.parametrize(
    ("revocation", "refresh"),
    [
        (EXPIRED, SlackRefused("invalid_refresh_token")),
        (EXPIRED, SlackRefused("bad_client_secret")),
        (OF_ANOTHER_APP, None),
    ],
    ids=["refresh refused", "app refused", "app forgotten"],
)
def test_an_expired_token_that_cannot_be_renewed_is_forgotten(flow, revocation, refresh):
    flow.slack.refreshes.then(refresh)
    flow.slack.revocations.then(SlackRefused("token_expired"))

    outcome = revoke(flow, revocation)

    assert len(flow.slack.refreshed) == (0 if refresh is None else 1)
    assert (outcome.completed, outcome.released) == ([revocation], [])
