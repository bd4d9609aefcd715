"""A key is lost: what stands under it is shown, changed, deleted and replaced all the same."""

from __future__ import annotations

import logging

import pytest
import redis

from sectorflow_slack.domain.errors import CannotDecrypt, Changed, ConsentRefused, InstallRefused
from sectorflow_slack.domain.installations import Installation, PendingInstallation, SettingsChange
from sectorflow_slack.services import Services
from sectorflow_slack.services.installs import InstallService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient
from tests.losing import INSTALLATION_SECRETS, lose
from tests.services.asking import request
from tests.services.consenting import go
from tests.values import BOT_TOKEN, CUSTOMERS_APP, MODEL_IDS, NOW, make_bot, make_pending

APP = f"app:{CUSTOMERS_APP.app_id}"


@pytest.fixture
def installs(services: Services) -> InstallService:
    return services.installs


@pytest.fixture
def installed(services: Services, slack: FakeSlackClient) -> Installation:
    """A customer's app, installed."""
    slack.bot = make_bot(app_id=CUSTOMERS_APP.app_id)
    return install(services)


@pytest.fixture
def place(installed: Installation) -> str:
    return f"installation:{installed.key}"


@pytest.fixture
def lost(installed: Installation, place: str, store: redis.Redis) -> Installation:
    """The same, after the key was lost."""
    lose(store, place, *INSTALLATION_SECRETS)
    lose(store, APP, "client_secret", "signing_secret")
    return installed


def install(services: Services, **changes: object) -> Installation:
    pending = services.installs.register(request(slack_app=CUSTOMERS_APP, **changes))
    assert isinstance(pending, PendingInstallation)
    return go(services.consent, pending.link)[0]


def test_an_app_that_was_deleted_because_of_it_is_installed_again_at_once(
    services: Services, lost: Installation
) -> None:
    assert services.installs.delete(lost.terms.id)

    again = install(services)

    assert services.installs.find(again.terms.id) == again
    assert services.events.signing_secrets(CUSTOMERS_APP.app_id) == (CUSTOMERS_APP.signing_secret,)


def test_an_installation_is_shown_without_its_secrets_and_told_by_place(
    installs: InstallService, lost: Installation, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        found = installs.find(lost.terms.id)

    assert isinstance(found, Installation)
    assert (found.terms.app_name, found.key) == (lost.terms.app_name, lost.key)
    assert (found.terms.sectorflow.api_token, found.bot.bot_token) == ("", "")
    assert [record.getMessage() for record in caplog.records] == [
        f"installation cannot be read: {place} api_token"
    ]


def test_whoever_needs_its_secrets_gets_nothing(installs: InstallService, lost: Installation) -> None:
    with pytest.raises(CannotDecrypt):
        installs.installations.find(lost.key)


def test_it_is_replaced_by_one_that_names_it(services: Services, lost: Installation) -> None:
    again = install(services, replaces=lost.terms.id)

    assert services.installs.find(lost.terms.id) is None
    assert services.installs.find(again.terms.id) == again


# Deleting


def test_a_bot_token_that_nobody_can_read_is_not_revoked(
    services: Services, lost: Installation, slack: FakeSlackClient
) -> None:
    assert services.installs.delete(lost.terms.id)

    services.revocations.finish_due()

    assert slack.revoked == []


def test_a_bot_token_that_can_be_read_is_revoked(
    services: Services,
    installed: Installation,
    place: str,
    slack: FakeSlackClient,
    store: redis.Redis,
) -> None:
    lose(store, place, "api_token")

    assert services.installs.delete(installed.terms.id)

    assert slack.revoked == [BOT_TOKEN]
    assert list(store.scan_iter("revocation*")) == []


def test_only_the_version_that_was_seen_is_deleted(installs: InstallService, lost: Installation) -> None:
    with pytest.raises(Changed):
        installs.delete(lost.terms.id, lost.terms.revision + 1)

    assert installs.delete(lost.terms.id, lost.terms.revision)


def test_one_that_waits_for_consent_is_shown_and_deleted_too(
    installs: InstallService, store: redis.Redis
) -> None:
    waiting = make_pending()
    installs.pendings.save(waiting)
    lose(store, f"pending-secrets:{waiting.terms.id}", "link", "api_token")

    found = installs.find(waiting.terms.id)

    assert isinstance(found, PendingInstallation)
    assert (found.status(NOW), found.link) == ("pending", "")
    assert installs.delete(waiting.terms.id)
    assert installs.find(waiting.terms.id) is None


# Changing


@pytest.mark.parametrize(
    "change", [SettingsChange(display="tabs"), SettingsChange(model_ids=(MODEL_IDS[0],))], ids=["how", "whom"]
)
def test_nothing_is_changed_without_a_token_in_the_place_of_the_lost_one(
    installs: InstallService,
    lost: Installation,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    place: str,
    change: SettingsChange,
) -> None:
    before, checked = store.hgetall(place), len(sectorflow.checked)

    with pytest.raises(InstallRefused, match="apiToken"):
        installs.change(lost.terms.id, change)

    assert store.hgetall(place) == before
    assert len(sectorflow.checked) == checked


def test_settings_change_while_another_secret_than_the_token_is_lost(
    installs: InstallService, installed: Installation, place: str, store: redis.Redis
) -> None:
    lose(store, place, "bot_token")

    installs.change(installed.terms.id, SettingsChange(display="tabs"))

    found = installs.find(installed.terms.id)
    assert found is not None
    assert (found.terms.display, found.terms.sectorflow) == ("tabs", installed.terms.sectorflow)


def test_a_new_token_takes_the_place_of_a_lost_one_and_the_app_answers_again(
    installs: InstallService, installed: Installation, place: str, store: redis.Redis
) -> None:
    lose(store, place, "api_token")

    installs.change(installed.terms.id, SettingsChange(api_token="a-new-token"))

    found = installs.installations.find(installed.key)
    assert found is not None
    assert (found.terms.sectorflow.api_token, found.bot) == ("a-new-token", installed.bot)


def test_a_consent_to_what_is_installed_already_is_refused_though_that_cannot_be_read(
    services: Services, lost: Installation, slack: FakeSlackClient
) -> None:
    with pytest.raises(ConsentRefused) as caught:
        install(services)

    assert caught.value.reason == "already_installed"
    assert slack.revoked == []
