"""A Slack app is created by manifest for a request with an app configuration token."""

from __future__ import annotations

import logging
import re
from types import SimpleNamespace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import (
    AppNotCreated,
    InstallRefused,
    ManifestRefused,
    SectorFlowSlackError,
    SlackBusy,
    SlackRefused,
    StorageUnavailable,
    TokenRefused,
)
from sectorflow_slack.domain.installations import IdempotencyKey, InstallationQuery, PendingInstallation
from sectorflow_slack.services import registration, resilience
from sectorflow_slack.services.app_creation import MIN_SECONDS, TOKEN_ERRORS
from sectorflow_slack.services.registration import SHORT_CHECK_SECONDS
from tests.fakes import MADE_APP
from tests.services.installing import ONCE, InstallFlow, before
from tests.values import OWN_APP, TEAM_ID

CONFIG_TOKEN = "xoxe.xoxp-that-must-stay-secret"
FAULTS = {"/settings/event_subscriptions/request_url": ("URL didn't respond.",)}
#: Slack may or may not have created an app.
IN_DOUBT = [SlackBusy("timeout"), SlackBusy("fatal_error"), SlackBusy("failed_creating_app")]
#: Slack has created none.
NOT_CREATED = [
    ManifestRefused("invalid_manifest", FAULTS),
    SlackRefused("token_expired"),
    SlackRefused("enterprise_is_restricted"),
    SlackBusy("ratelimited", 30.0),
    SlackBusy("connection", never_sent=True),
]


def create(flow: InstallFlow, key: IdempotencyKey | None = None, **changes: Any) -> PendingInstallation:
    return flow.register(key, config_token=CONFIG_TOKEN, **changes)


def refused(flow: InstallFlow, key: IdempotencyKey | None = None, **changes: Any) -> SectorFlowSlackError:
    with pytest.raises(SectorFlowSlackError) as caught:
        create(flow, key, **changes)
    assert CONFIG_TOKEN not in str(caught.value)
    return caught.value


def test_an_app_is_created_for_a_request_with_a_configuration_token(flow):
    pending = create(flow)

    assert (pending.settings.app_id, pending.slack_app) == (MADE_APP.app_id, MADE_APP)
    assert flow.registration.find(pending.settings.id) == pending
    ((token, manifest, _),) = flow.slack.created
    assert token == CONFIG_TOKEN
    assert manifest["display_information"]["name"] == "Acme Assistant"
    assert manifest["oauth_config"]["redirect_urls"] == ["https://slack.example.com/slack/oauth_redirect"]


@pytest.mark.parametrize(
    ("created_in", "requested", "pinned"),
    [
        (TEAM_ID, None, TEAM_ID),
        (TEAM_ID, TEAM_ID, TEAM_ID),
        (TEAM_ID, "E0ORG", "E0ORG"),
        (None, None, None),
        (None, "T0SAID", "T0SAID"),
    ],
)
def test_an_app_is_pinned_to_its_workspace_or_the_requested_org(flow, created_in, requested, pinned):
    flow.slack.made_in = created_in

    assert create(flow, team_id=requested).team_id == pinned


def test_an_app_in_another_workspace_than_requested_is_deleted_again(flow):
    error = refused(flow, team_id="T0OTHER")

    assert isinstance(error, InstallRefused)
    assert str(error) == "teamId: The app configuration token is for another Slack workspace."
    assert flow.slack.deleted_apps == [(CONFIG_TOKEN, MADE_APP.app_id)]
    assert flow.registration.list(InstallationQuery()).items == ()


def test_the_service_neither_uses_nor_deletes_its_own_app_as_a_new_one(flow):
    flow.slack.made_app = OWN_APP

    assert isinstance(refused(flow), AppNotCreated)

    assert flow.slack.deleted_apps == []


def test_the_configuration_token_is_neither_stored_nor_logged(flow, caplog):
    caplog.set_level(logging.DEBUG)
    sealed: list[str] = []
    cipher = flow.registration.pendings._cipher
    seal = cipher.seal
    cipher.seal = lambda place, name, value: sealed.append(value) or seal(place, name, value)

    create(flow, ONCE)

    assert sealed
    assert CONFIG_TOKEN not in sealed
    assert not any(CONFIG_TOKEN in str(vars(record)) for record in caplog.records)


def test_no_app_is_created_for_a_token_that_sectorflow_refuses(flow):
    flow.sectorflow.checks.then(TokenRefused("status 401"))

    refused(flow)

    assert flow.slack.created == []


def test_slack_gets_the_time_that_sectorflow_leaves(flow, monkeypatch):
    time = SimpleNamespace(now=100.0, monotonic=lambda: time.now)
    monkeypatch.setattr(registration, "time", time)
    flow.sectorflow.checks.then(lambda: setattr(time, "now", 103.0))

    create(flow)

    ((_, _, check_seconds),) = flow.sectorflow.checked
    ((_, _, left),) = flow.slack.created
    assert (check_seconds, left) == (SHORT_CHECK_SECONDS, registration.BUDGET_SECONDS - 3.0)
    assert registration.BUDGET_SECONDS - check_seconds > 6 * MIN_SECONDS


def test_an_app_that_cannot_be_created_in_time_is_not_begun(flow):
    with pytest.raises(AppNotCreated, match=r"^No time was left .* Try again\.$") as caught:
        flow.registration.app_creator.create("Acme", CONFIG_TOKEN, None, 0.9)

    assert not caught.value.in_doubt
    assert flow.slack.created == []


# Slack refuses, or does not answer


@pytest.mark.parametrize(
    ("error", "text", "faults"),
    [
        (
            ManifestRefused("invalid_manifest", FAULTS),
            "Slack refused the app's manifest; no app was created.",
            FAULTS,
        ),
        (SlackRefused("enterprise_is_restricted"), "Slack created no app: enterprise_is_restricted.", {}),
    ],
)
def test_slacks_messages_about_a_refusal_are_passed_on(flow, error, text, faults):
    flow.slack.creations.then(error)

    failure = refused(flow)

    assert failure.message == text
    assert (failure.faults, failure.in_doubt) == (faults, False)


#: Slack's codes for invalid and expired tokens, and for other kinds of tokens.
REFUSED_TOKENS = {"invalid_auth", "not_allowed_token_type", "token_expired", "token_revoked"}


@pytest.mark.parametrize("code", sorted(TOKEN_ERRORS | REFUSED_TOKENS))
def test_a_configuration_token_that_slack_refuses_is_a_wrong_field(flow, code):
    flow.slack.creations.then(SlackRefused(code))

    error = refused(flow)

    assert isinstance(error, InstallRefused)
    assert error.field == "slackApp.configToken"
    assert code in error.message


@pytest.mark.parametrize("error", NOT_CREATED, ids=str)
def test_if_no_app_was_created_the_same_key_may_be_tried_again(flow, error):
    flow.slack.creations.then(error)
    refused(flow, ONCE)

    pending = create(flow, ONCE)

    assert pending.settings.app_id == MADE_APP.app_id
    assert create(flow, ONCE) == pending
    assert len(flow.slack.created) == 2


@pytest.mark.parametrize("error", [*IN_DOUBT, KeyboardInterrupt()], ids=repr)
def test_if_an_app_may_have_been_created_the_key_creates_no_other(flow, error, lapse):
    flow.slack.creations.then(error)
    with pytest.raises((AppNotCreated, KeyboardInterrupt)) as first:
        create(flow, ONCE)
    lapse()

    failure = refused(flow, ONCE)

    assert first.value is error or first.value.in_doubt
    assert failure.in_doubt
    assert "api.slack.com/apps" in failure.message
    assert len(flow.slack.created) == 1
    assert create(flow, IdempotencyKey("another-key", ONCE.fingerprint)).slack_app == MADE_APP


# The store is down


@pytest.fixture
def cut_off(flow, redis_server, monkeypatch):
    """The store goes down while Slack creates the app."""
    monkeypatch.setattr(registration, "REMOVE_SECONDS", 0.0)
    flow.slack.creations.then(lambda: setattr(redis_server, "connected", False))


def test_slack_is_not_called_if_that_cannot_be_recorded(flow, redis_server):
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        flow.registration.app_creator.create("Acme", CONFIG_TOKEN, ONCE, 5.0)

    assert flow.slack.created == []


@pytest.mark.usefixtures("cut_off")
def test_an_app_that_cannot_be_stored_is_deleted_again(flow):
    assert isinstance(refused(flow, ONCE), StorageUnavailable)
    assert flow.slack.deleted_apps == [(CONFIG_TOKEN, MADE_APP.app_id)]


@pytest.mark.usefixtures("cut_off")
def test_an_app_that_can_be_neither_stored_nor_deleted_is_named(flow, caplog):
    flow.slack.deletions.then(SlackBusy("timeout"))

    failure = refused(flow, ONCE)

    assert failure.in_doubt
    assert MADE_APP.app_id in failure.message
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert vars(record)["app_id"] == MADE_APP.app_id
    assert not re.search("secret|xox", caplog.text)


def test_a_request_that_was_stored_though_the_store_raised_is_removed(flow, monkeypatch):
    def down(*_: object) -> None:
        raise StorageUnavailable("TimeoutError")

    def save_and_raise(pending: PendingInstallation) -> None:
        save(pending)
        down()

    save = flow.registration.pendings.save
    monkeypatch.setattr(resilience, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(flow.registration.pendings, "save", save_and_raise)
    before(monkeypatch, flow.registration.pendings, "remove", down)

    refused(flow, ONCE)

    assert flow.slack.deleted_apps == [(CONFIG_TOKEN, MADE_APP.app_id)]
    assert flow.registration.list(InstallationQuery()).items == ()
