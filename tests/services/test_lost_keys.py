"""Installations whose encryption key is lost are shown, changed, deleted and replaced all the same."""

from __future__ import annotations

import logging

import pytest

from sectorflow_slack.domain.errors import InstallRefused
from sectorflow_slack.domain.installations import Installation, PendingInstallation, SettingsChange
from tests.losing import INSTALLATION_SECRETS, lose
from tests.services.installing import ID, InstallFlow
from tests.values import BOT_TOKEN, CUSTOMERS_APP, MODEL_IDS, NOW, make_bot


@pytest.fixture
def installed(flow: InstallFlow) -> Installation:
    """A customer's app, installed."""
    flow.slack.bot = make_bot(app_id=CUSTOMERS_APP.app_id)
    return install(flow)


@pytest.fixture
def place(installed: Installation) -> str:
    return f"installation:{installed.key}"


@pytest.fixture
def lost(flow: InstallFlow, installed: Installation, place: str) -> Installation:
    """The same, after the key was lost."""
    lose(flow.store, place, *INSTALLATION_SECRETS)
    lose(flow.store, f"app:{CUSTOMERS_APP.app_id}", "client_secret", "signing_secret")
    return installed


def install(flow: InstallFlow, replaces: str | None = None) -> Installation:
    return flow.go(flow.register(slack_app=CUSTOMERS_APP, replaces=replaces).link)


def test_an_installation_is_shown_without_its_secrets_and_named_in_the_log(
    flow: InstallFlow, lost: Installation, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        found = flow.installs.find(lost.settings.id)

    assert isinstance(found, Installation)
    assert (found.settings.app_name, found.key) == (lost.settings.app_name, lost.key)
    assert (found.settings.sectorflow.api_token, found.bot.bot_token) == ("", "")
    assert [record.getMessage() for record in caplog.records] == [
        f"installation cannot be read: {place} api_token"
    ]


def test_an_installation_is_deleted_and_the_app_installed_again_at_once(
    flow: InstallFlow, lost: Installation
) -> None:
    assert flow.installs.delete(lost.settings.id)

    again = install(flow)

    assert flow.installs.find(again.settings.id) == again
    assert flow.services.events.signing_secrets(CUSTOMERS_APP.app_id) == (CUSTOMERS_APP.signing_secret,)


def test_an_installation_is_replaced_by_one_that_names_it(flow: InstallFlow, lost: Installation) -> None:
    again = install(flow, replaces=lost.settings.id)

    assert flow.installs.find(lost.settings.id) is None
    assert flow.installs.find(again.settings.id) == again


def test_consent_to_what_is_installed_already_is_refused(flow: InstallFlow, lost: Installation) -> None:
    pending = flow.register(slack_app=CUSTOMERS_APP)

    assert flow.refused(pending.link).reason == "already_installed"
    assert flow.slack.revoked == []


def test_an_installation_that_waits_for_consent_is_shown_and_deleted_too(flow: InstallFlow) -> None:
    flow.pend()
    lose(flow.store, f"pending-secrets:{ID}", "link", "api_token")

    found = flow.installs.find(ID)

    assert isinstance(found, PendingInstallation)
    assert (found.status(NOW), found.link) == ("pending", "")
    assert flow.installs.delete(ID)
    assert flow.installs.find(ID) is None


@pytest.mark.parametrize(
    ("names", "revoked"), [(INSTALLATION_SECRETS, []), (("api_token",), [BOT_TOKEN])], ids=["all", "another"]
)
def test_a_bot_token_is_revoked_unless_it_is_lost(
    flow: InstallFlow, installed: Installation, place: str, names: tuple[str, ...], revoked: list[str]
) -> None:
    lose(flow.store, place, *names)

    assert flow.installs.delete(installed.settings.id)
    flow.services.revocations.revoke_due()

    assert flow.slack.revoked == revoked
    assert list(flow.store.scan_iter("revocation*")) == []


@pytest.mark.parametrize(
    "change", [SettingsChange(display="tabs"), SettingsChange(model_ids=(MODEL_IDS[0],))], ids=["how", "whom"]
)
def test_nothing_is_changed_without_a_token_in_the_place_of_the_lost_one(
    flow: InstallFlow, lost: Installation, place: str, change: SettingsChange
) -> None:
    before, checked = flow.store.hgetall(place), len(flow.sectorflow.checked)

    with pytest.raises(InstallRefused, match="apiToken"):
        flow.installs.change(lost.settings.id, change)

    assert flow.store.hgetall(place) == before
    assert len(flow.sectorflow.checked) == checked


def test_a_new_token_takes_the_place_of_a_lost_one_and_the_app_answers_again(
    flow: InstallFlow, installed: Installation, place: str
) -> None:
    lose(flow.store, place, "api_token")

    flow.installs.change(installed.settings.id, SettingsChange(api_token="a-new-token"))

    found = flow.find(installed.key)
    assert found is not None
    assert (found.settings.sectorflow.api_token, found.bot) == ("a-new-token", installed.bot)


def test_settings_change_while_another_secret_than_the_token_is_lost(
    flow: InstallFlow, installed: Installation, place: str
) -> None:
    lose(flow.store, place, "bot_token")

    flow.installs.change(installed.settings.id, SettingsChange(display="tabs"))

    found = flow.installs.find(installed.settings.id)
    assert found is not None
    assert (found.settings.display, found.settings.sectorflow) == ("tabs", installed.settings.sectorflow)
