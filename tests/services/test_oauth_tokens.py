"""What becomes of a bot token that Slack gave and that leads to no new installation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import InstallIncomplete
from sectorflow_slack.domain.installations import BotInstall, FreshToken, Installation
from sectorflow_slack.services import Services
from sectorflow_slack.services.consent import ConsentService
from tests.fakes import FakeSlackClient
from tests.services.installing import before, refused, register
from tests.values import NOW, TEAM_ID, FixedClock, make_bot, make_event, make_installation, make_terms

LATER = NOW + 12 * 3600


def expiring(name: str, **changes: str) -> BotInstall:
    """Return an install whose token expires and is renewed from time to time."""
    return make_bot(
        bot_token=f"{name}-bot-token",
        refresh_token=f"{name}-refresh-token",
        token_expires_at=LATER,
        **changes,
    )


def install(consent: ConsentService, bot: BotInstall) -> Installation:
    installation = make_installation(make_terms(id="theirs"), bot)
    consent.installations.save(installation, None, None)
    return installation


@pytest.mark.parametrize(
    ("team_id", "pinned", "reason"),
    [(TEAM_ID, None, "already_installed"), ("T0OTHER", TEAM_ID, "other_team")],
)
@pytest.mark.parametrize(("old", "new"), [(expiring("old"), expiring("new")), (make_bot(), make_bot())])
def test_an_installation_that_is_there_goes_on_with_the_token_that_slack_gave_last(
    consent: ConsentService,
    slack: FakeSlackClient,
    clock: FixedClock,
    team_id: str,
    pinned: str | None,
    reason: str,
    old: BotInstall,
    new: BotInstall,
) -> None:
    there = install(consent, replace(old, team_id=team_id))
    slack.bot = replace(new, team_id=team_id)
    clock.now += 1000
    register(consent, team_id=pinned)

    assert refused(consent).reason == reason

    expected = replace(there, bot=slack.bot, installed_at=clock.now)
    assert consent.installations.find(there.key) == expected
    assert slack.revoked == []


def test_the_token_that_slack_gave_last_stays_if_another_is_renewed_at_the_same_moment(
    consent: ConsentService, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = install(consent, expiring("old"))
    slack.bot = expiring("new")
    fresh = there.bot.with_token(FreshToken("renewed-token", "renewed-refresh-token", LATER))
    renew = consent.installations.renew
    before(monkeypatch, consent.installations, "renew", lambda: renew(there, replace(there, bot=fresh)))
    register(consent)

    refused(consent)

    after = consent.installations.find(there.key)
    assert after is not None
    assert after.bot == slack.bot


@pytest.mark.parametrize("again", [make_bot(), make_bot(bot_token="new-token"), expiring("new")])
@pytest.mark.parametrize(
    "told", [{"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"bot": ["U0BOT"]}}]
)
def test_a_late_event_of_an_uninstall_before_the_consent_ends_nothing(
    services: Services, slack: FakeSlackClient, clock: FixedClock, told: dict[str, Any], again: BotInstall
) -> None:
    there = install(services.consent, make_bot())
    uninstalled_at = int(clock.now) + 1000
    clock.now += 1020
    slack.bot = again
    register(services.consent)
    refused(services.consent)

    services.events.accept(make_event(told, event_time=uninstalled_at))

    after = services.consent.installations.find(there.key)
    assert after is not None
    assert (after.terms, after.bot) == (there.terms, again)
    assert slack.revoked == []


@pytest.mark.parametrize("bot", [make_bot(team_id="T0OTHER"), expiring("new", team_id="T0OTHER")])
def test_a_token_that_no_installation_uses_is_revoked_and_no_other(
    consent: ConsentService, slack: FakeSlackClient, bot: BotInstall
) -> None:
    bystander = install(consent, expiring("their"))
    slack.bot = bot
    register(consent, team_id=TEAM_ID)

    assert refused(consent).reason == "other_team"

    assert slack.revoked == [bot.bot_token]
    assert consent.installations.find(bystander.key) == bystander


@pytest.mark.parametrize(
    ("key", "is_installed", "revoked"),
    [
        (make_installation().key, False, ["left-token"]),
        (make_installation().key, True, []),
        (None, True, []),
    ],
    ids=["place is free", "an installation may use it", "place unknown"],
)
def test_the_token_of_an_incomplete_install_is_revoked_unless_an_installation_may_use_it(
    consent: ConsentService, slack: FakeSlackClient, key: Any, is_installed: bool, revoked: list[str]
) -> None:
    there = install(consent, make_bot(team_id=TEAM_ID if is_installed else "T0OTHER"))
    slack.exchanges.then(InstallIncomplete("left-token", key))
    register(consent)

    assert refused(consent).reason == "slack_error"

    assert slack.revoked == revoked
    assert consent.installations.find(there.key) == there
