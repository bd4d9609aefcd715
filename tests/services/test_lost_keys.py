"""Installations whose encryption key is lost can still be shown, changed, deleted and replaced."""

from __future__ import annotations

import logging

import pytest

from sectorflow_slack.domain.errors import InstallIncomplete, InstallRefused
from sectorflow_slack.domain.installations import Installation, InstallationKey, SettingsChange
from tests.losing import INSTALLATION_SECRETS, lose
from tests.services.installing import ID, InstallFlow
from tests.values import BOT_TOKEN, CUSTOMERS_APP, MODEL_IDS, NOW, TEAM_ID, make_bot

TABS = SettingsChange(display="tabs")


def install(flow: InstallFlow, replaces: str | None = None) -> Installation:
    return flow.go(flow.register(slack_app=CUSTOMERS_APP, replaces=replaces).link)


@pytest.fixture
def installed(flow):
    """A customer's app, installed."""
    flow.slack.bot = make_bot(app_id=CUSTOMERS_APP.app_id)
    return install(flow)


@pytest.fixture
def place(installed):
    return f"installation:{installed.key}"


@pytest.fixture
def lost(flow, installed, place):
    """The same, after the key was lost."""
    lose(flow.store, place, *INSTALLATION_SECRETS)
    lose(flow.store, f"app:{CUSTOMERS_APP.app_id}", "client_secret", "signing_secret")
    return installed


def test_an_installation_is_shown_without_its_secrets_and_logged(flow, lost, place, caplog):
    with caplog.at_level(logging.ERROR):
        found = flow.registration.find(lost.settings.id)

    assert (found.settings.app_name, found.key) == (lost.settings.app_name, lost.key)
    assert (found.settings.sectorflow.api_token, found.bot.bot_token) == ("", "")
    assert caplog.messages == [f"installation cannot be read: {place} api_token"]


def test_an_installation_is_deleted_and_the_app_installed_again(flow, lost):
    assert flow.registration.delete(lost.settings.id)

    again = install(flow)

    assert flow.registration.find(again.settings.id) == again
    assert flow.services.events.signing_secrets(CUSTOMERS_APP.app_id) == (CUSTOMERS_APP.signing_secret,)


def test_an_installation_is_replaced_by_a_request_that_names_it(flow, lost):
    again = install(flow, replaces=lost.settings.id)

    assert flow.registration.find(lost.settings.id) is None
    assert flow.registration.find(again.settings.id) == again


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, "already_installed"),
        (InstallIncomplete("a-token", InstallationKey(CUSTOMERS_APP.app_id, TEAM_ID)), "slack_error"),
    ],
    ids=["complete", "incomplete"],
)
def test_consent_to_an_installed_app_is_refused_and_no_token_revoked(flow, lost, error, reason):
    pending = flow.register(slack_app=CUSTOMERS_APP)
    flow.slack.exchanges.then(error)

    assert flow.refused(pending.link).reason == reason
    assert flow.slack.revoked == []


def test_a_pending_installation_is_shown_and_deleted_too(flow):
    flow.pend()
    lose(flow.store, f"pending-secrets:{ID}", "link", "api_token")

    found = flow.registration.find(ID)

    assert (found.status(NOW), found.link) == ("pending", "")
    assert flow.registration.delete(ID)
    assert flow.registration.find(ID) is None


@pytest.mark.parametrize(
    ("names", "revoked"), [(INSTALLATION_SECRETS, []), (("api_token",), [BOT_TOKEN])], ids=["all", "another"]
)
def test_a_bot_token_is_revoked_unless_it_is_lost(flow, installed, place, names, revoked):
    lose(flow.store, place, *names)

    assert flow.registration.delete(installed.settings.id)
    flow.services.revocations.revoke_due()

    assert flow.slack.revoked == revoked
    assert list(flow.store.scan_iter("revocation*")) == []


@pytest.mark.parametrize("change", [TABS, SettingsChange(model_ids=MODEL_IDS[:1])], ids=["display", "models"])
def test_no_setting_is_changed_without_a_new_token_for_the_lost_one(flow, lost, place, change):
    before, checked = flow.store.hgetall(place), len(flow.sectorflow.checked)

    with pytest.raises(InstallRefused, match=r"^apiToken: The stored token cannot be decrypted"):
        flow.registration.change(lost.settings.id, change)

    assert flow.store.hgetall(place) == before
    assert len(flow.sectorflow.checked) == checked


def test_a_new_token_replaces_a_lost_one_and_the_app_answers_again(flow, installed, place):
    lose(flow.store, place, "api_token")

    flow.registration.change(installed.settings.id, SettingsChange(api_token="a-new-token"))

    found = flow.find(installed.key)
    assert (found.settings.sectorflow.api_token, found.bot) == ("a-new-token", installed.bot)


def test_settings_change_while_another_secret_than_the_token_is_lost(flow, installed, place):
    lose(flow.store, place, "bot_token")

    flow.registration.change(installed.settings.id, TABS)

    settings = flow.registration.find(installed.settings.id).settings
    assert (settings.display, settings.sectorflow) == ("tabs", installed.settings.sectorflow)
