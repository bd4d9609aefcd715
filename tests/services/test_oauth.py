"""A person consents at Slack, and the installation that was asked for is installed or refused."""

from __future__ import annotations

from typing import Any

import pytest

from sectorflow_slack.domain.errors import (
    Changed,
    ConsentRefused,
    SlackBusy,
    SlackRefused,
    SlackRefusedMessage,
)
from sectorflow_slack.domain.installations import BotInstall, Installation, OAuthState
from sectorflow_slack.services.consent import ConsentAnswer, ConsentService
from tests.fakes import FakeSlackClient
from tests.services.installing import ID, KEY, LINK, RETURN_URL, go, refused, register, status
from tests.values import (
    BOT_TOKEN,
    CUSTOMERS_APP,
    NOW,
    OWN_APP,
    TEAM_ID,
    FixedClock,
    make_bot,
    make_installation,
    make_pending,
    make_terms,
)

ORG_WIDE = make_bot(team_id=None, enterprise_id="E0ORG", is_enterprise_install=True)


def test_a_person_is_sent_to_slack_for_the_app_and_team_that_were_asked_for(consent: ConsentService) -> None:
    register(consent, team_id=TEAM_ID)

    trip = consent.begin(LINK)

    redirect_uri = "https://slack.example.com/slack/oauth_redirect"
    assert trip.url.endswith(f"?{OWN_APP.client_id}&{trip.state}&{redirect_uri}&{TEAM_ID}")


@pytest.mark.parametrize(
    "bot",
    [make_bot(), make_bot(refresh_token="a-refresh-token", token_expires_at=NOW + 43_200)],
    ids=["token for good", "token that expires"],
)
def test_consent_makes_an_installation_of_the_request(
    consent: ConsentService, slack: FakeSlackClient, bot: BotInstall
) -> None:
    pending = register(consent, return_url=RETURN_URL)
    slack.bot = bot

    installation, came_from = go(consent)

    assert (installation, came_from) == (Installation(pending.terms, bot, NOW), pending)
    assert consent.installations.find(KEY) == consent.installations.find_by_id(ID) == installation
    assert consent.pendings.find(ID) is None
    assert slack.exchanged == [(OWN_APP, "a-code", consent.redirect_uri)]
    assert slack.revoked == []


def test_a_customers_app_is_stored_with_its_installation(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent, terms=make_terms(app_id=CUSTOMERS_APP.app_id), slack_app=CUSTOMERS_APP)
    slack.bot = make_bot(app_id=CUSTOMERS_APP.app_id)

    go(consent)

    assert consent.apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert slack.exchanged[0][0] == CUSTOMERS_APP


def test_an_installation_that_is_named_is_replaced(consent: ConsentService) -> None:
    consent.installations.save(make_installation(make_terms(id="older")), None, None)
    register(consent, replaces="older", team_id=TEAM_ID)

    installation, _ = go(consent)

    assert consent.installations.find(KEY) == installation
    assert consent.installations.find_by_id("older") is None


def test_an_org_wide_installation_is_stored_beside_that_of_a_team(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    of_team = make_installation(make_terms(id="of-a-team"))
    consent.installations.save(of_team, None, None)
    register(consent)
    slack.bot = ORG_WIDE

    org_wide, _ = go(consent)

    assert consent.installations.find(org_wide.key) == org_wide
    assert consent.installations.find(KEY) == of_team


# Links and states


@pytest.mark.parametrize("link", ["", "another-link", "ü" * 9])
def test_a_link_that_was_never_given_out_is_dead(consent: ConsentService, link: str) -> None:
    register(consent)

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(link)


def test_a_link_is_dead_once_it_led_to_an_installation(consent: ConsentService) -> None:
    register(consent)
    go(consent)

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(LINK)


def test_a_link_is_dead_if_the_service_has_lost_its_app(consent: ConsentService) -> None:
    register(consent, terms=make_terms(app_id="A0GONE"))

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(LINK)


def test_a_link_is_dead_after_its_time_also_for_those_who_are_at_slack_by_then(
    consent: ConsentService, slack: FakeSlackClient, clock: FixedClock
) -> None:
    register(consent)
    trip = consent.begin(LINK)
    clock.now = make_pending().expires_at

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(LINK)
    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))

    assert slack.exchanged == []
    assert status(consent) == ("expired", None)


@pytest.mark.parametrize(
    ("brought", "reason"),
    [
        ({"cookie": None}, "no_cookie"),
        ({"cookie": ""}, "no_cookie"),
        ({"cookie": "another"}, "other_browser"),
        ({"cookie": "\ud800"}, "other_browser"),
        ({"cookie": "ü"}, "other_browser"),
        ({"state": None, "cookie": None}, "other_browser"),
        ({"state": "", "cookie": ""}, "other_browser"),
        ({"state": "made-up", "cookie": "made-up"}, "stale"),
        ({"state": "\ud800", "cookie": "\ud800"}, "stale"),
    ],
)
def test_consent_counts_only_from_the_browser_that_was_sent_off(
    consent: ConsentService, slack: FakeSlackClient, brought: dict[str, str | None], reason: str
) -> None:
    register(consent)

    error = refused(consent, **brought)

    assert (error.reason, error.installation_id) == (reason, None)
    assert slack.exchanged == []
    assert status(consent) == ("pending", None)


@pytest.mark.parametrize("error", [None, "access_denied"])
def test_a_state_counts_once_whatever_it_led_to(consent: ConsentService, error: str | None) -> None:
    register(consent)
    trip = consent.begin(LINK)
    answer = ConsentAnswer(trip.state, trip.state, "a-code", error)
    if error is None:
        consent.complete(answer)
    else:
        with pytest.raises(ConsentRefused, match="cancelled"):
            consent.complete(answer)

    with pytest.raises(ConsentRefused, match="stale"):
        consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))


@pytest.mark.parametrize("issued_for", [OAuthState(ID, "A0OTHER"), OAuthState("gone", OWN_APP.app_id)])
def test_a_state_of_another_app_or_of_a_request_that_is_gone_counts_for_nothing(
    consent: ConsentService, issued_for: OAuthState
) -> None:
    register(consent)
    state = consent.states.issue(issued_for)

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.complete(ConsentAnswer(state, state, "a-code"))


def test_nothing_that_a_browser_brings_is_shown(consent: ConsentService) -> None:
    register(consent)
    trip = consent.begin(LINK)

    shown = repr(trip) + repr(ConsentAnswer("the-state", "the-cookie", "the-code", "access_denied"))

    assert trip.state not in shown
    assert not any(secret in shown for secret in ("the-state", "the-cookie", "the-code"))


# Refusals after which the link still works


@pytest.mark.parametrize(
    ("brought", "reason"),
    [
        ({"code": None, "error": "access_denied"}, "cancelled"),
        ({"code": "a-code", "error": "access_denied"}, "cancelled"),
        ({"code": None, "error": "invalid_scope"}, "slack_error"),
        ({"code": None}, "slack_error"),
        ({"code": ""}, "slack_error"),
    ],
)
def test_a_person_who_comes_back_without_consent_may_try_again(
    consent: ConsentService, slack: FakeSlackClient, brought: dict[str, str | None], reason: str
) -> None:
    register(consent, return_url=RETURN_URL)

    error = refused(consent, **brought)

    assert (error.reason, error.installation_id, error.return_url) == (reason, ID, RETURN_URL)
    assert slack.exchanged == []
    assert status(consent) == ("pending", None)
    assert go(consent)[0].terms.id == ID


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SlackBusy("ratelimited", 3.0), "slack_away"),
        (SlackRefused("invalid_code"), "slack_error"),
        (SlackRefusedMessage("invalid_arguments"), "slack_error"),
    ],
)
def test_a_code_that_slack_does_not_take_leaves_the_link_alive(
    consent: ConsentService, slack: FakeSlackClient, error: Exception, reason: str
) -> None:
    register(consent)
    slack.exchanges.then(error)

    assert refused(consent).reason == reason
    assert consent.installations.find(KEY) is None
    assert status(consent) == ("pending", None)
    assert go(consent)[0].terms.id == ID


@pytest.mark.parametrize(
    ("pinned", "bot"),
    [(TEAM_ID, make_bot(team_id="T0OTHER")), (TEAM_ID, ORG_WIDE), ("E0ORG", make_bot(enterprise_id="E0ORG"))],
    ids=["another team", "the organisation instead of a team", "a team instead of the organisation"],
)
@pytest.mark.parametrize("revoking", [None, SlackBusy("fatal_error"), SlackRefused("token_revoked")])
def test_consent_for_another_team_or_organisation_is_refused_and_may_be_mended(
    consent: ConsentService, slack: FakeSlackClient, pinned: str, bot: BotInstall, revoking: Exception | None
) -> None:
    register(consent, team_id=pinned)
    slack.bot = bot
    slack.revocations.then(revoking)

    assert refused(consent).reason == "other_team"

    assert slack.revoked == [BOT_TOKEN]
    assert consent.installations.find(make_installation(bot=bot).key) is None
    assert status(consent) == ("pending", None)
    slack.bot = ORG_WIDE if pinned == "E0ORG" else make_bot()
    assert go(consent)[0].key.tenant_id == pinned


# Changes while the person is at Slack


def test_settings_that_change_while_slack_is_asked_are_installed(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    pending = register(consent)
    terms = make_terms(app_name="New name", revision=2)
    changed = make_pending(terms=terms)
    slack.exchanges.then(lambda: consent.pendings.change(changed, pending.terms.revision))

    installation, came_from = go(consent)

    assert installation.terms == came_from.terms == terms
    assert consent.installations.find(KEY) == installation


def test_a_request_that_is_deleted_while_slack_is_asked_stays_deleted_and_its_token_is_revoked(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent)
    slack.exchanges.then(lambda: consent.pendings.remove(ID))

    assert refused(consent).reason == "dead_link"

    assert consent.installations.find(KEY) is None
    assert slack.revoked == [BOT_TOKEN]


def test_settings_that_never_stop_changing_end_in_a_refusal(
    consent: ConsentService, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(*_: Any) -> bool:
        raise Changed(ID)

    pending = register(consent)
    monkeypatch.setattr(consent.installations, "save", changing)

    assert refused(consent).reason == "stale"

    assert slack.revoked == [BOT_TOKEN]
    assert consent.pendings.find(ID) == pending


@pytest.mark.parametrize("at_once", [True, False])
def test_a_link_that_is_followed_in_two_browsers_makes_one_installation(
    consent: ConsentService, slack: FakeSlackClient, at_once: bool
) -> None:
    register(consent)
    first, second = (
        ConsentAnswer(trip.state, trip.state, "a-code") for trip in map(consent.begin, [LINK] * 2)
    )
    if at_once:
        slack.exchanges.then(lambda: consent.complete(first))
    else:
        consent.complete(first)

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.complete(second)

    assert consent.installations.find(KEY) == make_installation()
    assert slack.revoked == []
