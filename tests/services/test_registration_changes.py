"""Installations that are changed and deleted, also while something else happens to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import (
    Changed,
    InstallRefused,
    SectorFlowBusy,
    SlackBusy,
    SlackRefused,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import (
    Installation,
    PendingInstallation,
    SectorFlowSettings,
    SettingsChange,
    Terms,
    Workspace,
)
from sectorflow_slack.services import Services
from sectorflow_slack.services.installs import InstallService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient
from tests.services.installing import ID, KEY, before
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    MODEL_IDS,
    NOW,
    PLUS_ID,
    WORKSPACE_ID,
    FixedClock,
    make_bot,
    make_installation,
    make_pending,
    make_terms,
)

OTHER_WORKSPACE = "00000000-ebe5-4e83-ae2b-3daf6ed02c22"
NEW_NAME = SettingsChange(app_name="New name")
NEW_TOKEN = SettingsChange(api_token="a-new-token")


@pytest.fixture(params=["installed", "pending"])
def stored(installs: InstallService, request: pytest.FixtureRequest) -> Installation | PendingInstallation:
    """An installation that is installed, or that waits for consent."""
    if request.param == "pending":
        installs.pendings.save(make_pending())
        return make_pending()
    return save(installs)


def save(installs: InstallService, installation: Installation | None = None) -> Installation:
    installation = installation or make_installation()
    installs.installations.save(installation, None, None)
    return installation


def terms_of(installs: InstallService) -> Terms:
    found = installs.find(ID)
    assert found is not None
    return found.terms


def with_sectorflow(**changes: Any) -> Terms:
    return make_terms(revision=2, sectorflow=replace(make_terms().sectorflow, **changes))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (NEW_NAME, make_terms(app_name="New name", revision=2)),
        (SettingsChange(display="tabs"), make_terms(display="tabs", revision=2)),
        (SettingsChange(allow_external_users=True), make_terms(allow_external_users=True, revision=2)),
        (NEW_TOKEN, with_sectorflow(api_token="a-new-token")),
        (SettingsChange(workspace_id=OTHER_WORKSPACE), with_sectorflow(workspace_id=OTHER_WORKSPACE)),
        (SettingsChange(model_ids=MODEL_IDS[:1]), with_sectorflow(model_ids=MODEL_IDS[:1])),
        (SettingsChange(plus_id=""), with_sectorflow(plus_id="")),
    ],
    ids=["app_name", "display", "allow_external_users", "api_token", "workspace_id", "model_ids", "plus_id"],
)
def test_a_setting_is_changed_and_nothing_else(
    installs: InstallService, stored: Any, change: SettingsChange, expected: Terms
) -> None:
    changed = installs.change(ID, change)

    assert changed == replace(stored, terms=expected)
    assert installs.find(ID) == changed


@pytest.mark.parametrize(
    "change",
    [
        SettingsChange(),
        SettingsChange(
            app_name="Acme Assistant",
            api_token=API_TOKEN,
            workspace_id=WORKSPACE_ID,
            model_ids=MODEL_IDS,
            plus_id=PLUS_ID,
            display="separated",
            allow_external_users=False,
        ),
    ],
    ids=["empty", "what is stored"],
)
def test_a_change_of_nothing_leaves_the_revision_and_asks_sectorflow_nothing(
    installs: InstallService, stored: Any, sectorflow: FakeSectorFlowClient, change: SettingsChange
) -> None:
    assert installs.change(ID, change) == stored
    assert sectorflow.checked == []


def test_an_id_that_is_not_there_can_be_neither_changed_nor_deleted(installs: InstallService) -> None:
    assert installs.change("another-id", NEW_NAME) is None
    assert not installs.delete("another-id")


def test_a_change_can_name_neither_app_nor_team_nor_customer() -> None:
    assert {field.name for field in fields(SettingsChange)} == {
        "app_name",
        "api_token",
        "workspace_id",
        "model_ids",
        "plus_id",
        "display",
        "allow_external_users",
    }


@pytest.mark.parametrize("end", ["failed", "expired"])
def test_an_installation_that_failed_or_expired_cannot_be_changed(
    installs: InstallService, clock: FixedClock, end: str
) -> None:
    put_an_end_to_pending(installs, clock, end)

    with pytest.raises(InstallRefused, match="status"):
        installs.change(ID, NEW_NAME)


# The check at SectorFlow


def test_a_new_token_or_workspace_is_checked_with_the_settings_in_force(
    installs: InstallService, stored: Any, sectorflow: FakeSectorFlowClient
) -> None:
    installs.change(ID, SettingsChange(workspace_id=OTHER_WORKSPACE))
    installs.change(ID, NEW_TOKEN)

    assert [(token, workspace) for token, workspace, _ in sectorflow.checked] == [
        (API_TOKEN, OTHER_WORKSPACE),
        ("a-new-token", OTHER_WORKSPACE),
    ]


@pytest.mark.parametrize(
    ("error", "field"),
    [(TokenRefused("status 401"), "apiToken"), (WorkspaceMissing("status 404"), "workspaceId")],
)
def test_a_change_that_sectorflow_refuses_changes_nothing(
    installs: InstallService, stored: Any, sectorflow: FakeSectorFlowClient, error: Exception, field: str
) -> None:
    sectorflow.checks.then(error)

    with pytest.raises(InstallRefused) as caught:
        installs.change(ID, replace(NEW_TOKEN, app_name="New name"))

    assert caught.value.field == field
    assert installs.find(ID) == stored


def test_models_get_the_names_that_the_workspace_has_for_them_now(
    installs: InstallService, stored: Any, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.workspace = Workspace(WORKSPACE_ID, "Team", {MODEL_IDS[1]: "Claude"})

    installs.change(ID, SettingsChange(model_ids=MODEL_IDS[1:2]))

    assert terms_of(installs).sectorflow.model_names == {MODEL_IDS[1]: "Claude"}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (SettingsChange(model_ids=MODEL_IDS[:1]), {MODEL_IDS[0]: "GPT-4o"}),
        (SettingsChange(workspace_id=OTHER_WORKSPACE), {}),
    ],
    ids=["the same workspace", "another workspace"],
)
def test_a_change_while_sectorflow_is_away_keeps_the_names_that_may_be_right(
    installs: InstallService, sectorflow: FakeSectorFlowClient, change: SettingsChange, names: dict[str, str]
) -> None:
    settings = SectorFlowSettings(API_TOKEN, WORKSPACE_ID, MODEL_IDS, PLUS_ID, {MODEL_IDS[0]: "GPT-4o"})
    save(installs, make_installation(make_terms(sectorflow=settings)))
    sectorflow.checks.then(SectorFlowBusy("x"))

    installs.change(ID, change)

    assert (terms_of(installs).revision, terms_of(installs).sectorflow.model_names) == (2, names)


# Changes that meet something else


def test_two_changes_at_once_both_count(
    installs: InstallService, stored: Any, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.checks.then(lambda: installs.change(ID, NEW_NAME))

    installs.change(ID, NEW_TOKEN)

    assert terms_of(installs) == replace(
        with_sectorflow(api_token="a-new-token"), app_name="New name", revision=3
    )
    assert len(sectorflow.checked) == 1


@pytest.mark.parametrize("at_once", [True, False])
def test_of_two_changes_of_one_revision_the_first_counts(
    installs: InstallService, stored: Any, sectorflow: FakeSectorFlowClient, at_once: bool
) -> None:
    if at_once:
        sectorflow.checks.then(lambda: installs.change(ID, NEW_NAME, revision=1))
    else:
        installs.change(ID, NEW_NAME, revision=1)

    with pytest.raises(Changed):
        installs.change(ID, NEW_TOKEN, revision=1)

    assert terms_of(installs) == make_terms(app_name="New name", revision=2)


def test_an_installation_that_is_deleted_while_it_is_changed_stays_deleted(
    installs: InstallService, stored: Any, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.checks.then(lambda: installs.delete(ID))

    assert installs.change(ID, NEW_TOKEN) is None
    assert installs.find(ID) is None


def test_an_installation_that_is_installed_while_it_is_changed_is_changed(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    installs.pendings.save(make_pending())
    sectorflow.checks.then(lambda: save(installs))

    changed = installs.change(ID, NEW_TOKEN)

    assert changed == make_installation(with_sectorflow(api_token="a-new-token"))


# Deleting


def test_an_installation_is_forgotten_once_and_its_token_revoked(
    installs: InstallService, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    save(installs)

    assert [installs.delete(ID), installs.delete(ID)] == [True, False]

    assert installs.find(ID) is None
    assert installs.installations.find(KEY) is None
    services.revocations.finish_due()
    assert slack.revoked == [BOT_TOKEN]
    assert list(store.scan_iter("revocation:*")) == []


def put_an_end_to_pending(installs: InstallService, clock: FixedClock, end: str) -> None:
    installs.pendings.save(make_pending())
    if end == "failed":
        installs.pendings.fail(ID, "other_app")
    if end == "expired":
        clock.now = make_pending().expires_at


@pytest.mark.parametrize("end", ["pending", "failed", "expired"])
def test_an_installation_that_is_not_installed_is_forgotten_with_its_link(
    installs: InstallService, slack: FakeSlackClient, clock: FixedClock, end: str
) -> None:
    put_an_end_to_pending(installs, clock, end)

    assert [installs.delete(ID), installs.delete(ID)] == [True, False]

    assert installs.find(ID) is None
    assert installs.pendings.find_by_link(make_pending().link) is None
    assert slack.revoked == []


@pytest.mark.parametrize("error", [SlackBusy("ratelimited", 30.0), SlackRefused("odd")])
def test_a_token_that_slack_does_not_revoke_at_once_is_revoked_by_workers(
    installs: InstallService, services: Services, slack: FakeSlackClient, error: Exception
) -> None:
    save(installs)
    slack.revocations.then(error)

    assert installs.delete(ID)

    assert installs.find(ID) is None
    services.revocations.finish_due()
    assert slack.revoked == [BOT_TOKEN, BOT_TOKEN]


def test_a_token_that_is_renewed_from_time_to_time_is_revoked_by_workers(
    installs: InstallService, services: Services, slack: FakeSlackClient
) -> None:
    bot = make_bot(refresh_token="a-refresh-token", token_expires_at=NOW + 9000)
    save(installs, make_installation(bot=bot))

    installs.delete(ID)

    assert slack.revoked == []
    services.revocations.finish_due()
    assert slack.revoked == [BOT_TOKEN]


@pytest.mark.parametrize("step", ["remove", "find"])
def test_an_installation_that_is_installed_while_it_is_deleted_is_deleted(
    installs: InstallService, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    installs.pendings.save(make_pending())
    before(monkeypatch, installs.pendings, step, lambda: save(installs))

    assert installs.delete(ID)

    assert installs.find(ID) is None
    assert installs.installations.find(KEY) is None
    assert slack.revoked == [BOT_TOKEN]


@pytest.mark.parametrize("revision", [1, None])
def test_an_installation_that_is_changed_while_it_is_deleted_is_deleted_unless_a_revision_was_named(
    installs: InstallService, monkeypatch: pytest.MonkeyPatch, revision: int | None
) -> None:
    save(installs)
    before(monkeypatch, installs.installations, "remove", lambda: installs.change(ID, NEW_NAME))

    if revision is None:
        assert installs.delete(ID)
    else:
        with pytest.raises(Changed):
            installs.delete(ID, revision)

    assert (installs.find(ID) is None) is (revision is None)


def test_an_installation_that_replaced_another_is_not_deleted_by_the_id_of_that(
    installs: InstallService, slack: FakeSlackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(installs)
    newer = make_installation(make_terms(id="newer"))
    replaced: Callable[[], object] = lambda: installs.installations.save(newer, None, ID)  # noqa: E731
    before(monkeypatch, installs.installations, "remove", replaced)

    assert not installs.delete(ID)

    assert installs.find("newer") == newer
    assert slack.revoked == []
