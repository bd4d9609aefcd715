"""A person consents at Slack, and the installation that was asked for is installed or refused."""

from __future__ import annotations

from typing import Any

import pytest

from sectorflow_slack.domain.errors import (
    ConsentRefused,
    RevisionConflict,
    SlackBusy,
    SlackError,
    SlackRefused,
    SlackRefusedMessage,
)
from sectorflow_slack.domain.installations import BotInstall, Installation, OAuthState, SlackApp
from sectorflow_slack.services.oauth import OAuthCallback
from tests.services.installing import ID, LINK, ORG_WIDE, RETURN_URL, InstallFlow
from tests.values import (
    BOT_TOKEN,
    CUSTOMERS_APP,
    NOW,
    OWN_APP,
    TEAM_ID,
    make_bot,
    make_installation,
    make_pending,
    make_terms,
)

EXPIRING = make_bot(refresh_token="a-refresh-token", token_expires_at=NOW + 43_200)


def test_a_person_is_sent_to_slack_for_the_app_and_team_that_were_asked_for(flow: InstallFlow) -> None:
    flow.pend(team_id=TEAM_ID)

    trip = flow.consent.start(LINK)

    redirect_uri = "https://slack.example.com/slack/oauth_redirect"
    assert trip.url.endswith(f"?{OWN_APP.client_id}&{trip.state}&{redirect_uri}&{TEAM_ID}")


@pytest.mark.parametrize(
    ("bot", "brought", "app"),
    [
        (make_bot(), None, OWN_APP),
        (EXPIRING, None, OWN_APP),
        (make_bot(app_id=CUSTOMERS_APP.app_id), CUSTOMERS_APP, CUSTOMERS_APP),
    ],
    ids=["the service's own app", "token that expires", "a customer's app"],
)
def test_consent_makes_an_installation_of_the_request(
    flow: InstallFlow, bot: BotInstall, brought: SlackApp | None, app: SlackApp
) -> None:
    pending = flow.pend(settings=make_terms(app_id=app.app_id), slack_app=brought, return_url=RETURN_URL)
    flow.slack.bot = bot

    completed = flow.consent.complete(flow.leave())

    installation = Installation(pending.settings, bot, NOW)
    assert completed == (installation, pending)
    assert flow.find(installation.key) == flow.installs.find(ID) == installation
    assert flow.consent.apps.find(app.app_id) == app
    assert flow.consent.pendings.find(ID) is None
    assert flow.slack.exchanged == [(app, "a-code", flow.consent.redirect_uri)]
    assert flow.slack.revoked == []


def test_an_installation_that_is_named_is_replaced(flow: InstallFlow) -> None:
    flow.install(make_installation(make_terms(id="older")))
    flow.pend(replaces="older", team_id=TEAM_ID)

    installation = flow.go()

    assert flow.find() == installation
    assert flow.installs.find("older") is None


# Links and states


@pytest.mark.parametrize(
    ("link", "app_id"),
    [("", "A0OWN"), ("another-link", "A0OWN"), ("ü" * 9, "A0OWN"), (LINK, "A0GONE")],
    ids=["empty", "made up", "not ASCII", "of an app that the service has lost"],
)
def test_a_link_that_leads_nowhere_is_dead(flow: InstallFlow, link: str, app_id: str) -> None:
    flow.pend(settings=make_terms(app_id=app_id))

    with pytest.raises(ConsentRefused, match="dead_link"):
        flow.consent.start(link)


def test_a_link_is_dead_after_its_time_also_for_those_who_are_at_slack_by_then(flow: InstallFlow) -> None:
    flow.pend()
    answer = flow.leave()
    flow.clock.now = make_pending().expires_at

    with pytest.raises(ConsentRefused, match="dead_link"):
        flow.consent.start(LINK)
    with pytest.raises(ConsentRefused, match="dead_link"):
        flow.consent.complete(answer)

    assert flow.slack.exchanged == []
    assert flow.status() == ("expired", None)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_link_leads_to_one_installation_and_is_dead_from_then_on(flow: InstallFlow, at_once: bool) -> None:
    flow.pend()
    first, second = flow.leave(), flow.leave()
    if at_once:
        flow.slack.exchanges.then(lambda: flow.consent.complete(first))
    else:
        flow.consent.complete(first)

    with pytest.raises(ConsentRefused, match="dead_link"):
        flow.consent.complete(second)
    with pytest.raises(ConsentRefused, match="dead_link"):
        flow.consent.start(LINK)

    assert flow.find() == make_installation()
    assert flow.slack.revoked == []


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
    flow: InstallFlow, brought: dict[str, str | None], reason: str
) -> None:
    flow.pend()

    error = flow.refused(**brought)

    assert (error.reason, error.installation_id) == (reason, None)
    assert flow.slack.exchanged == []
    assert flow.status() == ("pending", None)


@pytest.mark.parametrize("refusal", [None, "access_denied"])
def test_a_state_counts_once_whatever_it_led_to(flow: InstallFlow, refusal: str | None) -> None:
    flow.pend()
    answer = flow.leave()
    if refusal is None:
        flow.consent.complete(answer)
    else:
        with pytest.raises(ConsentRefused, match="cancelled"):
            flow.consent.complete(OAuthCallback(answer.state, answer.cookie, None, refusal))

    with pytest.raises(ConsentRefused, match="stale"):
        flow.consent.complete(answer)


@pytest.mark.parametrize("issued_for", [OAuthState(ID, "A0OTHER"), OAuthState("gone", OWN_APP.app_id)])
def test_a_state_of_another_app_or_of_a_request_that_is_gone_counts_for_nothing(
    flow: InstallFlow, issued_for: OAuthState
) -> None:
    flow.pend()
    state = flow.consent.states.issue(issued_for)

    with pytest.raises(ConsentRefused, match="dead_link"):
        flow.consent.complete(OAuthCallback(state, state, "a-code"))


def test_nothing_that_a_browser_brings_is_shown(flow: InstallFlow) -> None:
    flow.pend()
    trip = flow.consent.start(LINK)

    shown = repr(trip) + repr(OAuthCallback("the-state", "the-cookie", "the-code", "access_denied"))

    assert trip.state not in shown
    assert not any(secret in shown for secret in ("the-state", "the-cookie", "the-code"))


# Refusals after which the link still works


@pytest.mark.parametrize(
    ("brought", "error", "reason"),
    [
        ({"code": None, "error": "access_denied"}, None, "cancelled"),
        ({"code": "a-code", "error": "access_denied"}, None, "cancelled"),
        ({"code": None, "error": "invalid_scope"}, None, "slack_error"),
        ({"code": None}, None, "slack_error"),
        ({"code": ""}, None, "slack_error"),
        ({}, SlackBusy("ratelimited", 3.0), "slack_away"),
        ({}, SlackRefused("invalid_code"), "slack_error"),
        ({}, SlackRefusedMessage("invalid_arguments"), "slack_error"),
    ],
)
def test_after_consent_that_was_refused_or_failed_the_person_may_try_again(
    flow: InstallFlow, brought: dict[str, str | None], error: SlackError | None, reason: str
) -> None:
    flow.pend(return_url=RETURN_URL)
    if error is not None:
        flow.slack.exchanges.then(error)

    refusal = flow.refused(**brought)

    assert (refusal.reason, refusal.installation_id, refusal.return_url) == (reason, ID, RETURN_URL)
    assert len(flow.slack.exchanged) == (0 if error is None else 1)
    assert flow.find() is None
    assert flow.status() == ("pending", None)
    assert flow.go().settings.id == ID


@pytest.mark.parametrize(
    ("pinned", "bot"),
    [(TEAM_ID, make_bot(team_id="T0OTHER")), (TEAM_ID, ORG_WIDE), ("E0ORG", make_bot(enterprise_id="E0ORG"))],
    ids=["another team", "the organisation instead of a team", "a team instead of the organisation"],
)
@pytest.mark.parametrize("revoking", [None, SlackBusy("fatal_error"), SlackRefused("token_revoked")])
def test_consent_for_another_team_or_organisation_is_refused_and_may_be_mended(
    flow: InstallFlow, pinned: str, bot: BotInstall, revoking: SlackError | None
) -> None:
    flow.pend(team_id=pinned)
    flow.slack.bot = bot
    flow.slack.revocations.then(revoking)

    assert flow.refused().reason == "other_team"

    assert flow.slack.revoked == [BOT_TOKEN]
    assert flow.find(make_installation(bot=bot).key) is None
    assert flow.status() == ("pending", None)
    flow.slack.bot = ORG_WIDE if pinned == "E0ORG" else make_bot()
    assert flow.go().key.tenant_id == pinned


# Changes while the person is at Slack


def test_settings_that_change_while_slack_is_asked_are_installed(flow: InstallFlow) -> None:
    flow.pend()
    terms = make_terms(app_name="New name", revision=2)
    flow.slack.exchanges.then(lambda: flow.consent.pendings.change(make_pending(settings=terms), 1))

    installation, came_from = flow.consent.complete(flow.leave())

    assert installation.settings == came_from.settings == terms
    assert flow.find() == installation


def test_a_request_that_is_deleted_while_slack_is_asked_stays_deleted_and_its_token_is_revoked(
    flow: InstallFlow,
) -> None:
    flow.pend()
    flow.slack.exchanges.then(lambda: flow.installs.delete(ID))

    assert flow.refused().reason == "dead_link"

    assert flow.find() is None
    assert flow.slack.revoked == [BOT_TOKEN]


def test_settings_that_never_stop_changing_end_in_a_refusal(
    flow: InstallFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(*_: Any) -> bool:
        raise RevisionConflict(ID)

    pending = flow.pend()
    monkeypatch.setattr(flow.consent.installations, "save", changing)

    assert flow.refused().reason == "stale"

    assert flow.slack.revoked == [BOT_TOKEN]
    assert flow.installs.find(ID) == pending
