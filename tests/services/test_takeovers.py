"""No request, consent or deletion takes over an installation or app of somebody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import SlackRefused
from sectorflow_slack.domain.installations import PendingInstallation, SlackApp
from sectorflow_slack.services import Services
from tests.fakes import MADE_APP, FakeSlackClient
from tests.services.installing import go, make_request, refused, status
from tests.values import BOT_TOKEN, CUSTOMERS_APP, make_bot, make_installation, make_terms

APP_ID = CUSTOMERS_APP.app_id
#: What the victim has: an app of their own in their own team.
THEIRS = make_installation(make_terms(id="theirs", app_id=APP_ID), make_bot(app_id=APP_ID))
ATTACKERS_APP = SlackApp("A0ATTACKER", "777.888", "attackers-client-secret", "attackers-signing-secret")


@pytest.fixture
def victims(services: Services) -> Services:
    """The victim's installation, and another one of the same app, which the attacker has in a team of theirs."""
    second = make_installation(
        make_terms(id="second", app_id=APP_ID), make_bot(app_id=APP_ID, team_id="T0SECOND")
    )
    services.consent.installations.save(THEIRS, CUSTOMERS_APP, None)
    services.consent.installations.save(second, None, None)
    return services


def register(services: Services, **changes: Any) -> PendingInstallation:
    pending = services.installs.register(make_request(**changes))
    assert isinstance(pending, PendingInstallation)
    return pending


def untouched(services: Services) -> bool:
    apps, installations = services.consent.apps, services.consent.installations
    return (
        installations.find(THEIRS.key) == installations.find_by_id(THEIRS.terms.id) == THEIRS
        and apps.find(APP_ID) == CUSTOMERS_APP
        and apps.signing_secrets(APP_ID) == (CUSTOMERS_APP.signing_secret,)
    )


@pytest.mark.parametrize(
    ("asked_for", "reason"),
    [
        ({"slack_app": CUSTOMERS_APP}, "already_installed"),
        ({"slack_app": CUSTOMERS_APP, "replaces": "second"}, "other_team"),
        ({"config_token": "xoxe-attackers"}, "already_installed"),
    ],
    ids=["the same app", "the same app in place of another team's", "a new app that Slack names so"],
)
def test_consent_in_the_victims_team_replaces_nothing_there(
    victims: Services, slack: FakeSlackClient, asked_for: dict[str, Any], reason: str
) -> None:
    slack.made_app = replace(MADE_APP, app_id=APP_ID)
    slack.bot = THEIRS.bot
    pending = register(victims, **asked_for)

    assert refused(victims.consent, pending.link).reason == reason

    failed = ("pending", None) if reason == "other_team" else ("failed", reason)
    assert status(victims.consent, pending.terms.id) == failed
    assert untouched(victims)
    assert slack.revoked == []


def test_an_installation_that_is_named_as_replaced_but_gone_replaces_no_other(
    victims: Services, slack: FakeSlackClient
) -> None:
    pending = register(victims, slack_app=CUSTOMERS_APP, replaces=THEIRS.terms.id)
    newer = replace(THEIRS, terms=replace(THEIRS.terms, id="newer"))
    victims.consent.installations.save(newer, None, THEIRS.terms.id)
    slack.bot = THEIRS.bot

    assert refused(victims.consent, pending.link).reason == "already_installed"

    assert victims.consent.installations.find(THEIRS.key) == newer


def test_credentials_of_another_app_under_the_victims_app_id_end_with_the_exchange(
    victims: Services, slack: FakeSlackClient
) -> None:
    slack.bot = make_bot(app_id=ATTACKERS_APP.app_id)
    pending = register(victims, slack_app=replace(ATTACKERS_APP, app_id=APP_ID))

    assert refused(victims.consent, pending.link).reason == "other_app"

    assert status(victims.consent, pending.terms.id) == ("failed", "other_app")
    assert victims.consent.installations.find(make_installation(bot=slack.bot).key) is None
    assert slack.revoked == [BOT_TOKEN]
    assert untouched(victims)


@pytest.mark.parametrize("code", ["bad_client_secret", "invalid_client_id"])
def test_guessed_credentials_end_with_the_exchange(
    victims: Services, slack: FakeSlackClient, code: str
) -> None:
    slack.exchanges.then(SlackRefused(code))
    pending = register(
        victims, slack_app=replace(CUSTOMERS_APP, client_secret="guessed", signing_secret="mine")
    )

    assert refused(victims.consent, pending.link).reason == "bad_credentials"

    assert status(victims.consent, pending.terms.id) == ("failed", "bad_credentials")
    assert untouched(victims)


def test_credentials_count_for_nothing_before_the_exchange(victims: Services) -> None:
    pending = register(victims, slack_app=replace(CUSTOMERS_APP, signing_secret="the-attackers"))

    victims.consent.begin(pending.link)

    assert untouched(victims)


def test_another_signing_secret_waits_for_the_first_event_that_verifies_with_it(
    victims: Services, slack: FakeSlackClient
) -> None:
    slack.bot = make_bot(app_id=APP_ID, team_id="T0THIRD")
    pending = register(victims, slack_app=replace(CUSTOMERS_APP, signing_secret="newer"))

    go(victims.consent, pending.link)

    events = victims.events
    assert victims.consent.installations.find(THEIRS.key) == THEIRS
    assert events.signing_secrets(APP_ID) == (CUSTOMERS_APP.signing_secret, "newer")
    events.adopt_signing_secret(APP_ID, "newer")
    assert events.signing_secrets(APP_ID) == ("newer",)


def test_deleting_what_waits_for_consent_touches_no_installation_of_the_same_app(victims: Services) -> None:
    pending = register(victims, slack_app=CUSTOMERS_APP)

    assert victims.installs.delete(pending.terms.id)

    assert untouched(victims)
