"""Tokens of deleted installations are revoked at Slack, however long Slack is down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused
from sectorflow_slack.domain.installations import Installation, Revocation
from sectorflow_slack.services.revocations import MAX_TRIES
from tests.losing import lose
from tests.services.installing import InstallFlow
from tests.values import BOT_TOKEN, CUSTOMERS_APP, NOW, OWN_APP, make_bot, make_installation, make_settings


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
    return flow.install(make_installation(make_settings(id="again"), make_bot(bot_token=bot_token)))


REFUSED = SlackRefused("invalid_refresh_token")
FRESH = "fresh-bot-token-1"
RENEWED = replace(
    EXPIRED, bot_token=FRESH, refresh_token="fresh-refresh-token-1", token_expires_at=NOW + 12 * 3600
)


def tried(tries: int, revocation: Revocation = REVOCATION) -> Revocation:
    return replace(revocation, tries=tries)


#: A revocation, what Slack replies to the refresh and to the revocation, the token that is revoked, and the
#: delay before the next try (None if it is done).
OUTCOMES = {
    "revoked": (REVOCATION, None, None, BOT_TOKEN, None),
    "account inactive": (REVOCATION, None, SlackRefused("account_inactive"), BOT_TOKEN, None),
    "invalid": (REVOCATION, None, SlackRefused("invalid_auth"), BOT_TOKEN, None),
    "expired already": (REVOCATION, None, SlackRefused("token_expired"), BOT_TOKEN, None),
    "revoked already": (REVOCATION, None, SlackRefused("token_revoked"), BOT_TOKEN, None),
    "refused": (REVOCATION, None, SlackRefused("fatal_error"), BOT_TOKEN, 60),
    "limited": (REVOCATION, None, SlackBusy("ratelimited", 600.0), BOT_TOKEN, 600),
    "busy": (REVOCATION, None, BUSY, BOT_TOKEN, 60),
    "busy, second try": (tried(1), None, BUSY, BOT_TOKEN, 120),
    "busy, sixth try": (tried(5), None, BUSY, BOT_TOKEN, 1920),
    "busy, seventh try": (tried(6), None, BUSY, BOT_TOKEN, 3600),
    "busy, last try but one": (tried(MAX_TRIES - 2), None, BUSY, BOT_TOKEN, 3600),
    "busy, last try": (tried(MAX_TRIES - 1), None, BUSY, BOT_TOKEN, None),
    "time left": (replace(EXPIRED, token_expires_at=NOW + 1), None, None, BOT_TOKEN, None),
    "expired": (EXPIRED, None, None, FRESH, None),
    "expired, busy": (EXPIRED, None, BUSY, FRESH, 60),
    "expired, refresh busy": (EXPIRED, BUSY, None, None, 60),
    "expired, refresh refused": (EXPIRED, REFUSED, SlackRefused("token_expired"), BOT_TOKEN, None),
    "expired, app forgotten": (OF_ANOTHER_APP, None, SlackRefused("token_expired"), BOT_TOKEN, None),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_a_token_is_revoked_until_slack_confirms_it_or_30_days_have_passed(flow, case, caplog):
    revocation, refresh, error, revoked, delay = OUTCOMES[case]
    flow.slack.refreshes.then(refresh)
    flow.slack.revocations.then(error)

    outcome = revoke(flow, revocation, ANOTHER)

    waiting = RENEWED if revoked == FRESH else revocation
    is_renewed = bool(refresh) or revoked == FRESH
    assert flow.slack.refreshed == [(OWN_APP, "a-refresh-token")] * is_renewed
    assert flow.slack.revoked == [*filter(None, [revoked]), "another"]
    assert outcome.released == ([] if delay is None else [(tried(revocation.tries + 1, waiting), delay)])
    assert len(outcome.completed) == (1 if delay else 2)
    assert ("token never revoked" in caplog.text) == (revocation.tries == MAX_TRIES - 1)
    assert BOT_TOKEN not in caplog.text


def test_the_delays_come_to_30_days():
    assert sum(min(60 * 2**tries, 3600) for tries in range(MAX_TRIES)) == pytest.approx(30 * 86_400, rel=0.01)


def test_so_few_tokens_are_revoked_at_once_that_other_jobs_have_time(flow):
    revoke(flow, *[REVOCATION] * 50)

    assert 1 <= len(flow.slack.revoked) <= 20


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
    assert outcome.released == [(tried(1), 60)]


def test_a_token_whose_app_no_key_decrypts_is_tried_again_and_delays_no_other(flow):
    lose(flow.store, f"app:{CUSTOMERS_APP.app_id}", "client_secret", "signing_secret", client_id="333.444")

    outcome = revoke(flow, OF_ANOTHER_APP, ANOTHER)

    assert flow.slack.revoked == ["another"]
    assert outcome.released == [(tried(1, OF_ANOTHER_APP), 60)]
