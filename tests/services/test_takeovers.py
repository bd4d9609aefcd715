"""Nobody takes over what is not theirs: each way that somebody might try."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from sectorflow_slack.domain.errors import ConsentRefused, InstallRefused, SlackRefused
from sectorflow_slack.domain.installations import (
    Installation,
    InstallationKey,
    PendingInstallation,
    SettingsChange,
    SlackApp,
)
from sectorflow_slack.services import Services
from sectorflow_slack.services.consent import ConsentAnswer
from tests.fakes import MADE_APP, FakeSlackClient
from tests.services.asking import request
from tests.values import (
    BOT_TOKEN,
    CUSTOMERS_APP,
    OWN_APP,
    TEAM_ID,
    make_bot,
    make_installation,
    make_terms,
)

#: What the victim has: their own app in their own team.
THEIRS = make_installation(
    make_terms(id="theirs", app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id)
)
#: An app of the attacker's own.
ATTACKERS_APP = SlackApp("A0ATTACKER", "777.888", "attackers-client-secret", "attackers-signing-secret")


@pytest.fixture
def victims(services: Services) -> Services:
    services.consent.installations.save(THEIRS, CUSTOMERS_APP, None)
    return services


def register(services: Services, **changes) -> PendingInstallation:
    pending = services.installs.register(request(**changes))
    assert isinstance(pending, PendingInstallation)
    return pending


def consent(services: Services, pending: PendingInstallation) -> Installation:
    trip = services.consent.begin(pending.link)
    return services.consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))[0]


def refusal(services: Services, pending: PendingInstallation) -> str:
    with pytest.raises(ConsentRefused) as caught:
        consent(services, pending)
    return caught.value.reason


def untouched(services: Services) -> bool:
    apps = services.consent.apps
    return (
        services.consent.installations.find(THEIRS.key) == THEIRS
        and services.consent.installations.find_by_id(THEIRS.terms.id) == THEIRS
        and apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
        and apps.signing_secrets(CUSTOMERS_APP.app_id) == (CUSTOMERS_APP.signing_secret,)
    )


def test_credentials_of_an_own_app_under_the_victims_app_id_end_with_the_exchange(
    victims: Services, slack: FakeSlackClient
) -> None:
    pending = register(victims, slack_app=replace(ATTACKERS_APP, app_id=CUSTOMERS_APP.app_id))
    slack.bot = make_bot(app_id=ATTACKERS_APP.app_id)

    assert refusal(victims, pending) == "other_app"
    assert untouched(victims)


def test_the_victims_app_id_with_guessed_credentials_ends_with_the_exchange(
    victims: Services, slack: FakeSlackClient
) -> None:
    pending = register(victims, slack_app=replace(CUSTOMERS_APP, client_secret="guessed"))
    slack.exchanges.then(SlackRefused("bad_client_secret"))

    assert refusal(victims, pending) == "bad_credentials"
    assert untouched(victims)


def test_before_any_consent_claimed_credentials_change_nothing(victims: Services) -> None:
    pending = register(victims, slack_app=replace(CUSTOMERS_APP, signing_secret="the-attackers"))

    victims.consent.begin(pending.link)

    assert untouched(victims)


def test_consent_in_the_victims_team_does_not_replace_their_installation(
    victims: Services, slack: FakeSlackClient
) -> None:
    pending = register(victims, slack_app=CUSTOMERS_APP)
    slack.bot = THEIRS.bot

    assert refusal(victims, pending) == "already_installed"
    found = victims.installs.find(pending.terms.id)
    assert isinstance(found, PendingInstallation)
    assert found.failure == "already_installed"
    assert slack.revoked == []
    assert untouched(victims)


def test_a_swapped_signing_secret_does_not_put_the_victims_out_of_force(
    victims: Services, slack: FakeSlackClient
) -> None:
    """Whoever installs the same app elsewhere adds a secret that counts once Slack has signed with it."""
    swapped = replace(CUSTOMERS_APP, signing_secret="the-attackers")
    slack.bot = make_bot(app_id=CUSTOMERS_APP.app_id, team_id="T0ATTACKER")

    consent(victims, register(victims, slack_app=swapped))

    assert victims.events.signing_secrets(CUSTOMERS_APP.app_id)[0] == CUSTOMERS_APP.signing_secret
    assert victims.consent.installations.find(THEIRS.key) == THEIRS


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"slack_app": ATTACKERS_APP},
        {"config_token": "xoxe-attackers"},
        {"slack_app": CUSTOMERS_APP, "team_id": "T0ATTACKER"},
    ],
    ids=["the service's own app", "another app", "a new app", "another team"],
)
def test_another_apps_or_teams_installation_cannot_be_named_as_replaced(
    victims: Services, slack: FakeSlackClient, changes: dict
) -> None:
    with pytest.raises(InstallRefused) as caught:
        register(victims, replaces=THEIRS.terms.id, **changes)

    assert caught.value.field == "replaces"
    assert slack.created == []
    assert untouched(victims)


def test_a_guessed_id_replaces_nothing(victims: Services) -> None:
    with pytest.raises(InstallRefused) as caught:
        register(victims, slack_app=CUSTOMERS_APP, replaces="a-guess")

    assert caught.value.field == "replaces"


def test_what_is_to_be_replaced_counts_in_its_own_team_only(
    victims: Services, slack: FakeSlackClient
) -> None:
    second = make_installation(
        make_terms(id="second", app_id=CUSTOMERS_APP.app_id),
        make_bot(app_id=CUSTOMERS_APP.app_id, team_id="T0SECOND"),
    )
    victims.consent.installations.save(second, None, None)
    pending = register(victims, slack_app=CUSTOMERS_APP, replaces="second")
    slack.bot = THEIRS.bot

    assert refusal(victims, pending) == "other_team"
    assert untouched(victims)
    assert slack.revoked == []


def test_an_org_wide_consent_is_no_consent_of_the_pinned_team(
    services: Services, slack: FakeSlackClient
) -> None:
    pending = register(services, team_id=TEAM_ID)
    slack.bot = make_bot(team_id=None, enterprise_id="E0ORG", is_enterprise_install=True)

    assert refusal(services, pending) == "other_team"
    assert services.consent.installations.find(InstallationKey(OWN_APP.app_id, "E0ORG")) is None
    assert slack.revoked == [BOT_TOKEN]


def test_a_teams_consent_is_no_consent_of_the_pinned_organisation(
    services: Services, slack: FakeSlackClient
) -> None:
    pending = register(services, team_id="E0ORG")
    slack.bot = make_bot(enterprise_id="E0ORG")

    assert refusal(services, pending) == "other_team"


def test_an_org_wide_installation_is_kept_beside_that_of_a_team(
    services: Services, slack: FakeSlackClient
) -> None:
    installation = consent(services, register(services))
    slack.bot = make_bot(
        bot_token="org-token", team_id=None, enterprise_id="E0ORG", is_enterprise_install=True
    )

    org_wide = consent(services, register(services))

    find = services.consent.installations.find
    assert (find(installation.key), find(org_wide.key)) == (installation, org_wide)


def test_the_state_of_one_installation_leads_to_no_other(services: Services, slack: FakeSlackClient) -> None:
    mine, other = register(services), register(services, customer_id="another-customer")
    trip = services.consent.begin(mine.link)

    installation, _ = services.consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))

    assert installation.terms.id == mine.terms.id
    found = services.installs.find(other.terms.id)
    assert isinstance(found, PendingInstallation)


def test_a_state_that_was_set_up_in_another_browser_installs_nothing(
    services: Services, slack: FakeSlackClient
) -> None:
    """Somebody who is made to open the attacker's way back has the cookie of no trip, or of their own."""
    attackers = services.consent.begin(register(services).link)
    victims = services.consent.begin(register(services).link)

    with pytest.raises(ConsentRefused, match="other_browser"):
        services.consent.complete(ConsentAnswer(attackers.state, victims.state, "a-code"))

    assert slack.exchanged == []


def test_a_link_followed_in_two_browsers_makes_one_installation(
    services: Services, slack: FakeSlackClient
) -> None:
    pending = register(services)
    first, second = (services.consent.begin(pending.link) for _ in range(2))
    installation, _ = services.consent.complete(ConsentAnswer(first.state, first.state, "a-code"))
    slack.bot = make_bot(team_id="T0SECOND", bot_token="second-token")

    with pytest.raises(ConsentRefused, match="dead_link"):
        services.consent.complete(ConsentAnswer(second.state, second.state, "a-code"))

    assert services.installs.find(pending.terms.id) == installation
    assert services.consent.installations.find(InstallationKey(OWN_APP.app_id, "T0SECOND")) is None


def test_a_change_cannot_touch_app_team_or_who_the_customer_is() -> None:
    assert {field.name for field in fields(SettingsChange)} == {
        "app_name",
        "api_token",
        "workspace_id",
        "model_ids",
        "plus_id",
        "display",
        "allow_external_users",
    }


def test_an_app_that_was_made_under_an_id_that_is_known_takes_nothing_over(
    victims: Services, slack: FakeSlackClient
) -> None:
    slack.made_app = replace(MADE_APP, app_id=CUSTOMERS_APP.app_id)
    slack.bot = THEIRS.bot

    pending = register(victims, config_token="xoxe-attackers")

    assert untouched(victims)
    assert refusal(victims, pending) == "already_installed"
    assert untouched(victims)


def test_deleting_what_waits_for_consent_touches_no_installation_of_the_same_app(victims: Services) -> None:
    pending = register(victims, slack_app=CUSTOMERS_APP)

    assert victims.installs.delete(pending.terms.id)

    assert untouched(victims)
