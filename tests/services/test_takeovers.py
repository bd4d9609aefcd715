"""No request, consent or deletion takes over an installation or app of another customer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import SlackRefused
from sectorflow_slack.domain.installations import SlackApp
from tests.fakes import MADE_APP
from tests.services.installing import InstallFlow
from tests.values import BOT_TOKEN, CUSTOMERS_APP, make_bot, make_installation, make_settings

APP_ID = CUSTOMERS_APP.app_id
#: The victim has an app of their own in their own team.
VICTIMS = make_installation(make_settings(id="victims", app_id=APP_ID), make_bot(app_id=APP_ID))
#: The attacker has another app, and the victim's app in another team.
ATTACKERS_APP = SlackApp("A0ATTACKER", "777.888", "attackers-client-secret", "attackers-signing-secret")
ATTACKERS_BOT = make_bot(app_id=ATTACKERS_APP.app_id)
ATTACKERS = make_installation(
    make_settings(id="attackers", app_id=APP_ID), make_bot(app_id=APP_ID, team_id="T0ATTACKER")
)
#: The attacker claims their app under the victim's id, and the victim's app without its secrets.
MISNAMED = replace(ATTACKERS_APP, app_id=APP_ID)
GUESSED = replace(CUSTOMERS_APP, client_secret="guessed", signing_secret="mine")


@pytest.fixture
def victims(flow):
    flow.installations.save(VICTIMS, CUSTOMERS_APP, None)
    flow.install(ATTACKERS)
    return flow


def is_untouched(flow: InstallFlow) -> bool:
    apps = flow.oauth.apps
    return (
        flow.find(VICTIMS.key) == flow.registration.find(VICTIMS.settings.id) == VICTIMS
        and apps.find(APP_ID) == CUSTOMERS_APP
        and apps.signing_secrets(APP_ID) == (CUSTOMERS_APP.signing_secret,)
    )


@pytest.mark.parametrize(
    ("request_", "bot", "error", "reason", "revoked"),
    [
        ({"slack_app": CUSTOMERS_APP}, VICTIMS.bot, None, "already_installed", []),
        ({"slack_app": CUSTOMERS_APP, "replaces": "attackers"}, VICTIMS.bot, None, "other_team", []),
        ({"config_token": "xoxe-attackers"}, VICTIMS.bot, None, "already_installed", []),
        ({"slack_app": MISNAMED}, ATTACKERS_BOT, None, "other_app", [BOT_TOKEN]),
        ({"slack_app": GUESSED}, VICTIMS.bot, SlackRefused("bad_client_secret"), "bad_credentials", []),
        ({"slack_app": GUESSED}, VICTIMS.bot, SlackRefused("invalid_client_id"), "bad_credentials", []),
    ],
    ids=[
        "the same app in the same team",
        "in place of an installation in another team",
        "a new app to which Slack gives the victim's id",
        "another app under the victim's id",
        "guessed client secret",
        "guessed client id",
    ],
)
def test_consent_changes_neither_the_victims_installation_nor_app(
    victims, request_, bot, error, reason, revoked
):
    victims.slack.made_app = replace(MADE_APP, app_id=APP_ID)
    victims.slack.bot = bot
    victims.slack.exchanges.then(error)
    pending = victims.register(**request_)
    assert is_untouched(victims)

    assert victims.refused(pending.link).reason == reason

    # Only consent for another team may be repeated.
    failed = ("pending", None) if reason == "other_team" else ("failed", reason)
    assert victims.status(pending.settings.id) == failed
    assert is_untouched(victims)
    assert victims.find(make_installation(bot=ATTACKERS_BOT).key) is None
    assert victims.slack.revoked == revoked


def test_a_request_whose_replaced_installation_is_gone_replaces_no_other(victims):
    pending = victims.register(slack_app=CUSTOMERS_APP, replaces="victims")
    newer = victims.install(replace(VICTIMS, settings=replace(VICTIMS.settings, id="newer")), "victims")
    victims.slack.bot = VICTIMS.bot

    assert victims.refused(pending.link).reason == "already_installed"

    assert victims.find(VICTIMS.key) == newer


def test_credentials_have_no_effect_before_the_exchange(victims):
    pending = victims.register(slack_app=replace(CUSTOMERS_APP, signing_secret="the-attackers"))

    victims.leave(pending.link)

    assert is_untouched(victims)


def test_a_new_signing_secret_is_the_second_until_an_event_verifies_with_it(victims):
    victims.slack.bot = make_bot(app_id=APP_ID, team_id="T0THIRD")

    victims.go(victims.register(slack_app=replace(CUSTOMERS_APP, signing_secret="newer")).link)

    events = victims.services.events
    assert victims.find(VICTIMS.key) == VICTIMS
    assert events.signing_secrets(APP_ID) == (CUSTOMERS_APP.signing_secret, "newer")
    events.adopt_signing_secret(APP_ID, "newer")
    assert events.signing_secrets(APP_ID) == ("newer",)


def test_deleting_a_pending_installation_changes_no_installation_of_the_same_app(victims):
    pending = victims.register(slack_app=CUSTOMERS_APP)

    assert victims.registration.delete(pending.settings.id)

    assert is_untouched(victims)
