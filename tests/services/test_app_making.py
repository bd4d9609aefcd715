from __future__ import annotations

import logging
import re
from collections.abc import Callable

import fakeredis
import pytest
import redis

from sectorflow_slack.domain.errors import (
    AppNotMade,
    InstallRefused,
    ManifestRefused,
    SectorFlowSlackError,
    SlackBusy,
    SlackRefused,
    StorageUnavailable,
    TokenRefused,
)
from sectorflow_slack.domain.installations import (
    InstallationQuery,
    InstallRequest,
    Once,
    PendingInstallation,
    SlackApp,
)
from sectorflow_slack.services import Services
from sectorflow_slack.services.app_making import TOKEN_ERRORS
from sectorflow_slack.services.installs import InstallService
from tests.fakes import MADE_APP, FakeSectorFlowClient, FakeSlackClient
from tests.services.asking import request
from tests.values import OWN_APP, TEAM_ID, make_installation, make_terms

CONFIG_TOKEN = "xoxe.xoxp-that-nobody-may-see"
ONCE = Once("a-key", "digest-of-the-body")
#: Slack may or may not have made an app.
NOBODY_KNOWS = [SlackBusy("timeout"), SlackBusy("fatal_error"), SlackBusy("failed_creating_app")]
#: Slack has made none.
NOTHING_MADE = [
    ManifestRefused("invalid_manifest", {"/settings": ("wrong",)}),
    SlackRefused("token_expired"),
    SlackRefused("enterprise_is_restricted"),
    SlackBusy("ratelimited", 30.0),
    SlackBusy("connection", never_sent=True),
]


@pytest.fixture
def installs(services: Services) -> InstallService:
    return services.installs


def for_new_app(**changes) -> InstallRequest:
    return request(config_token=CONFIG_TOKEN, **changes)


def refused(
    installs: InstallService, asked: InstallRequest | None = None, once: Once | None = None
) -> SectorFlowSlackError:
    with pytest.raises(SectorFlowSlackError) as caught:
        installs.register(asked or for_new_app(), once)
    assert CONFIG_TOKEN not in str(caught.value)
    return caught.value


def test_an_app_is_made_for_a_request_that_brings_a_configuration_token(
    installs: InstallService, slack: FakeSlackClient
) -> None:
    pending = installs.register(for_new_app())

    assert isinstance(pending, PendingInstallation)
    assert (pending.terms.app_id, pending.slack_app) == (MADE_APP.app_id, MADE_APP)
    assert installs.find(pending.terms.id) == pending
    ((token, manifest, _),) = slack.created
    assert token == CONFIG_TOKEN
    assert manifest["display_information"]["name"] == "Acme Assistant"
    assert manifest["oauth_config"]["redirect_urls"] == ["https://slack.example.com/slack/oauth_redirect"]


def test_an_app_that_is_made_is_pinned_to_the_workspace_it_can_be_installed_in(
    installs: InstallService, slack: FakeSlackClient
) -> None:
    assert installs.register(for_new_app()).team_id == TEAM_ID

    slack.made_in = None

    assert installs.register(for_new_app()).team_id is None
    assert installs.register(for_new_app(team_id="T0SAID")).team_id == "T0SAID"


def test_an_organisation_that_was_asked_for_stays_pinned(installs: InstallService) -> None:
    assert installs.register(for_new_app(team_id="E0ORG")).team_id == "E0ORG"


def test_an_app_made_in_another_workspace_than_was_asked_for_is_deleted_again(
    installs: InstallService, slack: FakeSlackClient, store: redis.Redis
) -> None:
    error = refused(installs, for_new_app(team_id="T0OTHER"))

    assert isinstance(error, InstallRefused)
    assert error.field == "teamId"
    assert slack.deleted_apps == [(CONFIG_TOKEN, MADE_APP.app_id)]
    assert list(store.scan_iter("pending*")) == []


def test_the_configuration_token_is_kept_nowhere(
    installs: InstallService, store: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sealed: list[str] = []
    seal = installs.pendings._cipher.seal
    installs.pendings._cipher.seal = lambda place, name, value: (
        sealed.append(value) or seal(place, name, value)
    )

    installs.register(for_new_app(), ONCE)

    assert sealed
    assert CONFIG_TOKEN not in sealed
    assert not any(CONFIG_TOKEN in str(vars(record)) for record in caplog.records)


def test_nothing_is_made_for_a_token_that_sectorflow_refuses(
    installs: InstallService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.checks.then(TokenRefused("status 401"))

    refused(installs)

    assert slack.created == []


def test_a_new_app_replaces_nothing(installs: InstallService, slack: FakeSlackClient) -> None:
    installs.installations.save(make_installation(), None, None)

    error = refused(installs, for_new_app(replaces=make_terms().id))

    assert isinstance(error, InstallRefused)
    assert error.field == "replaces"
    assert slack.created == []


def test_sectorflow_leaves_slack_the_time_it_needs(
    installs: InstallService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    installs.register(for_new_app())

    ((_, _, at_most),) = sectorflow.checked
    ((_, _, left),) = slack.created
    assert 2 * at_most + left <= 13.1
    assert 8.5 <= left <= 9.0


def test_an_app_that_could_not_be_made_in_time_is_not_begun(
    installs: InstallService, slack: FakeSlackClient
) -> None:
    with pytest.raises(AppNotMade, match="Try again") as caught:
        installs.maker.make("Acme", CONFIG_TOKEN, None, 0.9)

    assert not caught.value.in_doubt
    assert slack.created == []


def test_slacks_own_words_about_a_manifest_are_passed_on(
    installs: InstallService, slack: FakeSlackClient
) -> None:
    faults = {"/settings/event_subscriptions/request_url": ("URL didn't respond.",)}
    slack.creations.then(ManifestRefused("invalid_manifest", faults))

    error = refused(installs)

    assert isinstance(error, AppNotMade)
    assert (error.faults, error.in_doubt) == (faults, False)


@pytest.mark.parametrize("code", sorted(TOKEN_ERRORS))
def test_a_configuration_token_that_slack_refuses_is_a_wrong_field(
    installs: InstallService, slack: FakeSlackClient, code: str
) -> None:
    slack.creations.then(SlackRefused(code))

    error = refused(installs)

    assert isinstance(error, InstallRefused)
    assert error.field == "slackApp.configToken"
    assert code in error.message


def test_what_else_slack_says_no_to_is_told_by_its_code(
    installs: InstallService, slack: FakeSlackClient
) -> None:
    slack.creations.then(SlackRefused("enterprise_is_restricted"))

    error = refused(installs)

    assert isinstance(error, AppNotMade)
    assert "enterprise_is_restricted" in error.message
    assert not error.in_doubt


@pytest.mark.parametrize("error", NOTHING_MADE, ids=str)
def test_where_nothing_was_made_the_same_key_may_be_tried_again(
    installs: InstallService, slack: FakeSlackClient, error: Exception
) -> None:
    slack.creations.then(error)
    refused(installs, once=ONCE)

    pending = installs.register(for_new_app(), ONCE)

    assert pending.terms.app_id == MADE_APP.app_id
    assert len(slack.created) == 2
    assert installs.register(for_new_app(), ONCE) == pending
    assert len(slack.created) == 2


@pytest.mark.parametrize("error", NOBODY_KNOWS, ids=str)
def test_where_nobody_knows_whether_an_app_was_made_none_is_made_again_under_the_key(
    installs: InstallService, slack: FakeSlackClient, error: Exception, lapse: Callable[[], None]
) -> None:
    slack.creations.then(error)
    first = refused(installs, once=ONCE)
    lapse()

    second = refused(installs, once=ONCE)

    assert isinstance(first, AppNotMade)
    assert isinstance(second, AppNotMade)
    assert first.in_doubt
    assert second.in_doubt
    assert "api.slack.com/apps" in second.message
    assert len(slack.created) == 1
    assert installs.register(for_new_app(), Once("another-key", ONCE.fingerprint)).slack_app == MADE_APP


def test_a_request_that_died_while_slack_made_its_app_is_in_doubt(
    installs: InstallService, slack: FakeSlackClient, lapse: Callable[[], None]
) -> None:
    slack.creations.then(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        installs.register(for_new_app(), ONCE)
    lapse()

    error = refused(installs, once=ONCE)

    assert isinstance(error, AppNotMade)
    assert error.in_doubt
    assert len(slack.created) == 1


def test_slack_is_not_asked_where_it_cannot_be_noted_that_it_is(
    installs: InstallService, slack: FakeSlackClient, redis_server: fakeredis.FakeServer
) -> None:
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        installs.maker.make("Acme", CONFIG_TOKEN, ONCE, 5.0)

    assert slack.created == []


def test_an_app_that_cannot_be_kept_is_deleted_again(
    installs: InstallService, slack: FakeSlackClient, redis_server: fakeredis.FakeServer
) -> None:
    cut_off_after_making(slack, redis_server)

    error = refused(installs, once=ONCE)

    assert isinstance(error, StorageUnavailable)
    assert slack.deleted_apps == [(CONFIG_TOKEN, MADE_APP.app_id)]


def test_nothing_is_left_of_a_request_that_was_kept_though_the_store_did_not_say_so(
    services: Services, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pendings = services.installs.pendings
    save, remove, outages = pendings.save, pendings.remove, [StorageUnavailable("TimeoutError")]

    def kept_but_not_said(pending: PendingInstallation) -> None:
        save(pending)
        raise StorageUnavailable("TimeoutError")

    def away_once(installation_id: str) -> bool:
        if outages:
            raise outages.pop()
        return remove(installation_id)

    monkeypatch.setattr(pendings, "save", kept_but_not_said)
    monkeypatch.setattr(pendings, "remove", away_once)

    refused(services.installs, once=ONCE)

    assert slack.deleted_apps == [(CONFIG_TOKEN, MADE_APP.app_id)]
    assert services.installs.list(InstallationQuery()).items == ()


def test_an_app_that_can_be_neither_kept_nor_deleted_is_named_to_whoever_has_to(
    installs: InstallService,
    slack: FakeSlackClient,
    redis_server: fakeredis.FakeServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cut_off_after_making(slack, redis_server)
    slack.deletions.then(SlackBusy("timeout"))

    error = refused(installs, once=ONCE)

    assert isinstance(error, AppNotMade)
    assert error.in_doubt
    assert MADE_APP.app_id in error.message
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert vars(record)["app_id"] == MADE_APP.app_id
    assert not re.search("secret|xox", caplog.text)


def cut_off_after_making(slack: FakeSlackClient, server: fakeredis.FakeServer) -> None:
    def make(*_: object, **__: object) -> tuple[SlackApp, str | None]:
        server.connected = False
        return MADE_APP, TEAM_ID

    slack.create_app = make  # type: ignore[method-assign]


def test_the_services_own_app_is_neither_taken_nor_deleted_whatever_slack_says(
    installs: InstallService, slack: FakeSlackClient
) -> None:
    slack.made_app = OWN_APP

    error = refused(installs)

    assert isinstance(error, AppNotMade)
    assert slack.deleted_apps == []
