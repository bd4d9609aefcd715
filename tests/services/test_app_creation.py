"""A Slack app is created by manifest for a request that brings an app configuration token."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import fakeredis
import pytest

from sectorflow_slack.domain.errors import (
    AppNotCreated,
    InstallRefused,
    ManifestRefused,
    SectorFlowSlackError,
    SlackBusy,
    SlackError,
    SlackRefused,
    StorageUnavailable,
    TokenRefused,
)
from sectorflow_slack.domain.installations import IdempotencyKey, InstallationQuery, PendingInstallation
from sectorflow_slack.services import registration, resilience
from sectorflow_slack.services.app_creation import MIN_SECONDS, TOKEN_ERRORS
from sectorflow_slack.services.registration import SHORT_CHECK_TIMEOUT_SECONDS
from tests.fakes import MADE_APP
from tests.services.installing import ONCE, InstallFlow, before
from tests.values import OWN_APP, TEAM_ID

CONFIG_TOKEN = "xoxe.xoxp-that-nobody-may-see"
FAULTS = {"/settings/event_subscriptions/request_url": ("URL didn't respond.",)}
#: Slack may or may not have made an app.
IN_DOUBT = [SlackBusy("timeout"), SlackBusy("fatal_error"), SlackBusy("failed_creating_app")]
#: Slack has made none.
NOT_MADE = [
    ManifestRefused("invalid_manifest", FAULTS),
    SlackRefused("token_expired"),
    SlackRefused("enterprise_is_restricted"),
    SlackBusy("ratelimited", 30.0),
    SlackBusy("connection", never_sent=True),
]


def create(flow: InstallFlow, once: IdempotencyKey | None = None, **changes: Any) -> PendingInstallation:
    return flow.register(once, config_token=CONFIG_TOKEN, **changes)


def refused(flow: InstallFlow, once: IdempotencyKey | None = None, **changes: Any) -> SectorFlowSlackError:
    with pytest.raises(SectorFlowSlackError) as caught:
        create(flow, once, **changes)
    assert CONFIG_TOKEN not in str(caught.value)
    return caught.value


def not_made(flow: InstallFlow, once: IdempotencyKey | None = None) -> AppNotCreated:
    error = refused(flow, once)
    assert isinstance(error, AppNotCreated)
    return error


def test_an_app_is_made_for_a_request_that_brings_a_configuration_token(flow: InstallFlow) -> None:
    pending = create(flow)

    assert (pending.settings.app_id, pending.slack_app) == (MADE_APP.app_id, MADE_APP)
    assert flow.installs.find(pending.settings.id) == pending
    ((token, manifest, _),) = flow.slack.created
    assert token == CONFIG_TOKEN
    assert manifest["display_information"]["name"] == "Acme Assistant"
    assert manifest["oauth_config"]["redirect_urls"] == ["https://slack.example.com/slack/oauth_redirect"]


@pytest.mark.parametrize(
    ("made_in", "named", "pinned"),
    [
        (TEAM_ID, None, TEAM_ID),
        (TEAM_ID, TEAM_ID, TEAM_ID),
        (TEAM_ID, "E0ORG", "E0ORG"),
        (None, None, None),
        (None, "T0SAID", "T0SAID"),
    ],
)
def test_an_app_is_pinned_to_the_workspace_or_organisation_it_can_be_installed_in(
    flow: InstallFlow, made_in: str | None, named: str | None, pinned: str | None
) -> None:
    flow.slack.made_in = made_in

    assert create(flow, team_id=named).team_id == pinned


def test_an_app_made_in_another_workspace_than_was_asked_for_is_deleted_again(flow: InstallFlow) -> None:
    error = refused(flow, team_id="T0OTHER")

    assert isinstance(error, InstallRefused)
    assert error.field == "teamId"
    assert flow.slack.deleted_apps == [(CONFIG_TOKEN, MADE_APP.app_id)]
    assert flow.installs.list(InstallationQuery()).items == ()


def test_the_service_neither_takes_nor_deletes_its_own_app_whatever_slack_names(flow: InstallFlow) -> None:
    flow.slack.made_app = OWN_APP

    not_made(flow)

    assert flow.slack.deleted_apps == []


def test_the_configuration_token_is_neither_stored_nor_logged(
    flow: InstallFlow, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sealed: list[str] = []
    cipher = flow.installs.pendings._cipher
    seal = cipher.seal
    cipher.seal = lambda place, name, value: sealed.append(value) or seal(place, name, value)

    create(flow, ONCE)

    assert sealed
    assert CONFIG_TOKEN not in sealed
    assert not any(CONFIG_TOKEN in str(vars(record)) for record in caplog.records)


def test_no_app_is_made_for_a_token_that_sectorflow_refuses(flow: InstallFlow) -> None:
    flow.sectorflow.checks.then(TokenRefused("status 401"))

    refused(flow)

    assert flow.slack.created == []


def test_slack_gets_the_time_that_sectorflow_leaves(
    flow: InstallFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = SimpleNamespace(now=100.0, monotonic=lambda: time.now)
    monkeypatch.setattr(registration, "time", time)
    flow.sectorflow.checks.then(lambda: setattr(time, "now", 103.0))

    create(flow)

    ((_, _, check_seconds),) = flow.sectorflow.checked
    ((_, _, left),) = flow.slack.created
    assert (check_seconds, left) == (SHORT_CHECK_TIMEOUT_SECONDS, registration.BUDGET_SECONDS - 3.0)
    # A check that falls silent in the middle takes twice its time.
    assert registration.BUDGET_SECONDS - 2 * check_seconds > 4 * MIN_SECONDS


def test_an_app_that_could_not_be_made_in_time_is_not_begun(flow: InstallFlow) -> None:
    with pytest.raises(AppNotCreated, match="Try again") as caught:
        flow.installs.app_creator.create("Acme", CONFIG_TOKEN, None, 0.9)

    assert not caught.value.in_doubt
    assert flow.slack.created == []


# Slack refuses, or does not answer


@pytest.mark.parametrize(
    ("error", "said", "faults"),
    [
        (
            ManifestRefused("invalid_manifest", {"/settings": ("wrong",)}),
            "manifest",
            {"/settings": ("wrong",)},
        ),
        (SlackRefused("enterprise_is_restricted"), "enterprise_is_restricted", {}),
    ],
)
def test_slacks_own_words_about_a_refusal_are_passed_on(
    flow: InstallFlow, error: SlackError, said: str, faults: dict[str, tuple[str, ...]]
) -> None:
    flow.slack.creations.then(error)

    failure = not_made(flow)

    assert said in failure.message
    assert (failure.faults, failure.in_doubt) == (faults, False)


#: What Slack says of tokens that are none, expired, or of another kind.
REFUSED_TOKENS = ["invalid_auth", "not_allowed_token_type", "token_expired", "token_revoked"]


@pytest.mark.parametrize("code", sorted({*TOKEN_ERRORS, *REFUSED_TOKENS}))
def test_a_configuration_token_that_slack_refuses_is_a_wrong_field(flow: InstallFlow, code: str) -> None:
    flow.slack.creations.then(SlackRefused(code))

    error = refused(flow)

    assert isinstance(error, InstallRefused)
    assert error.field == "slackApp.configToken"
    assert code in error.message


@pytest.mark.parametrize("error", NOT_MADE, ids=str)
def test_if_no_app_was_made_the_same_key_may_be_tried_again(flow: InstallFlow, error: SlackError) -> None:
    flow.slack.creations.then(error)
    refused(flow, ONCE)

    pending = create(flow, ONCE)

    assert pending.settings.app_id == MADE_APP.app_id
    assert create(flow, ONCE) == pending
    assert len(flow.slack.created) == 2


@pytest.mark.parametrize("error", [*IN_DOUBT, KeyboardInterrupt()], ids=repr)
def test_if_an_app_may_have_been_made_none_is_made_again_under_the_key(
    flow: InstallFlow, error: BaseException, lapse: Callable[[], None]
) -> None:
    flow.slack.creations.then(error)
    with pytest.raises((AppNotCreated, KeyboardInterrupt)) as first:
        create(flow, ONCE)
    lapse()

    failure = not_made(flow, ONCE)

    assert first.value is error or first.value.in_doubt
    assert failure.in_doubt
    assert "api.slack.com/apps" in failure.message
    assert len(flow.slack.created) == 1
    assert create(flow, IdempotencyKey("another-key", ONCE.fingerprint)).slack_app == MADE_APP


# The store is away


@pytest.fixture
def cut_off(flow: InstallFlow, redis_server: fakeredis.FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store goes away while Slack makes the app."""
    monkeypatch.setattr(registration, "REMOVE_SECONDS", 0.0)
    flow.slack.creations.then(lambda: setattr(redis_server, "connected", False))


def test_slack_is_not_asked_if_that_cannot_be_recorded(
    flow: InstallFlow, redis_server: fakeredis.FakeServer
) -> None:
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        flow.installs.app_creator.create("Acme", CONFIG_TOKEN, ONCE, 5.0)

    assert flow.slack.created == []


@pytest.mark.usefixtures("cut_off")
def test_an_app_that_cannot_be_stored_is_deleted_again(flow: InstallFlow) -> None:
    assert isinstance(refused(flow, ONCE), StorageUnavailable)
    assert flow.slack.deleted_apps == [(CONFIG_TOKEN, MADE_APP.app_id)]


@pytest.mark.usefixtures("cut_off")
def test_an_app_that_can_be_neither_stored_nor_deleted_is_named(
    flow: InstallFlow, caplog: pytest.LogCaptureFixture
) -> None:
    flow.slack.deletions.then(SlackBusy("timeout"))

    failure = not_made(flow, ONCE)

    assert failure.in_doubt
    assert MADE_APP.app_id in failure.message
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert vars(record)["app_id"] == MADE_APP.app_id
    assert not re.search("secret|xox", caplog.text)


def test_nothing_is_left_of_a_request_that_was_stored_though_the_store_did_not_say_so(
    flow: InstallFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StorageUnavailable("TimeoutError")

    def stored_but_not_said(pending: PendingInstallation) -> None:
        save(pending)
        away()

    save = flow.installs.pendings.save
    monkeypatch.setattr(resilience, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(flow.installs.pendings, "save", stored_but_not_said)
    before(monkeypatch, flow.installs.pendings, "remove", away)

    refused(flow, ONCE)

    assert flow.slack.deleted_apps == [(CONFIG_TOKEN, MADE_APP.app_id)]
    assert flow.installs.list(InstallationQuery()).items == ()
