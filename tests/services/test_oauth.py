"""A user consents at Slack, and the installation is installed or refused."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import (
    ConsentRefused,
    InstallIncomplete,
    RevisionConflict,
    SlackBusy,
    SlackRefused,
    SlackRefusedMessage,
)
from sectorflow_slack.domain.installations import (
    BotInstall,
    FreshToken,
    Installation,
    InstallationKey,
    OAuthState,
)
from sectorflow_slack.services import oauth
from sectorflow_slack.services.oauth import TRIPS, CompletedOAuth, OAuthCallback
from tests.services.installing import ID, KEY, LINK, ORG_WIDE, RETURN_URL, InstallFlow, before
from tests.values import (
    BOT_TOKEN,
    CUSTOMERS_APP,
    NOW,
    OWN_APP,
    TEAM_ID,
    make_bot,
    make_event,
    make_installation,
    make_pending,
    make_settings,
)

LATER = NOW + 12 * 3600


def expiring(name: str, **changes: str) -> BotInstall:
    """Return an install with token rotation."""
    tokens = {"bot_token": f"{name}-bot-token", "refresh_token": f"{name}-refresh-token"}
    return make_bot(**tokens, token_expires_at=LATER, **changes)


def install(flow: InstallFlow, bot: BotInstall) -> Installation:
    return flow.install(make_installation(make_settings(id="theirs"), bot))


def test_a_browser_is_redirected_to_slack_for_the_requested_app_and_team(flow):
    flow.pend(team_id=TEAM_ID)

    redirect = flow.oauth.start(LINK)

    redirect_uri = "https://slack.example.com/slack/oauth_redirect"
    assert redirect.url.endswith(f"?{OWN_APP.client_id}&{redirect.state}&{redirect_uri}&{TEAM_ID}")


@pytest.mark.parametrize(
    ("bot", "slack_app", "app"),
    [
        (make_bot(), None, OWN_APP),
        (expiring("a"), None, OWN_APP),
        (make_bot(app_id=CUSTOMERS_APP.app_id), CUSTOMERS_APP, CUSTOMERS_APP),
    ],
    ids=["the service's own app", "token that expires", "a customer's app"],
)
def test_consent_makes_an_installation_of_the_request(flow, bot, slack_app, app):
    settings = make_settings(app_id=app.app_id)
    pending = flow.pend(settings=settings, slack_app=slack_app, return_url=RETURN_URL)
    flow.slack.bot = bot

    completed = flow.oauth.complete(flow.leave())

    installation = Installation(pending.settings, bot, NOW)
    assert completed == CompletedOAuth(installation, "acme-assistant", RETURN_URL)
    assert flow.find(installation.key) == flow.registration.find(ID) == installation
    assert flow.oauth.apps.find(app.app_id) == app
    assert flow.oauth.pendings.find(ID) is None
    assert flow.slack.exchanged == [(app, "a-code", flow.oauth.redirect_uri)]
    assert flow.slack.revoked == []


def test_the_installation_that_a_request_names_is_replaced(flow):
    flow.install(make_installation(make_settings(id="older")))
    flow.pend(replaces="older", team_id=TEAM_ID)

    installation = flow.go()

    assert flow.find() == installation
    assert flow.registration.find("older") is None


# Links and states


@pytest.mark.parametrize(
    ("link", "app_id"),
    [("", "A0OWN"), ("another-link", "A0OWN"), ("ü" * 9, "A0OWN"), (LINK, "A0GONE")],
    ids=["empty", "made up", "not ASCII", "of an app that the service has lost"],
)
def test_an_unknown_link_is_dead(flow, link, app_id):
    flow.pend(settings=make_settings(app_id=app_id))

    with pytest.raises(ConsentRefused, match=r"^dead_link$"):
        flow.oauth.start(link)


def test_an_expired_link_is_dead_also_for_a_browser_that_is_at_slack(flow):
    flow.pend()
    callback = flow.leave()
    flow.clock.now = make_pending().expires_at

    with pytest.raises(ConsentRefused, match=r"^dead_link$"):
        flow.oauth.start(LINK)
    with pytest.raises(ConsentRefused, match=r"^dead_link$"):
        flow.oauth.complete(callback)

    assert flow.slack.exchanged == []
    assert flow.status() == ("expired", None)


@pytest.mark.parametrize("concurrent", [True, False])
def test_two_consents_by_one_link_end_in_one_installation(flow, concurrent):
    flow.pend()
    first, second = flow.leave(), flow.leave()
    if concurrent:
        flow.slack.exchanges.then(lambda: flow.oauth.complete(first))
    else:
        flow.oauth.complete(first)

    assert flow.oauth.complete(second).installation == make_installation()

    with pytest.raises(ConsentRefused, match=r"^dead_link$"):
        flow.oauth.start(LINK)
    assert flow.find() == make_installation()
    assert flow.slack.revoked == []


@pytest.mark.parametrize("concurrent", [True, False])
def test_a_second_consent_for_another_team_installs_nothing(flow, concurrent):
    flow.pend()
    first, second = flow.leave(), flow.leave()
    if concurrent:
        other = make_bot(team_id="T0OTHER", bot_token="another-token")

        def install_elsewhere() -> None:
            flow.oauth.complete(first)
            flow.slack.bot = other

        flow.slack.exchanges.then(install_elsewhere)
        with pytest.raises(ConsentRefused, match=r"^dead_link$"):
            flow.oauth.complete(second)
        assert flow.slack.revoked == ["another-token"]
    else:
        flow.oauth.complete(first)
        assert flow.oauth.complete(second).installation.bot.team_id == TEAM_ID

    assert flow.find(InstallationKey(OWN_APP.app_id, "T0OTHER")) is None


def test_a_link_may_lead_to_slack_so_often_in_an_hour(flow):
    flow.pend()
    allowed = int(TRIPS.partition(" ")[0])
    states = {flow.oauth.start(LINK).state for _ in range(allowed)}

    with pytest.raises(ConsentRefused, match=r"^too_often$"):
        flow.oauth.start(LINK)

    assert len(states) == allowed
    assert flow.oauth.find(LINK).settings.id == ID


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cookie": None}, "other_browser"),
        ({"cookie": ""}, "other_browser"),
        ({"cookie": "another"}, "other_browser"),
        ({"cookie": "\ud800"}, "other_browser"),
        ({"cookie": "ü"}, "other_browser"),
        ({"state": None, "cookie": None}, "stale"),
        ({"state": "", "cookie": ""}, "stale"),
        ({"state": "made-up", "cookie": "made-up"}, "stale"),
        ({"state": "\ud800", "cookie": "\ud800"}, "stale"),
    ],
)
def test_only_the_browser_that_was_redirected_can_complete(flow, changes, reason):
    flow.pend()

    error = flow.refused(**changes)

    assert (error.reason, error.installation_id) == (reason, None)
    assert flow.slack.exchanged == []
    assert flow.status() == ("pending", None)


def test_a_state_is_exchanged_once_and_its_result_shown_again(flow):
    flow.pend(return_url=RETURN_URL)
    callback = flow.leave()

    results = [flow.oauth.complete(each) for each in (callback, callback, replace(callback, code="other"))]

    assert results == [CompletedOAuth(make_installation(), "acme-assistant", RETURN_URL)] * 3
    assert len(flow.slack.exchanged) == 1


def test_a_refusal_is_shown_again_though_the_callback_would_succeed_now(flow):
    flow.pend(return_url=RETURN_URL)
    callback = flow.leave()
    refusals = []

    for each in (replace(callback, code=None, error="access_denied"), callback):
        with pytest.raises(ConsentRefused) as caught:
            flow.oauth.complete(each)
        refusals.append(vars(caught.value))

    assert refusals[0] == refusals[1]
    assert refusals[0] == {
        "reason": "cancelled",
        "installation_id": ID,
        "return_url": RETURN_URL,
        "link": LINK,
    }
    assert flow.slack.exchanged == []


def test_the_result_of_a_deleted_installation_is_not_shown_again(flow):
    flow.pend()
    callback = flow.leave()
    flow.oauth.complete(callback)
    flow.registration.delete(ID)

    with pytest.raises(ConsentRefused, match=r"^dead_link$"):
        flow.oauth.complete(callback)


def test_a_consent_that_is_pressed_twice_waits_for_the_first_result(flow):
    flow.pend()
    callback = flow.leave()
    with ThreadPoolExecutor(1) as pool:
        second: list[Future[CompletedOAuth]] = []
        flow.slack.exchanges.then(lambda: second.append(pool.submit(flow.oauth.complete, callback)))

        first = flow.oauth.complete(callback)

        assert second[0].result() == first
    assert len(flow.slack.exchanged) == 1


def test_a_result_that_never_comes_is_underway(flow, monkeypatch):
    monkeypatch.setattr(oauth, "WAIT_SECONDS", 0.0)
    flow.pend()
    callback = flow.leave()
    flow.slack.exchanges.then(RuntimeError())
    with pytest.raises(RuntimeError):
        flow.oauth.complete(callback)

    with pytest.raises(ConsentRefused, match=r"^underway$"):
        flow.oauth.complete(callback)


def test_an_installation_whose_name_slack_does_not_tell_is_installed_all_the_same(flow, monkeypatch):
    def fail(*_: object) -> str:
        raise SlackBusy("timeout")

    monkeypatch.setattr(type(flow.slack), "bot_name", fail)
    flow.pend()

    assert flow.oauth.complete(flow.leave()) == CompletedOAuth(make_installation(), "", None)


@pytest.mark.parametrize("issued_for", [OAuthState(ID, "A0OTHER"), OAuthState("gone", OWN_APP.app_id)])
def test_a_state_of_another_app_or_of_a_deleted_request_is_refused(flow, issued_for):
    flow.pend()
    state = flow.oauth.states.issue(issued_for)

    with pytest.raises(ConsentRefused, match=r"^dead_link$"):
        flow.oauth.complete(OAuthCallback(state, state, "a-code"))


def test_no_repr_shows_a_state_cookie_or_code(flow):
    flow.pend()
    redirect = flow.oauth.start(LINK)

    shown = repr(redirect) + repr(OAuthCallback("the-state", "the-cookie", "the-code", "access_denied"))

    assert not [each for each in (redirect.state, "the-state", "the-cookie", "the-code") if each in shown]


# Refusals after which the link still works


@pytest.mark.parametrize(
    ("changes", "error", "reason"),
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
def test_a_user_may_try_again_after_a_refusal_or_an_error(flow, changes, error, reason):
    flow.pend(return_url=RETURN_URL)
    if error is not None:
        flow.slack.exchanges.then(error)

    refusal = flow.refused(**changes)

    assert (refusal.reason, refusal.installation_id, refusal.return_url) == (reason, ID, RETURN_URL)
    assert refusal.link == LINK
    assert len(flow.slack.exchanged) == (0 if error is None else 1)
    assert flow.find() is None
    assert flow.status() == ("pending", None)
    assert flow.go().settings.id == ID


@pytest.mark.parametrize(
    ("pinned", "bot"),
    [(TEAM_ID, make_bot(team_id="T0OTHER")), (TEAM_ID, ORG_WIDE), ("E0ORG", make_bot(enterprise_id="E0ORG"))],
    ids=["another team", "the organisation instead of a team", "a team instead of the organisation"],
)
@pytest.mark.parametrize("error", [None, SlackBusy("fatal_error"), SlackRefused("token_revoked")])
def test_consent_for_another_tenant_is_refused_and_may_be_repeated(flow, pinned, bot, error):
    flow.pend(team_id=pinned)
    flow.slack.bot = bot
    flow.slack.revocations.then(error)

    assert flow.refused().reason == "other_team"

    assert flow.slack.revoked == [BOT_TOKEN]
    assert flow.find(make_installation(bot=bot).key) is None
    assert flow.status() == ("pending", None)
    flow.slack.bot = ORG_WIDE if pinned == "E0ORG" else make_bot()
    assert flow.go().key.tenant_id == pinned


# Changes while the user is at Slack


def test_settings_that_change_during_the_exchange_are_installed(flow):
    flow.pend()
    settings = make_settings(app_name="New name", revision=2)
    flow.slack.exchanges.then(lambda: flow.oauth.pendings.change(make_pending(settings=settings), 1))

    installation = flow.go()

    assert installation.settings == settings
    assert flow.find() == installation


def test_a_request_that_is_deleted_during_the_exchange_stays_deleted(flow):
    flow.pend()
    flow.slack.exchanges.then(lambda: flow.registration.delete(ID))

    assert flow.refused().reason == "dead_link"

    assert flow.find() is None
    assert flow.slack.revoked == [BOT_TOKEN]


def test_settings_that_never_stop_changing_end_in_a_refusal(flow, monkeypatch):
    def change(*_: object) -> bool:
        raise RevisionConflict(ID)

    pending = flow.pend()
    monkeypatch.setattr(flow.installations, "save", change)

    assert flow.refused().reason == "stale"

    assert flow.slack.revoked == [BOT_TOKEN]
    assert flow.registration.find(ID) == pending


# Tokens that lead to no new installation


@pytest.mark.parametrize(
    ("team_id", "pinned", "reason"),
    [(TEAM_ID, None, "already_installed"), ("T0OTHER", TEAM_ID, "other_team")],
)
@pytest.mark.parametrize(("old", "new"), [(expiring("old"), expiring("new")), (make_bot(), make_bot())])
def test_an_existing_installation_gets_the_latest_token(flow, team_id, pinned, reason, old, new):
    existing = install(flow, replace(old, team_id=team_id))
    flow.slack.bot = replace(new, team_id=team_id)
    flow.clock.now += 1000
    flow.pend(team_id=pinned)

    assert flow.refused().reason == reason

    expected = replace(existing, bot=flow.slack.bot, installed_at=flow.clock.now)
    assert flow.find(existing.key) == expected
    assert flow.slack.revoked == []


def test_the_latest_token_is_stored_though_another_one_is_renewed_at_the_same_time(flow, monkeypatch):
    existing = install(flow, expiring("old"))
    flow.slack.bot = expiring("new")
    bot = existing.bot.with_token(FreshToken("renewed-token", "renewed-refresh-token", LATER))
    installations = flow.installations
    renew = installations.renew
    before(monkeypatch, installations, "renew", lambda: renew(existing, replace(existing, bot=bot)))
    flow.pend()

    flow.refused()

    assert flow.find() == replace(existing, bot=flow.slack.bot)


@pytest.mark.parametrize("again", [make_bot(), make_bot(bot_token="new-token"), expiring("new")])
@pytest.mark.parametrize(
    "event", [{"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"bot": ["U0BOT"]}}]
)
def test_a_late_event_of_an_uninstall_before_the_consent_ends_nothing(flow, event, again):
    existing = install(flow, make_bot())
    uninstalled_at = int(flow.clock.now) + 1000
    flow.clock.now += 1020
    flow.slack.bot = again
    flow.pend()
    flow.refused()

    flow.services.events.accept(make_event(event, event_time=uninstalled_at))

    assert flow.find() == replace(existing, bot=again, installed_at=flow.clock.now)
    assert flow.slack.revoked == []


@pytest.mark.parametrize("bot", [make_bot(team_id="T0OTHER"), expiring("new", team_id="T0OTHER")])
def test_a_token_that_no_installation_uses_is_revoked_and_no_other(flow, bot):
    bystander = install(flow, expiring("their"))
    flow.slack.bot = bot
    flow.pend(team_id=TEAM_ID)

    assert flow.refused().reason == "other_team"

    assert flow.slack.revoked == [bot.bot_token]
    assert flow.find() == bystander


@pytest.mark.parametrize(
    ("key", "team_id", "revoked"),
    [(KEY, "T0OTHER", ["unused-token"]), (KEY, TEAM_ID, []), (None, "T0OTHER", [])],
    ids=["unused", "an installation may use it", "unknown team"],
)
def test_the_token_of_an_incomplete_install_is_revoked_if_unused(flow, key, team_id, revoked):
    existing = install(flow, make_bot(team_id=team_id))
    flow.slack.exchanges.then(InstallIncomplete("unused-token", key))
    flow.pend()

    assert flow.refused().reason == "slack_error"

    assert flow.slack.revoked == revoked
    assert flow.find(existing.key) == existing
