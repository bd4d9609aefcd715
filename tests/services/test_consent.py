"""A person consents at Slack, and what was asked for is installed."""

from __future__ import annotations

from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.services.consent import ConsentAnswer, ConsentService
from tests.fakes import FakeSlackClient
from tests.services.consenting import ID, LINK, RETURN_URL, go, refused, register
from tests.services.steps import KEY
from tests.values import NOW, OWN_APP, TEAM_ID, make_bot, make_installation, make_terms


def test_a_person_is_sent_to_slack_for_the_app_that_was_asked_for(consent: ConsentService) -> None:
    register(consent, team_id=TEAM_ID)

    trip = consent.begin(LINK)

    assert OWN_APP.client_id in trip.url
    assert trip.state in trip.url
    assert "https://slack.example.com/slack/oauth_redirect" in trip.url
    assert trip.url.endswith(TEAM_ID)


def test_consent_makes_an_installation_of_what_was_asked_for(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    pending = register(consent, return_url=RETURN_URL)

    installation, came_from = go(consent)

    assert came_from == pending
    assert installation == Installation(pending.terms, make_bot(), NOW)
    assert consent.installations.find(KEY) == installation
    assert consent.installations.find_by_id(ID) == installation
    assert consent.pendings.find(ID) is None
    assert slack.exchanged == [(OWN_APP, "a-code", consent.redirect_uri)]
    assert slack.revoked == []


def test_an_app_whose_tokens_expire_is_installed_with_what_renews_them(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent)
    slack.bot = make_bot(refresh_token="a-refresh-token", token_expires_at=NOW + 43_200)

    installation, _ = go(consent)

    assert installation.bot == slack.bot
    assert consent.installations.find(KEY) == installation


def test_an_installation_that_is_named_is_replaced_in_one_step(consent: ConsentService) -> None:
    consent.installations.save(make_installation(make_terms(id="older")), None, None)
    register(consent, replaces="older", team_id=TEAM_ID)

    installation, _ = go(consent)

    assert consent.installations.find(KEY) == installation
    assert consent.installations.find_by_id("older") is None


def test_an_installation_that_is_named_but_not_there_replaces_nobody_else(consent: ConsentService) -> None:
    theirs = make_installation(make_terms(id="theirs"))
    consent.installations.save(theirs, None, None)
    register(consent, replaces="older")

    error = refused(consent)

    assert error.reason == "already_installed"
    assert consent.installations.find(KEY) == theirs


def test_an_app_may_be_installed_again_after_it_was_removed(consent: ConsentService) -> None:
    register(consent)
    go(consent)
    consent.installations.delete(KEY, before=NOW + 10)
    register(consent, terms=make_terms(id="again"), link="again-link")

    installation, _ = go(consent, "again-link")

    assert consent.installations.find(KEY) == installation


def test_nothing_that_a_browser_brings_is_shown(consent: ConsentService) -> None:
    register(consent)
    trip = consent.begin(LINK)

    shown = repr(trip) + repr(ConsentAnswer("the-state", "the-cookie", "the-code", "access_denied"))

    assert trip.state not in shown
    assert not any(secret in shown for secret in ("the-state", "the-cookie", "the-code"))
