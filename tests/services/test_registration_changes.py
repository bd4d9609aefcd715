"""Installations that are changed and deleted, also while something else happens to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import (
    InstallRefused,
    RevisionConflict,
    SectorFlowBusy,
    SlackBusy,
    SlackRefused,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import (
    BotInstall,
    Installation,
    InstallationSettings,
    PendingInstallation,
    SettingsChange,
    Workspace,
)
from tests.services.installing import ID, LINK, InstallFlow, before
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    MODEL_IDS,
    NOW,
    PLUS_ID,
    WORKSPACE_ID,
    make_bot,
    make_installation,
    make_pending,
    make_terms,
)

OTHER_WORKSPACE = "00000000-ebe5-4e83-ae2b-3daf6ed02c22"
NEW_NAME = SettingsChange(app_name="New name")
NEW_TOKEN = SettingsChange(api_token="a-new-token")
NEW_WORKSPACE = SettingsChange(workspace_id=OTHER_WORKSPACE)
NEW_MODELS = SettingsChange(model_ids=MODEL_IDS[:1])


@pytest.fixture(params=["installed", "pending"])
def stored(flow: InstallFlow, request: pytest.FixtureRequest) -> Installation | PendingInstallation:
    """An installation that is installed, or that waits for consent."""
    return flow.install() if request.param == "installed" else flow.pend()


def terms_now(flow: InstallFlow) -> InstallationSettings:
    found = flow.installs.find(ID)
    assert found is not None
    return found.settings


def with_sectorflow(**changes: Any) -> InstallationSettings:
    """Return the terms after one change of what SectorFlow is asked with."""
    return make_terms(revision=2, sectorflow=replace(make_terms().sectorflow, **changes))


def pend_until(flow: InstallFlow, end: str) -> None:
    """Store an installation that waits for consent, failed or expired."""
    flow.pend()
    if end == "failed":
        flow.consent.pendings.fail(ID, "other_app")
    if end == "expired":
        flow.clock.now = make_pending().expires_at


@pytest.mark.parametrize(
    ("change", "expected", "checked"),
    [
        (NEW_NAME, make_terms(app_name="New name", revision=2), []),
        (SettingsChange(display="tabs"), make_terms(display="tabs", revision=2), []),
        (SettingsChange(allow_external_users=True), make_terms(allow_external_users=True, revision=2), []),
        (SettingsChange(plus_id=""), with_sectorflow(plus_id=""), []),
        (NEW_MODELS, with_sectorflow(model_ids=MODEL_IDS[:1]), [(API_TOKEN, WORKSPACE_ID)]),
        (NEW_TOKEN, with_sectorflow(api_token="a-new-token"), [("a-new-token", WORKSPACE_ID)]),
        (NEW_WORKSPACE, with_sectorflow(workspace_id=OTHER_WORKSPACE), [(API_TOKEN, OTHER_WORKSPACE)]),
    ],
    ids=["app_name", "display", "allow_external_users", "plus_id", "model_ids", "api_token", "workspace_id"],
)
def test_a_setting_is_changed_and_nothing_else_after_a_check_with_the_settings_in_force(
    flow: InstallFlow,
    stored: Any,
    change: SettingsChange,
    expected: InstallationSettings,
    checked: list[tuple[str, str]],
) -> None:
    changed = flow.installs.change(ID, change)

    assert changed == replace(stored, settings=expected)
    assert flow.installs.find(ID) == changed
    assert [(token, workspace) for token, workspace, _ in flow.sectorflow.checked] == checked


@pytest.mark.parametrize(
    "change",
    [
        SettingsChange(),
        SettingsChange("Acme Assistant", API_TOKEN, WORKSPACE_ID, MODEL_IDS, PLUS_ID, "separated", False),
    ],
    ids=["empty", "what is stored"],
)
def test_a_change_of_nothing_leaves_the_revision_and_asks_sectorflow_nothing(
    flow: InstallFlow, stored: Any, change: SettingsChange
) -> None:
    assert flow.installs.change(ID, change) == stored
    assert flow.sectorflow.checked == []


@pytest.mark.parametrize("end", ["failed", "expired"])
def test_an_installation_that_failed_or_expired_cannot_be_changed(flow: InstallFlow, end: str) -> None:
    pend_until(flow, end)

    with pytest.raises(InstallRefused, match="status"):
        flow.installs.change(ID, NEW_NAME)


def test_an_id_that_is_not_there_can_be_neither_changed_nor_deleted(flow: InstallFlow) -> None:
    assert flow.installs.change("another-id", NEW_NAME) is None
    assert not flow.installs.delete("another-id")


# The check at SectorFlow


@pytest.mark.parametrize(
    ("error", "field"),
    [(TokenRefused("status 401"), "apiToken"), (WorkspaceMissing("status 404"), "workspaceId")],
)
def test_a_change_that_sectorflow_refuses_changes_nothing(
    flow: InstallFlow, stored: Any, error: Exception, field: str
) -> None:
    flow.sectorflow.checks.then(error)

    with pytest.raises(InstallRefused, match=field):
        flow.installs.change(ID, replace(NEW_TOKEN, app_name="New name"))

    assert flow.installs.find(ID) == stored


@pytest.mark.parametrize(
    ("away", "change", "names"),
    [
        (None, NEW_MODELS, {MODEL_IDS[0]: "New name"}),
        (SectorFlowBusy("x"), NEW_MODELS, {MODEL_IDS[0]: "Old name"}),
        (SectorFlowBusy("x"), NEW_WORKSPACE, {}),
    ],
    ids=["checked", "SectorFlow is away", "SectorFlow is away, and the workspace another"],
)
def test_models_get_the_names_of_the_workspace_or_keep_those_that_may_be_right(
    flow: InstallFlow, away: Exception | None, change: SettingsChange, names: dict[str, str]
) -> None:
    settings = replace(make_terms().sectorflow, model_names={MODEL_IDS[0]: "Old name"})
    flow.install(make_installation(make_terms(sectorflow=settings)))
    flow.sectorflow.workspace = Workspace(WORKSPACE_ID, "Team", {MODEL_IDS[0]: "New name"})
    flow.sectorflow.checks.then(away)

    flow.installs.change(ID, change)

    assert (terms_now(flow).revision, terms_now(flow).sectorflow.model_names) == (2, names)


# Changes that meet something else


def test_two_changes_at_once_both_count(flow: InstallFlow, stored: Any) -> None:
    flow.sectorflow.checks.then(lambda: flow.installs.change(ID, NEW_NAME))

    flow.installs.change(ID, NEW_TOKEN)

    both = replace(with_sectorflow(api_token="a-new-token"), app_name="New name", revision=3)
    assert terms_now(flow) == both
    assert len(flow.sectorflow.checked) == 1


@pytest.mark.parametrize("at_once", [True, False])
def test_of_two_changes_of_one_revision_the_first_counts(
    flow: InstallFlow, stored: Any, at_once: bool
) -> None:
    if at_once:
        flow.sectorflow.checks.then(lambda: flow.installs.change(ID, NEW_NAME, revision=1))
    else:
        flow.installs.change(ID, NEW_NAME, revision=1)

    with pytest.raises(RevisionConflict):
        flow.installs.change(ID, NEW_TOKEN, revision=1)

    assert terms_now(flow) == make_terms(app_name="New name", revision=2)


def test_an_installation_that_is_deleted_while_it_is_changed_stays_deleted(
    flow: InstallFlow, stored: Any
) -> None:
    flow.sectorflow.checks.then(lambda: flow.installs.delete(ID))

    assert flow.installs.change(ID, NEW_TOKEN) is None
    assert flow.installs.find(ID) is None


def test_an_installation_that_is_installed_while_it_is_changed_is_changed(flow: InstallFlow) -> None:
    flow.pend()
    flow.sectorflow.checks.then(flow.install)

    changed = flow.installs.change(ID, NEW_TOKEN)

    assert changed == make_installation(with_sectorflow(api_token="a-new-token"))


# Deleting


def test_an_installation_is_forgotten_once_and_its_token_revoked(flow: InstallFlow) -> None:
    flow.install()

    assert [flow.installs.delete(ID), flow.installs.delete(ID)] == [True, False]

    assert flow.installs.find(ID) is None
    assert flow.find() is None
    flow.services.revocations.revoke_due()
    assert flow.slack.revoked == [BOT_TOKEN]
    assert list(flow.store.scan_iter("revocation:*")) == []


@pytest.mark.parametrize("end", ["pending", "failed", "expired"])
def test_an_installation_that_is_not_installed_is_forgotten_with_its_link(
    flow: InstallFlow, end: str
) -> None:
    pend_until(flow, end)

    assert [flow.installs.delete(ID), flow.installs.delete(ID)] == [True, False]

    assert flow.installs.find(ID) is None
    assert flow.consent.pendings.find_by_link(LINK) is None
    assert flow.slack.revoked == []


@pytest.mark.parametrize(
    ("bot", "error", "tried_at_once"),
    [
        (make_bot(), SlackBusy("ratelimited", 30.0), [BOT_TOKEN]),
        (make_bot(), SlackRefused("odd"), [BOT_TOKEN]),
        (make_bot(refresh_token="a-refresh-token", token_expires_at=NOW + 9000), None, []),
    ],
    ids=["Slack is busy", "Slack refuses", "the token may be renewed at the same moment"],
)
def test_a_token_that_is_not_revoked_at_once_is_revoked_by_workers(
    flow: InstallFlow, bot: BotInstall, error: Exception | None, tried_at_once: list[str]
) -> None:
    flow.install(make_installation(bot=bot))
    flow.slack.revocations.then(error)

    assert flow.installs.delete(ID)

    assert flow.installs.find(ID) is None
    assert flow.slack.revoked == tried_at_once
    flow.services.revocations.revoke_due()
    assert flow.slack.revoked == [*tried_at_once, BOT_TOKEN]


@pytest.mark.parametrize("step", ["remove", "find"])
def test_an_installation_that_is_installed_while_it_is_deleted_is_deleted(
    flow: InstallFlow, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    flow.pend()
    before(monkeypatch, flow.installs.pendings, step, flow.install)

    assert flow.installs.delete(ID)

    assert flow.installs.find(ID) is None
    assert flow.find() is None
    assert flow.slack.revoked == [BOT_TOKEN]


@pytest.mark.parametrize("revision", [1, None])
def test_an_installation_that_is_changed_while_it_is_deleted_is_deleted_unless_a_revision_was_named(
    flow: InstallFlow, monkeypatch: pytest.MonkeyPatch, revision: int | None
) -> None:
    flow.install()
    before(monkeypatch, flow.installs.installations, "remove", lambda: flow.installs.change(ID, NEW_NAME))

    if revision is None:
        assert flow.installs.delete(ID)
    else:
        with pytest.raises(RevisionConflict):
            flow.installs.delete(ID, revision)

    assert (flow.installs.find(ID) is None) is (revision is None)


def test_an_installation_that_replaced_another_is_not_deleted_by_the_id_of_that(
    flow: InstallFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow.install()
    newer = make_installation(make_terms(id="newer"))
    before(monkeypatch, flow.installs.installations, "remove", lambda: flow.install(newer, replaces=ID))

    assert not flow.installs.delete(ID)

    assert flow.installs.find("newer") == newer
    assert flow.slack.revoked == []
