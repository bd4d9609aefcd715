from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from sectorflow_slack.domain.errors import Changed, SlackBusy, SlackRefused
from sectorflow_slack.domain.installations import InstallationKey, SettingsChange
from sectorflow_slack.services import Services
from sectorflow_slack.services.installs import InstallService
from tests.fakes import FakeSlackClient
from tests.values import (
    BOT_TOKEN,
    NOW,
    OWN_APP,
    TEAM_ID,
    FixedClock,
    make_bot,
    make_installation,
    make_pending,
    make_terms,
)

ID = make_terms().id
KEY = InstallationKey(OWN_APP.app_id, TEAM_ID)


@pytest.fixture
def installs(services: Services) -> InstallService:
    return services.installs


def test_an_installation_is_forgotten_and_its_token_revoked(
    installs: InstallService, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    installs.installations.save(make_installation(), None, None)

    assert installs.delete(ID)

    assert installs.find(ID) is None
    assert installs.installations.find(KEY) is None
    assert slack.revoked == [BOT_TOKEN]
    services.revocations.finish_due()
    assert slack.revoked == [BOT_TOKEN]
    assert list(store.scan_iter("revocation:*")) == []


def test_what_is_deleted_is_gone(installs: InstallService) -> None:
    installs.installations.save(make_installation(), None, None)

    assert [installs.delete(ID), installs.delete(ID)] == [True, False]


def test_what_was_never_there_cannot_be_deleted(installs: InstallService) -> None:
    assert not installs.delete("nobody-has-this-id")


@pytest.mark.parametrize("end", ["pending", "failed", "expired"])
def test_what_is_not_installed_is_forgotten_with_its_link(
    installs: InstallService, services: Services, slack: FakeSlackClient, clock: FixedClock, end: str
) -> None:
    pending = make_pending()
    installs.pendings.save(pending)
    if end == "failed":
        installs.pendings.fail(ID, "other_app")
    if end == "expired":
        clock.now = pending.expires_at

    assert installs.delete(ID)

    assert installs.find(ID) is None
    assert installs.pendings.find_by_link(pending.link) is None
    assert not installs.delete(ID)
    assert slack.revoked == []


@pytest.mark.parametrize("error", [SlackBusy("timeout"), SlackBusy("ratelimited", 30.0), SlackRefused("odd")])
def test_where_slack_does_not_revoke_at_once_workers_do_it_later(
    installs: InstallService, services: Services, slack: FakeSlackClient, error: Exception
) -> None:
    installs.installations.save(make_installation(), None, None)
    slack.revocations.then(error)

    assert installs.delete(ID)

    assert installs.find(ID) is None
    services.revocations.finish_due()
    assert slack.revoked == [BOT_TOKEN, BOT_TOKEN]


def test_a_token_that_is_renewed_from_time_to_time_is_revoked_by_workers(
    installs: InstallService, services: Services, slack: FakeSlackClient
) -> None:
    bot = make_bot(refresh_token="a-refresh-token", token_expires_at=NOW + 9000)
    installs.installations.save(make_installation(bot=bot), None, None)

    installs.delete(ID)

    assert slack.revoked == []
    services.revocations.finish_due()
    assert slack.revoked == [BOT_TOKEN]


def test_an_installation_that_comes_about_while_it_is_deleted_is_deleted(
    installs: InstallService, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    installs.pendings.save(make_pending())
    before(monkeypatch, installs.pendings, "remove", lambda: save(installs))

    assert installs.delete(ID)

    assert installs.find(ID) is None
    assert installs.installations.find(KEY) is None
    assert slack.revoked == [BOT_TOKEN]


def test_an_installation_that_comes_about_while_it_is_looked_for_is_found(
    installs: InstallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    installs.pendings.save(make_pending())
    before(monkeypatch, installs.pendings, "find", lambda: save(installs))

    assert installs.delete(ID)

    assert installs.installations.find(KEY) is None


@pytest.mark.parametrize("seen", [1, None])
def test_what_is_changed_while_it_is_deleted_is_deleted_unless_another_version_was_meant(
    installs: InstallService, monkeypatch: pytest.MonkeyPatch, seen: int | None
) -> None:
    save(installs)
    change = SettingsChange(display="tabs")
    before(monkeypatch, installs.installations, "remove", lambda: installs.change(ID, change))

    if seen is None:
        assert installs.delete(ID)
    else:
        with pytest.raises(Changed):
            installs.delete(ID, seen)

    assert (installs.find(ID) is None) is (seen is None)


def test_the_installation_that_replaced_another_is_not_deleted_by_the_others_id(
    installs: InstallService, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(installs)
    newer = make_installation(make_terms(id="newer"))
    before(
        monkeypatch, installs.installations, "remove", lambda: installs.installations.save(newer, None, ID)
    )

    assert not installs.delete(ID)

    assert installs.find("newer") == newer
    assert slack.revoked == []


def save(installs: InstallService) -> None:
    installs.installations.save(make_installation(), None, None)


def before(monkeypatch: pytest.MonkeyPatch, store, name: str, happens: Callable[[], object]) -> None:
    """Have something happen once, just before a store is asked."""
    real = getattr(store, name)

    def asked(*args: object) -> object:
        monkeypatch.setattr(store, name, real)
        happens()
        return real(*args)

    monkeypatch.setattr(store, name, asked)
