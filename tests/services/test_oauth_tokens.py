"""What becomes of a bot token that Slack gave and that leads to no new installation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import InstallIncomplete
from sectorflow_slack.domain.installations import BotInstall, FreshToken, Installation, InstallationKey
from tests.services.installing import KEY, InstallFlow, before
from tests.values import NOW, TEAM_ID, make_bot, make_event, make_installation, make_terms

LATER = NOW + 12 * 3600


def expiring(name: str, **changes: str) -> BotInstall:
    """Return an install whose token expires and is renewed from time to time."""
    return make_bot(
        bot_token=f"{name}-bot-token",
        refresh_token=f"{name}-refresh-token",
        token_expires_at=LATER,
        **changes,
    )


def install(flow: InstallFlow, bot: BotInstall) -> Installation:
    return flow.install(make_installation(make_terms(id="theirs"), bot))


@pytest.mark.parametrize(
    ("team_id", "pinned", "reason"),
    [(TEAM_ID, None, "already_installed"), ("T0OTHER", TEAM_ID, "other_team")],
)
@pytest.mark.parametrize(("old", "new"), [(expiring("old"), expiring("new")), (make_bot(), make_bot())])
def test_an_installation_that_is_there_goes_on_with_the_token_that_slack_gave_last(
    flow: InstallFlow, team_id: str, pinned: str | None, reason: str, old: BotInstall, new: BotInstall
) -> None:
    there = install(flow, replace(old, team_id=team_id))
    flow.slack.bot = replace(new, team_id=team_id)
    flow.clock.now += 1000
    flow.pend(team_id=pinned)

    assert flow.refused().reason == reason

    expected = replace(there, bot=flow.slack.bot, installed_at=flow.clock.now)
    assert flow.find(there.key) == expected
    assert flow.slack.revoked == []


def test_the_token_that_slack_gave_last_stays_if_another_is_renewed_at_the_same_moment(
    flow: InstallFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = install(flow, expiring("old"))
    flow.slack.bot = expiring("new")
    renewed = there.bot.with_token(FreshToken("renewed-token", "renewed-refresh-token", LATER))
    renew = flow.consent.installations.renew
    before(
        monkeypatch, flow.consent.installations, "renew", lambda: renew(there, replace(there, bot=renewed))
    )
    flow.pend()

    flow.refused()

    assert flow.find() == replace(there, bot=flow.slack.bot)


@pytest.mark.parametrize("again", [make_bot(), make_bot(bot_token="new-token"), expiring("new")])
@pytest.mark.parametrize(
    "event", [{"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"bot": ["U0BOT"]}}]
)
def test_a_late_event_of_an_uninstall_before_the_consent_ends_nothing(
    flow: InstallFlow, event: dict[str, Any], again: BotInstall
) -> None:
    there = install(flow, make_bot())
    uninstalled_at = int(flow.clock.now) + 1000
    flow.clock.now += 1020
    flow.slack.bot = again
    flow.pend()
    flow.refused()

    flow.services.events.accept(make_event(event, event_time=uninstalled_at))

    assert flow.find() == replace(there, bot=again, installed_at=flow.clock.now)
    assert flow.slack.revoked == []


@pytest.mark.parametrize("bot", [make_bot(team_id="T0OTHER"), expiring("new", team_id="T0OTHER")])
def test_a_token_that_no_installation_uses_is_revoked_and_no_other(
    flow: InstallFlow, bot: BotInstall
) -> None:
    bystander = install(flow, expiring("their"))
    flow.slack.bot = bot
    flow.pend(team_id=TEAM_ID)

    assert flow.refused().reason == "other_team"

    assert flow.slack.revoked == [bot.bot_token]
    assert flow.find() == bystander


@pytest.mark.parametrize(
    ("key", "team_id", "revoked"),
    [(KEY, "T0OTHER", ["left-token"]), (KEY, TEAM_ID, []), (None, "T0OTHER", [])],
    ids=["place is free", "an installation may use it", "place unknown"],
)
def test_the_token_of_an_incomplete_install_is_revoked_unless_an_installation_may_use_it(
    flow: InstallFlow, key: InstallationKey | None, team_id: str, revoked: list[str]
) -> None:
    there = install(flow, make_bot(team_id=team_id))
    flow.slack.exchanges.then(InstallIncomplete("left-token", key))
    flow.pend()

    assert flow.refused().reason == "slack_error"

    assert flow.slack.revoked == revoked
    assert flow.find(there.key) == there
