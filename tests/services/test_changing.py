from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import (
    Changed,
    InstallRefused,
    SectorFlowBusy,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import (
    Installation,
    PendingInstallation,
    SectorFlowSettings,
    SettingsChange,
    Workspace,
)
from sectorflow_slack.services import Services
from sectorflow_slack.services.installs import InstallService
from tests.fakes import FakeSectorFlowClient
from tests.values import (
    API_TOKEN,
    MODEL_IDS,
    PLUS_ID,
    WORKSPACE_ID,
    FixedClock,
    make_installation,
    make_pending,
    make_terms,
)

ID = make_terms().id
OTHER_WORKSPACE = "00000000-ebe5-4e83-ae2b-3daf6ed02c22"


@pytest.fixture
def installs(services: Services) -> InstallService:
    return services.installs


@pytest.fixture(params=["installed", "pending"])
def kept(installs: InstallService, request: pytest.FixtureRequest) -> Installation | PendingInstallation:
    """An installation, once installed and once on its way there."""
    if request.param == "installed":
        installs.installations.save(make_installation(), None, None)
    else:
        installs.pendings.save(make_pending())
    found = installs.find(ID)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        (SettingsChange(app_name="New name"), "app_name", "New name"),
        (SettingsChange(display="tabs"), "display", "tabs"),
        (SettingsChange(allow_external_users=True), "allow_external_users", True),
    ],
)
def test_a_setting_is_changed_and_nothing_else(
    installs: InstallService, kept: Any, change: SettingsChange, field: str, value: Any
) -> None:
    changed = installs.change(ID, change)

    assert changed == replace(kept, terms=replace(kept.terms, **{field: value, "revision": 2}))
    assert installs.find(ID) == changed


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        (SettingsChange(api_token="a-new-token"), "api_token", "a-new-token"),
        (SettingsChange(workspace_id=OTHER_WORKSPACE), "workspace_id", OTHER_WORKSPACE),
        (SettingsChange(model_ids=MODEL_IDS[:1]), "model_ids", MODEL_IDS[:1]),
        (SettingsChange(plus_id=""), "plus_id", ""),
    ],
)
def test_what_sectorflow_is_asked_with_is_changed_and_nothing_else(
    installs: InstallService, kept: Any, change: SettingsChange, field: str, value: Any
) -> None:
    changed = installs.change(ID, change)

    assert changed is not None
    assert changed.terms.sectorflow == replace(kept.terms.sectorflow, **{field: value})
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
)
def test_a_change_of_nothing_leaves_the_revision_and_asks_nobody(
    installs: InstallService, kept: Any, sectorflow: FakeSectorFlowClient, change: SettingsChange
) -> None:
    assert installs.change(ID, change) == kept
    assert sectorflow.checked == []


def test_there_is_nothing_to_change_about_what_is_not_there(installs: InstallService) -> None:
    assert installs.change("nobody-has-this-id", SettingsChange(app_name="x")) is None


def test_a_new_token_or_workspace_is_checked_with_what_else_is_in_force(
    installs: InstallService, kept: Any, sectorflow: FakeSectorFlowClient
) -> None:
    installs.change(ID, SettingsChange(workspace_id=OTHER_WORKSPACE))
    installs.change(ID, SettingsChange(api_token="a-new-token"))

    assert [(token, workspace) for token, workspace, _ in sectorflow.checked] == [
        (API_TOKEN, OTHER_WORKSPACE),
        ("a-new-token", OTHER_WORKSPACE),
    ]


@pytest.mark.parametrize(
    ("error", "field"),
    [(TokenRefused("status 401"), "apiToken"), (WorkspaceMissing("status 404"), "workspaceId")],
)
def test_what_sectorflow_refuses_changes_nothing(
    installs: InstallService, kept: Any, sectorflow: FakeSectorFlowClient, error: Exception, field: str
) -> None:
    sectorflow.checks.then(error)

    with pytest.raises(InstallRefused) as caught:
        installs.change(ID, SettingsChange(api_token="a-new-token", app_name="New name"))

    assert caught.value.field == field
    assert installs.find(ID) == kept


def test_the_names_of_models_are_those_of_the_workspace_now(
    installs: InstallService, kept: Any, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.workspace = Workspace(WORKSPACE_ID, "Team", {MODEL_IDS[1]: "Claude"})

    changed = installs.change(ID, SettingsChange(model_ids=MODEL_IDS[1:2]))

    assert changed is not None
    assert changed.terms.sectorflow.model_names == {MODEL_IDS[1]: "Claude"}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (SettingsChange(model_ids=MODEL_IDS[:1]), {MODEL_IDS[0]: "GPT-4o"}),
        (SettingsChange(workspace_id=OTHER_WORKSPACE), {}),
    ],
    ids=["the same workspace", "another workspace"],
)
def test_where_sectorflow_is_away_a_change_counts_and_names_stay_that_may_be_right(
    installs: InstallService, sectorflow: FakeSectorFlowClient, change: SettingsChange, names: dict[str, str]
) -> None:
    settings = SectorFlowSettings(API_TOKEN, WORKSPACE_ID, MODEL_IDS, PLUS_ID, {MODEL_IDS[0]: "GPT-4o"})
    installs.installations.save(make_installation(make_terms(sectorflow=settings)), None, None)
    sectorflow.checks.then(SectorFlowBusy("x"))

    changed = installs.change(ID, change)

    assert changed is not None
    assert changed.terms.sectorflow.model_names == names
    assert changed.terms.revision == 2


def test_a_change_of_another_revision_than_the_present_one_is_refused(
    installs: InstallService, kept: Any
) -> None:
    installs.change(ID, SettingsChange(app_name="First"), revision=1)

    with pytest.raises(Changed):
        installs.change(ID, SettingsChange(app_name="Second"), revision=1)

    found = installs.find(ID)
    assert found is not None
    assert (found.terms.app_name, found.terms.revision) == ("First", 2)


def test_two_changes_at_once_both_count(
    installs: InstallService, kept: Any, sectorflow: FakeSectorFlowClient
) -> None:
    meanwhile(sectorflow, lambda: installs.change(ID, SettingsChange(app_name="Theirs")))

    installs.change(ID, SettingsChange(api_token="a-new-token"))

    found = installs.find(ID)
    assert found is not None
    assert (found.terms.app_name, found.terms.sectorflow.api_token) == ("Theirs", "a-new-token")
    assert found.terms.revision == 3
    assert len(sectorflow.checked) == 1


def test_of_two_changes_of_one_revision_at_once_one_is_refused(
    installs: InstallService, kept: Any, sectorflow: FakeSectorFlowClient
) -> None:
    meanwhile(sectorflow, lambda: installs.change(ID, SettingsChange(app_name="Theirs"), revision=1))

    with pytest.raises(Changed):
        installs.change(ID, SettingsChange(api_token="a-new-token"), revision=1)

    found = installs.find(ID)
    assert found is not None
    assert found.terms.sectorflow.api_token == API_TOKEN


def test_an_installation_that_is_changed_while_it_is_deleted_stays_deleted(
    installs: InstallService, kept: Any, sectorflow: FakeSectorFlowClient
) -> None:
    meanwhile(sectorflow, lambda: installs.delete(ID))

    assert installs.change(ID, SettingsChange(api_token="a-new-token")) is None
    assert installs.find(ID) is None


def test_an_installation_that_is_changed_while_it_is_installed_is_changed(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    installs.pendings.save(make_pending())
    meanwhile(sectorflow, lambda: installs.installations.save(make_installation(), None, None))

    changed = installs.change(ID, SettingsChange(api_token="a-new-token"))

    assert isinstance(changed, Installation)
    assert changed.terms.sectorflow.api_token == "a-new-token"


def meanwhile(sectorflow: FakeSectorFlowClient, happens: Callable[[], object]) -> None:
    """Have something happen once, while SectorFlow is asked."""
    play = sectorflow.checks.play

    def once() -> None:
        sectorflow.checks.play = play  # type: ignore[method-assign]
        happens()

    sectorflow.checks.play = once  # type: ignore[method-assign]


def test_what_has_failed_cannot_be_changed(installs: InstallService) -> None:
    installs.pendings.save(make_pending())
    installs.pendings.fail(ID, "already_installed")

    with pytest.raises(InstallRefused) as caught:
        installs.change(ID, SettingsChange(app_name="x"))

    assert caught.value.field == "status"


def test_what_has_expired_cannot_be_changed(installs: InstallService, clock: FixedClock) -> None:
    pending = make_pending()
    installs.pendings.save(pending)
    clock.now = pending.expires_at

    with pytest.raises(InstallRefused, match="expired"):
        installs.change(ID, SettingsChange(app_name="x"))
