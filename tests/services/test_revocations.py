from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import Installation, Revocation
from sectorflow_slack.services import Services
from sectorflow_slack.services.revocations import DEAD_TOKEN_CODES, MAX_TRIES, RevocationService
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

    def __init__(self, *revocations: Revocation) -> None:
        self.due = list(revocations)
        self.put: list[tuple[Revocation, float]] = []
        self.finished: list[str] = []

    def take(self) -> Revocation | None:
        return self.due.pop(0) if self.due else None

    def done(self, revocation: Revocation) -> None:
        self.finished.append(str(revocation.key))

    def put_back(self, revocation: Revocation, delay: float) -> None:
        self.put.append((revocation, delay))


REVOCATION = Revocation(make_installation().terms.id, make_installation().key, BOT_TOKEN)
KEY = str(REVOCATION.key)
#: Of an app with token rotation, whose token has expired.
EXPIRED = replace(REVOCATION, refresh_token="a-refresh-token", token_expires_at=NOW - 1)


@pytest.fixture
def waiting() -> FakeRevocationStore:
    return FakeRevocationStore()


@pytest.fixture
def revocations(services: Services, waiting: FakeRevocationStore) -> RevocationService:
    return replace(services.revocations, revocations=waiting)


def test_what_is_due_is_revoked_and_forgotten(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient
) -> None:
    waiting.due = [REVOCATION, replace(REVOCATION, bot_token="another")]

    revocations.finish_due()

    assert slack.revoked == [BOT_TOKEN, "another"]
    assert waiting.finished == [KEY, KEY]


@pytest.mark.parametrize("code", sorted(DEAD_TOKEN_CODES))
def test_a_token_that_is_dead_already_counts_as_revoked(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient, code: str
) -> None:
    waiting.due = [REVOCATION]
    slack.revocations.then(SlackRefused(code))

    revocations.finish_due()

    assert (waiting.finished, waiting.put) == ([KEY], [])


def install_again(revocations: RevocationService, bot_token: str) -> Installation:
    installation = make_installation(make_terms(id="again"), make_bot(bot_token=bot_token))
    revocations.installations.save(installation, None, None)
    return installation


def test_a_token_that_an_installation_lives_by_again_is_left_alone(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient
) -> None:
    waiting.due = [REVOCATION]
    install_again(revocations, BOT_TOKEN)

    revocations.finish_due()

    assert slack.revoked == []
    assert waiting.finished == [KEY]


def test_a_token_is_revoked_where_the_installation_in_its_place_has_another(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient
) -> None:
    waiting.due = [REVOCATION]
    install_again(revocations, "another-token")

    revocations.finish_due()

    assert slack.revoked == [BOT_TOKEN]


@pytest.mark.parametrize(
    ("tries", "delay"), [(0, 60), (1, 120), (5, 1920), (6, 3600), (700, 3600)], ids=lambda number: str(number)
)
def test_while_slack_is_away_it_is_asked_ever_more_rarely(
    revocations: RevocationService,
    waiting: FakeRevocationStore,
    slack: FakeSlackClient,
    tries: int,
    delay: float,
) -> None:
    waiting.due = [replace(REVOCATION, tries=tries)]
    slack.revocations.then(SlackBusy("timeout"))

    revocations.finish_due()

    assert waiting.put == [(replace(REVOCATION, tries=tries + 1), delay)]
    assert waiting.finished == []


def test_slack_may_ask_for_a_longer_pause(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient
) -> None:
    waiting.due = [REVOCATION]
    slack.revocations.then(SlackBusy("ratelimited", 600.0))

    revocations.finish_due()

    assert waiting.put == [(replace(REVOCATION, tries=1), 600.0)]


def test_after_30_days_it_is_given_up(
    revocations: RevocationService,
    waiting: FakeRevocationStore,
    slack: FakeSlackClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    waiting.due = [replace(REVOCATION, tries=MAX_TRIES - 1)]
    slack.revocations.then(SlackBusy("timeout"))

    revocations.finish_due()

    assert (waiting.finished, waiting.put) == ([KEY], [])
    assert "token never revoked" in caplog.text
    assert BOT_TOKEN not in caplog.text
    assert sum(min(60 * 2**tries, 3600) for tries in range(MAX_TRIES)) == pytest.approx(30 * 86_400, rel=0.01)


def test_one_that_fails_holds_up_no_other(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient
) -> None:
    waiting.due = [REVOCATION, replace(REVOCATION, bot_token="another")]
    slack.revocations.then(SlackBusy("timeout"))

    revocations.finish_due()

    assert slack.revoked == [BOT_TOKEN, "another"]
    assert (len(waiting.put), len(waiting.finished)) == (1, 1)


def test_one_whose_app_no_key_opens_holds_up_no_other_and_is_asked_for_later(
    revocations: RevocationService,
    waiting: FakeRevocationStore,
    slack: FakeSlackClient,
    store: redis.Redis,
) -> None:
    unread = replace(EXPIRED, key=replace(EXPIRED.key, app_id=CUSTOMERS_APP.app_id))
    lose(store, f"app:{CUSTOMERS_APP.app_id}", "client_secret", "signing_secret", client_id="333.444")
    waiting.due = [unread, replace(REVOCATION, bot_token="another")]

    revocations.finish_due()

    assert slack.revoked == ["another"]
    assert waiting.put == [(replace(unread, tries=1), 60)]


def test_a_token_is_not_revoked_while_nobody_can_tell_whether_an_installation_lives_by_it(
    revocations: RevocationService,
    waiting: FakeRevocationStore,
    slack: FakeSlackClient,
    store: redis.Redis,
) -> None:
    waiting.due = [REVOCATION]
    living = install_again(revocations, BOT_TOKEN)
    lose(store, f"installation:{living.key}", "bot_token")

    revocations.finish_due()
    revocations.revoke_now(living)

    assert slack.revoked == []
    assert waiting.put == [(replace(REVOCATION, tries=1), 60)]


def test_a_token_that_has_expired_is_taken_back_by_its_successor(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient
) -> None:
    waiting.due = [EXPIRED]

    revocations.finish_due()

    assert slack.refreshed == [(OWN_APP, "a-refresh-token")]
    assert slack.revoked == ["fresh-bot-token-1"]
    assert waiting.finished == [KEY]


def test_a_successor_that_slack_does_not_revoke_now_is_kept_for_later(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient
) -> None:
    waiting.due = [EXPIRED]
    slack.revocations.then(SlackBusy("timeout"))

    revocations.finish_due()

    kept = [(each.bot_token, each.refresh_token, each.tries) for each, _ in waiting.put]
    assert kept == [("fresh-bot-token-1", "fresh-refresh-token-1", 1)]


def test_a_token_with_time_left_needs_no_successor(
    revocations: RevocationService,
    waiting: FakeRevocationStore,
    slack: FakeSlackClient,
    clock: FixedClock,
) -> None:
    waiting.due = [EXPIRED]
    clock.now = NOW - 10

    revocations.finish_due()

    assert slack.refreshed == []
    assert slack.revoked == [BOT_TOKEN]


@pytest.mark.parametrize("error", [SlackRefused("invalid_refresh_token"), SlackRefused("bad_client_secret")])
def test_an_expired_token_without_a_successor_is_done_with(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient, error: SlackError
) -> None:
    waiting.due = [EXPIRED]
    slack.refreshes.then(error)
    slack.revocations.then(SlackRefused("token_expired"))

    revocations.finish_due()

    assert (waiting.finished, waiting.put) == ([KEY], [])


def test_an_expired_token_of_an_app_that_is_forgotten_is_done_with(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient
) -> None:
    key = replace(REVOCATION.key, app_id=CUSTOMERS_APP.app_id)
    waiting.due = [replace(EXPIRED, key=key)]
    slack.revocations.then(SlackRefused("token_expired"))

    revocations.finish_due()

    assert slack.refreshed == []
    assert waiting.finished == [str(key)]


def test_while_slack_is_away_an_expired_token_waits_too(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient
) -> None:
    waiting.due = [EXPIRED]
    slack.refreshes.then(SlackBusy("timeout"))

    revocations.finish_due()

    assert waiting.put == [(replace(EXPIRED, tries=1), 60)]
    assert slack.revoked == []


def test_no_more_are_taken_up_at_once_than_leave_time_for_other_things(
    revocations: RevocationService, waiting: FakeRevocationStore, slack: FakeSlackClient
) -> None:
    waiting.due = [REVOCATION] * 50

    revocations.finish_due()

    assert 1 <= len(slack.revoked) <= 20
