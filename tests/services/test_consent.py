from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import (
    ConsentRefused,
    SlackBusy,
    SlackRefused,
    SlackRefusedMessage,
)
from sectorflow_slack.domain.installations import (
    Installation,
    InstallationKey,
    OAuthState,
    PendingInstallation,
    SlackApp,
)
from sectorflow_slack.services import Services
from sectorflow_slack.services.consent import ConsentAnswer, ConsentService
from tests.fakes import FakeSlackClient
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

LINK = make_pending().link
ID = make_terms().id
KEY = InstallationKey(OWN_APP.app_id, TEAM_ID)
RETURN_URL = "https://app.sectorflow.example/done"


@pytest.fixture
def consent(services: Services) -> ConsentService:
    return services.consent


def register(consent: ConsentService, **changes) -> PendingInstallation:
    pending = make_pending(**changes)
    consent.pendings.save(pending)
    return pending


def go(consent: ConsentService, link: str = LINK, **changes) -> tuple[Installation, PendingInstallation]:
    """Go to Slack and come back, as one browser does."""
    trip = consent.begin(link)
    answer = ConsentAnswer(trip.state, trip.state, "a-code")
    return consent.complete(replace(answer, **changes))


def refused(consent: ConsentService, link: str = LINK, **changes) -> ConsentRefused:
    with pytest.raises(ConsentRefused) as caught:
        go(consent, link, **changes)
    return caught.value


def status(consent: ConsentService, installation_id: str = ID) -> tuple[str, str | None]:
    pending = consent.pendings.find(installation_id)
    assert pending is not None
    return pending.status(consent.clock()), pending.failure


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


def test_a_customers_app_comes_into_being_with_its_installation(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent, terms=make_terms(app_id=CUSTOMERS_APP.app_id), slack_app=CUSTOMERS_APP)
    slack.bot = make_bot(app_id=CUSTOMERS_APP.app_id)

    go(consent)

    assert consent.apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert slack.exchanged[0][0] == CUSTOMERS_APP


def test_a_link_is_dead_once_it_led_to_an_installation(consent: ConsentService) -> None:
    register(consent)
    go(consent)

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(LINK)


@pytest.mark.parametrize("link", ["", "another-link", "ü" * 9])
def test_a_link_that_nobody_was_given_is_dead(consent: ConsentService, link: str) -> None:
    register(consent)

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(link)


def test_a_link_is_dead_after_its_time(consent: ConsentService, clock: FixedClock) -> None:
    pending = register(consent)
    clock.now = pending.expires_at

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(LINK)


def test_a_link_is_dead_where_the_service_has_lost_its_app(consent: ConsentService) -> None:
    register(consent, terms=make_terms(app_id="A0GONE"))

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(LINK)


@pytest.mark.parametrize("cookie", [None, "", "another", "\ud800", "ü"])
def test_consent_counts_only_from_the_browser_that_was_sent_off(
    consent: ConsentService, slack: FakeSlackClient, cookie: str | None
) -> None:
    register(consent)

    error = refused(consent, cookie=cookie)

    assert (error.reason, error.installation_id) == ("other_browser" if cookie else "no_cookie", None)
    assert slack.exchanged == []
    assert status(consent) == ("pending", None)


def test_an_app_whose_tokens_expire_is_installed_with_what_renews_them(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent)
    slack.bot = make_bot(refresh_token="a-refresh-token", token_expires_at=NOW + 43_200)

    installation, _ = go(consent)

    assert installation.bot == slack.bot
    assert consent.installations.find(KEY) == installation


@pytest.mark.parametrize("state", [None, ""])
def test_consent_without_a_state_counts_for_nothing(consent: ConsentService, state: str | None) -> None:
    register(consent)

    error = refused(consent, state=state, cookie=state)

    assert error.reason == "other_browser"


@pytest.mark.parametrize("state", ["made-up", "\ud800"])
def test_a_state_that_was_never_issued_is_stale(consent: ConsentService, state: str) -> None:
    register(consent)

    error = refused(consent, state=state, cookie=state)

    assert error.reason == "stale"


def test_a_state_counts_once(consent: ConsentService, slack: FakeSlackClient) -> None:
    register(consent)
    trip = consent.begin(LINK)
    answer = ConsentAnswer(trip.state, trip.state, "a-code")
    consent.complete(answer)

    with pytest.raises(ConsentRefused, match="stale"):
        consent.complete(answer)

    assert len(slack.exchanged) == 1


def test_a_state_is_used_up_by_a_refusal_too(consent: ConsentService) -> None:
    register(consent)
    trip = consent.begin(LINK)
    with pytest.raises(ConsentRefused, match="cancelled"):
        consent.complete(ConsentAnswer(trip.state, trip.state, None, "access_denied"))

    with pytest.raises(ConsentRefused, match="stale"):
        consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))


def test_of_many_that_bring_one_state_at_once_one_installs(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent)
    trip = consent.begin(LINK)

    def complete(number: int) -> str:
        try:
            consent.complete(ConsentAnswer(trip.state, trip.state, f"code-{number}"))
        except ConsentRefused as error:
            return error.reason
        return "installed"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(complete, range(8)))

    assert sorted(outcomes) == ["installed"] + ["stale"] * 7
    assert len(slack.exchanged) == 1


def test_consent_that_comes_after_the_links_time_counts_for_nothing(
    consent: ConsentService, slack: FakeSlackClient, clock: FixedClock
) -> None:
    pending = register(consent)
    trip = consent.begin(LINK)
    clock.now = pending.expires_at

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))

    assert slack.exchanged == []
    assert status(consent) == ("expired", None)


def test_a_state_of_another_app_counts_for_nothing(consent: ConsentService) -> None:
    register(consent)
    state = consent.states.issue(OAuthState(ID, "A0OTHER"))

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.complete(ConsentAnswer(state, state, "a-code"))


def test_a_state_of_an_installation_that_is_gone_counts_for_nothing(consent: ConsentService) -> None:
    state = consent.states.issue(OAuthState("gone", OWN_APP.app_id))

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.complete(ConsentAnswer(state, state, "a-code"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": None, "error": "access_denied"}, "cancelled"),
        ({"code": None, "error": "invalid_scope"}, "slack_error"),
        ({"code": "a-code", "error": "access_denied"}, "cancelled"),
        ({"code": None}, "slack_error"),
        ({"code": ""}, "slack_error"),
    ],
)
def test_a_person_who_comes_back_without_consent_may_try_again(
    consent: ConsentService, slack: FakeSlackClient, changes: dict, reason: str
) -> None:
    register(consent, return_url=RETURN_URL)

    error = refused(consent, **changes)

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


@pytest.mark.parametrize("code", ["bad_client_secret", "invalid_client_id"])
def test_wrong_credentials_are_the_end_of_a_request_and_touch_nothing(
    consent: ConsentService, slack: FakeSlackClient, store: redis.Redis, code: str
) -> None:
    installed_app(consent, slack, CUSTOMERS_APP)
    impostor = replace(CUSTOMERS_APP, client_secret="guessed", signing_secret="mine")
    register(
        consent,
        terms=make_terms(id="second", app_id=CUSTOMERS_APP.app_id),
        slack_app=impostor,
        link="second-link",
    )
    slack.exchanges.then(SlackRefused(code))

    error = refused(consent, "second-link")

    assert error.reason == "bad_credentials"
    assert status(consent, "second") == ("failed", "bad_credentials")
    assert consent.apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert consent.apps.signing_secrets(CUSTOMERS_APP.app_id) == (CUSTOMERS_APP.signing_secret,)
    assert store.exists("pending-secrets:second") == 0


def test_credentials_count_for_nothing_before_the_exchange(consent: ConsentService) -> None:
    register(consent, terms=make_terms(app_id=CUSTOMERS_APP.app_id), slack_app=CUSTOMERS_APP)

    consent.begin(LINK)

    assert consent.apps.find(CUSTOMERS_APP.app_id) is None
    assert consent.apps.signing_secrets(CUSTOMERS_APP.app_id) == ()


def test_a_new_signing_secret_waits_for_the_first_event_that_verifies_with_it(
    consent: ConsentService, services: Services, slack: FakeSlackClient
) -> None:
    installed_app(consent, slack, CUSTOMERS_APP)
    newer = replace(CUSTOMERS_APP, signing_secret="newer")
    register(consent, terms=make_terms(id="second", app_id=newer.app_id), slack_app=newer, link="second-link")
    slack.bot = make_bot(app_id=newer.app_id, team_id="T0SECOND")

    go(consent, "second-link")

    events = services.events
    assert events.signing_secrets(newer.app_id) == (CUSTOMERS_APP.signing_secret, "newer")
    events.adopt_signing_secret(newer.app_id, "newer")
    assert events.signing_secrets(newer.app_id) == ("newer",)


def installed_app(consent: ConsentService, slack: FakeSlackClient, app: SlackApp) -> None:
    register(consent, terms=make_terms(app_id=app.app_id), slack_app=app)
    slack.bot = make_bot(app_id=app.app_id)
    go(consent)


def test_another_app_than_the_one_asked_for_is_the_end_of_the_request(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent)
    slack.bot = make_bot(app_id="A0OTHER")

    error = refused(consent)

    assert error.reason == "other_app"
    assert status(consent) == ("failed", "other_app")
    assert slack.revoked == [BOT_TOKEN]
    assert consent.installations.find(InstallationKey("A0OTHER", TEAM_ID)) is None


def test_another_team_than_the_one_named_is_refused_and_may_be_mended(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent, team_id=TEAM_ID)
    slack.bot = make_bot(team_id="T0OTHER")

    error = refused(consent)

    assert error.reason == "other_team"
    assert slack.revoked == [BOT_TOKEN]
    assert status(consent) == ("pending", None)
    slack.bot = make_bot()
    assert go(consent)[0].key == KEY


def test_a_token_that_an_installation_lives_by_is_not_revoked(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    other = make_bot(team_id="T0OTHER")
    consent.installations.save(make_installation(make_terms(id="theirs"), other), None, None)
    register(consent, team_id=TEAM_ID)
    slack.bot = other

    error = refused(consent)

    assert error.reason == "other_team"
    assert slack.revoked == []


@pytest.mark.parametrize("error", [SlackBusy("fatal_error"), SlackRefused("token_revoked")])
def test_a_token_that_cannot_be_revoked_changes_no_refusal(
    consent: ConsentService, slack: FakeSlackClient, error: Exception
) -> None:
    register(consent, team_id="T0OTHER")
    slack.revocations.then(error)

    assert refused(consent).reason == "other_team"


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
