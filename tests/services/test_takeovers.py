"""No request, consent or deletion takes over an installation or app of another customer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import SlackError, SlackRefused
from sectorflow_slack.domain.installations import BotInstall, SlackApp
from tests.fakes import MADE_APP
from tests.services.installing import InstallFlow
from tests.values import BOT_TOKEN, CUSTOMERS_APP, make_bot, make_installation, make_terms

APP_ID = CUSTOMERS_APP.app_id
#: What the victim has: an app of their own in their own team.
THEIRS = make_installation(make_terms(id="theirs", app_id=APP_ID), make_bot(app_id=APP_ID))
#: What the attacker has: another app, and the victim's app in another team.
ATTACKERS_APP = SlackApp("A0ATTACKER", "777.888", "attackers-client-secret", "attackers-signing-secret")
ATTACKERS_BOT = make_bot(app_id=ATTACKERS_APP.app_id)
ATTACKERS = make_installation(
    make_terms(id="attackers", app_id=APP_ID), make_bot(app_id=APP_ID, team_id="T0ATTACKER")
)
#: What the attacker claims: their app under the victim's id, and the victim's app without its secrets.
MISNAMED = replace(ATTACKERS_APP, app_id=APP_ID)
GUESSED = replace(CUSTOMERS_APP, client_secret="guessed", signing_secret="mine")


@pytest.fixture
def victims(flow: InstallFlow) -> InstallFlow:
    flow.consent.installations.save(THEIRS, CUSTOMERS_APP, None)
    flow.install(ATTACKERS)
    return flow


def untouched(flow: InstallFlow) -> bool:
    apps = flow.consent.apps
    return (
        flow.find(THEIRS.key) == flow.installs.find(THEIRS.settings.id) == THEIRS
        and apps.find(APP_ID) == CUSTOMERS_APP
        and apps.signing_secrets(APP_ID) == (CUSTOMERS_APP.signing_secret,)
    )


@pytest.mark.parametrize(
    ("asked_for", "bot", "error", "reason", "revoked"),
    [
        ({"slack_app": CUSTOMERS_APP}, THEIRS.bot, None, "already_installed", []),
        ({"slack_app": CUSTOMERS_APP, "replaces": "attackers"}, THEIRS.bot, None, "other_team", []),
        ({"config_token": "xoxe-attackers"}, THEIRS.bot, None, "already_installed", []),
        ({"slack_app": MISNAMED}, ATTACKERS_BOT, None, "other_app", [BOT_TOKEN]),
        ({"slack_app": GUESSED}, THEIRS.bot, SlackRefused("bad_client_secret"), "bad_credentials", []),
        ({"slack_app": GUESSED}, THEIRS.bot, SlackRefused("invalid_client_id"), "bad_credentials", []),
    ],
    ids=[
        "the same app in the same team",
        "in place of an installation in another team",
        "a new app that Slack gives the victim's id",
        "another app under the victim's id",
        "guessed client secret",
        "guessed client id",
    ],
)
def test_consent_touches_neither_the_victims_installation_nor_their_app(
    victims: InstallFlow,
    asked_for: dict[str, Any],
    bot: BotInstall,
    error: SlackError | None,
    reason: str,
    revoked: list[str],
) -> None:
    victims.slack.made_app = replace(MADE_APP, app_id=APP_ID)
    victims.slack.bot = bot
    victims.slack.exchanges.then(error)
    pending = victims.register(**asked_for)
    assert untouched(victims)

    assert victims.refused(pending.link).reason == reason

    # A request for another team may be mended; the others are over.
    failed = ("pending", None) if reason == "other_team" else ("failed", reason)
    assert victims.status(pending.settings.id) == failed
    assert untouched(victims)
    assert victims.find(make_installation(bot=ATTACKERS_BOT).key) is None
    assert victims.slack.revoked == revoked


def test_an_installation_that_is_named_as_replaced_but_gone_replaces_no_other(victims: InstallFlow) -> None:
    pending = victims.register(slack_app=CUSTOMERS_APP, replaces=THEIRS.settings.id)
    newer = victims.install(
        replace(THEIRS, settings=replace(THEIRS.settings, id="newer")), THEIRS.settings.id
    )
    victims.slack.bot = THEIRS.bot

    assert victims.refused(pending.link).reason == "already_installed"

    assert victims.find(THEIRS.key) == newer


def test_credentials_count_for_nothing_before_the_exchange(victims: InstallFlow) -> None:
    pending = victims.register(slack_app=replace(CUSTOMERS_APP, signing_secret="the-attackers"))

    victims.leave(pending.link)

    assert untouched(victims)


def test_another_signing_secret_waits_for_the_first_event_that_verifies_with_it(victims: InstallFlow) -> None:
    victims.slack.bot = make_bot(app_id=APP_ID, team_id="T0THIRD")

    victims.go(victims.register(slack_app=replace(CUSTOMERS_APP, signing_secret="newer")).link)

    events = victims.services.events
    assert victims.find(THEIRS.key) == THEIRS
    assert events.signing_secrets(APP_ID) == (CUSTOMERS_APP.signing_secret, "newer")
    events.adopt_signing_secret(APP_ID, "newer")
    assert events.signing_secrets(APP_ID) == ("newer",)


def test_deleting_what_waits_for_consent_touches_no_installation_of_the_same_app(
    victims: InstallFlow,
) -> None:
    pending = victims.register(slack_app=CUSTOMERS_APP)

    assert victims.installs.delete(pending.settings.id)

    assert untouched(victims)
