"""What becomes of a bot token that Slack gave and that leads to no new installation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import ConsentRefused, InstallIncomplete
from sectorflow_slack.domain.installations import BotInstall, FreshToken, Installation
from sectorflow_slack.services import Services
from sectorflow_slack.services.consent import ConsentAnswer, ConsentService
from tests.fakes import FakeSlackClient
from tests.values import (
    NOW,
    TEAM_ID,
    FixedClock,
    make_bot,
    make_event,
    make_installation,
    make_pending,
    make_terms,
)

LATER = NOW + 12 * 3600


def ending(name: str, **changes: str) -> BotInstall:
    """Give an install whose token ends and is renewed from time to time."""
    return make_bot(
        bot_token=f"{name}-bot-token",
        refresh_token=f"{name}-refresh-token",
        token_expires_at=LATER,
        **changes,
    )


def living(consent: ConsentService, bot: BotInstall) -> Installation:
    installation = make_installation(make_terms(id="theirs"), bot)
    consent.installations.save(installation, None, None)
    return installation


def refused(consent: ConsentService, **changes: str) -> str:
    consent.pendings.save(make_pending(**changes))
    trip = consent.begin(make_pending().link)
    with pytest.raises(ConsentRefused) as caught:
        consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))
    return caught.value.reason


@pytest.mark.parametrize(
    ("team_id", "asked_for", "reason"),
    [(TEAM_ID, {}, "already_installed"), ("T0OTHER", {"team_id": TEAM_ID}, "other_team")],
)
def test_an_installation_whose_tokens_slack_has_replaced_goes_on_with_the_new_ones(
    consent: ConsentService,
    slack: FakeSlackClient,
    clock: FixedClock,
    team_id: str,
    asked_for: dict[str, str],
    reason: str,
) -> None:
    before = living(consent, ending("old", team_id=team_id))
    slack.bot = ending("new", team_id=team_id)
    clock.now += 1000

    assert refused(consent, **asked_for) == reason

    after = consent.installations.find(before.key)
    assert after is not None
    assert after == replace(before, bot=slack.bot, installed_at=clock.now)
    assert slack.revoked == []


def test_the_newest_token_stays_where_the_one_before_is_renewed_at_the_same_moment(
    consent: ConsentService, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = living(consent, ending("old"))
    slack.bot = ending("new")
    renew, fresh = consent.installations.renew, [FreshToken("renewed-token", "renewed-refresh-token", LATER)]

    def renewed_by_others_first(installation: Installation, renewed: Installation) -> bool:
        if fresh:
            renew(installation, replace(installation, bot=installation.bot.with_token(fresh.pop())))
        return renew(installation, renewed)

    monkeypatch.setattr(consent.installations, "renew", renewed_by_others_first)

    refused(consent)

    after = consent.installations.find(before.key)
    assert after is not None
    assert after.bot == slack.bot


def test_the_token_that_slack_gives_again_stays_where_it_is(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    before = living(consent, make_bot())

    assert refused(consent) == "already_installed"

    assert consent.installations.find(before.key) == before
    assert slack.revoked == []


@pytest.mark.parametrize("again", [make_bot(), make_bot(bot_token="new-token"), ending("new")])
@pytest.mark.parametrize(
    "told", [{"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"bot": ["U0BOT"]}}]
)
def test_what_slack_tells_late_of_an_uninstall_before_the_consent_ends_nothing(
    services: Services, slack: FakeSlackClient, clock: FixedClock, told: dict[str, Any], again: BotInstall
) -> None:
    before = living(services.consent, make_bot())
    uninstalled_at = int(clock.now) + 1000
    clock.now += 1020
    slack.bot = again
    refused(services.consent)

    services.events.accept(make_event(told, event_time=uninstalled_at))

    after = services.consent.installations.find(before.key)
    assert after is not None
    assert (after.terms, after.bot) == (before.terms, again)
    assert slack.revoked == []


@pytest.mark.parametrize("bot", [make_bot(team_id="T0OTHER"), ending("new", team_id="T0OTHER")])
def test_a_token_that_nobody_lives_by_is_revoked(
    consent: ConsentService, slack: FakeSlackClient, bot: BotInstall
) -> None:
    slack.bot = bot

    assert refused(consent, team_id=TEAM_ID) == "other_team"

    assert slack.revoked == [bot.bot_token]


def test_an_installation_of_another_team_keeps_its_tokens(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    bystander = living(consent, ending("their"))
    slack.bot = ending("new", team_id="T0OTHER")

    refused(consent, team_id=TEAM_ID)

    assert consent.installations.find(bystander.key) == bystander
    assert slack.revoked == ["new-bot-token"]


LEFT = InstallIncomplete("left-token", make_installation().key)


def test_the_token_of_an_install_that_is_not_whole_is_revoked(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    slack.exchanges.then(LEFT)

    assert refused(consent) == "slack_error"
    assert slack.revoked == ["left-token"]


@pytest.mark.parametrize("error", [LEFT, InstallIncomplete("left-token", None)])
def test_it_is_left_alone_where_an_installation_may_live_by_it(
    consent: ConsentService, slack: FakeSlackClient, error: InstallIncomplete
) -> None:
    there = living(consent, make_bot())
    slack.exchanges.then(error)

    assert refused(consent) == "slack_error"
    assert slack.revoked == []
    assert consent.installations.find(there.key) == there
