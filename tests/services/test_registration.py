"""Installations are registered, changed and deleted, also while something else happens to them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.clients.http import open_session
from sectorflow_slack.clients.sectorflow import HttpSectorFlowClient
from sectorflow_slack.domain.errors import (
    AnswerLost,
    InstallRefused,
    QuestionRefused,
    ReplyUnreadable,
    RevisionConflict,
    SectorFlowBroken,
    SectorFlowBusy,
    SlackBusy,
    SlackRefused,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import (
    InstallationQuery,
    InstallationSettings,
    SettingsChange,
    Workspace,
)
from sectorflow_slack.services import settings_check
from sectorflow_slack.services.registration import LINK_LIFETIME_SECONDS
from sectorflow_slack.services.settings_check import CHECK_SECONDS
from tests.clients.local_server import raw, running_server, says
from tests.services.installing import ID, LINK, ORG_WIDE, RETURN_URL, InstallFlow, before, make_request
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    CUSTOMERS_APP,
    MODEL_IDS,
    NOW,
    OWN_APP,
    PLUS_ID,
    TEAM_ID,
    WORKSPACE_ID,
    make_bot,
    make_installation,
    make_pending,
    make_settings,
)

OTHER_WORKSPACE = "00000000-ebe5-4e83-ae2b-3daf6ed02c22"
NEW_NAME = SettingsChange(app_name="New name")
NEW_TOKEN = SettingsChange(api_token="a-new-token")
NEW_WORKSPACE = SettingsChange(workspace_id=OTHER_WORKSPACE)
NEW_MODELS = SettingsChange(model_ids=MODEL_IDS[:1])

REFUSALS = pytest.mark.parametrize(
    ("error", "text"),
    [
        (TokenRefused("status 401"), "apiToken: SectorFlow refuses this token."),
        (WorkspaceMissing("status 404"), "workspaceId: SectorFlow knows no such workspace."),
    ],
)


def with_sectorflow(**changes: Any) -> InstallationSettings:
    """Return the settings after one change of those for SectorFlow."""
    return make_settings(revision=2, sectorflow=replace(make_settings().sectorflow, **changes))


def pend_until(flow: InstallFlow, end: str) -> None:
    """Store an installation that waits for consent, failed or expired."""
    flow.pend()
    if end == "failed":
        flow.oauth.pendings.fail(ID, "other_app")
    if end == "expired":
        flow.clock.now = make_pending().expires_at


@pytest.fixture(params=["installed", "pending"])
def stored(flow, request):
    return flow.install() if request.param == "installed" else flow.pend()


# Registering


@pytest.mark.parametrize(("slack_app", "app_id"), [(None, OWN_APP.app_id), (CUSTOMERS_APP, "A0CUSTOMER")])
def test_a_request_waits_for_consent_with_all_its_fields(flow, slack_app, app_id):
    own = {"display": "tabs", "customer_id": "c-1", "allow_external_users": True}

    pending = flow.register(slack_app=slack_app, team_id=TEAM_ID, return_url=RETURN_URL, **own)

    assert flow.registration.find(pending.settings.id) == pending
    assert pending.settings == make_settings(id=pending.settings.id, app_id=app_id, **own)
    assert (pending.slack_app, pending.team_id, pending.return_url) == (slack_app, TEAM_ID, RETURN_URL)
    assert (pending.status(NOW), pending.expires_at) == ("pending", NOW + LINK_LIFETIME_SECONDS)


def test_each_request_has_an_id_and_an_unguessable_link_of_its_own(flow):
    registered = [flow.register() for _ in range(3)]

    assert len({pending.settings.id for pending in registered}) == 3
    assert len({pending.link for pending in registered}) == 3
    assert all(len(pending.link) >= 43 for pending in registered)


def test_a_service_without_an_app_of_its_own_refuses_requests_without_one(flow):
    installs = replace(flow.registration, own_app=None)

    with pytest.raises(InstallRefused, match=r"^slackApp: This service has no"):
        installs.register(make_request())

    assert installs.app_id_of(CUSTOMERS_APP) == CUSTOMERS_APP.app_id


IS_OWN_APP = "slackApp: This is the service's own app; leave slackApp out to use it."
NOT_INSTALLED = "replaces: No installed installation of this app has this id."
IN_OTHER_TEAM = "replaces: The installation with this id is in another team."


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"slack_app": OWN_APP}, IS_OWN_APP, id="credentials for the service's own app"),
        pytest.param({"replaces": "a-guess"}, NOT_INSTALLED, id="replaces an unknown id"),
        pytest.param({"replaces": "waiting"}, NOT_INSTALLED, id="replaces a pending installation"),
        pytest.param({"replaces": ID, "team_id": "T0OTHER"}, IN_OTHER_TEAM, id="replaces in another team"),
        pytest.param({"replaces": ID, "slack_app": CUSTOMERS_APP}, NOT_INSTALLED, id="replaces another app"),
        pytest.param({"replaces": ID, "config_token": "xoxe"}, NOT_INSTALLED, id="new app that replaces"),
    ],
)
def test_a_request_for_another_customers_app_or_installation_is_refused(flow, changes, text):
    flow.install()
    flow.pend(settings=make_settings(id="waiting"))

    with pytest.raises(InstallRefused) as caught:
        flow.register(**changes)

    assert str(caught.value) == text
    assert {each.settings.id for each in flow.registration.list(InstallationQuery()).items} == {ID, "waiting"}
    assert flow.slack.created == []


@pytest.mark.parametrize(
    ("bot", "named", "pinned"),
    [(make_bot(), None, TEAM_ID), (make_bot(), TEAM_ID, TEAM_ID), (ORG_WIDE, None, "E0ORG")],
    ids=["no team named", "its team named", "org-wide"],
)
def test_a_request_that_replaces_an_installation_is_pinned_to_its_team(flow, bot, named, pinned):
    flow.install(make_installation(bot=bot))

    pending = flow.register(replaces=ID, team_id=named)

    assert (pending.team_id, pending.replaces) == (pinned, ID)


def test_an_installation_is_found_by_its_id_alone(flow):
    installation = flow.install()

    assert flow.registration.find(ID) == installation
    assert flow.registration.find("another-id") is None
    assert flow.registration.find("\ud800") is None


def test_sectorflow_is_called_once_for_the_names_of_the_models(flow):
    flow.sectorflow.workspace = Workspace("Team", {MODEL_IDS[0]: "GPT-4o"})

    pending = flow.register()

    assert pending.settings.sectorflow.model_names == {MODEL_IDS[0]: "GPT-4o"}
    assert pending.settings.sectorflow.workspace_name == "Team"
    assert flow.sectorflow.checked == [(API_TOKEN, WORKSPACE_ID, CHECK_SECONDS)]
    assert flow.sectorflow.asked == []


@REFUSALS
def test_a_request_that_sectorflow_refuses_is_refused(flow, error, text):
    flow.sectorflow.checks.then(error)

    with pytest.raises(InstallRefused) as caught:
        flow.register()

    assert str(caught.value) == text


@pytest.mark.parametrize(
    "error", [SectorFlowBusy, SectorFlowBroken, AnswerLost, ReplyUnreadable, QuestionRefused]
)
def test_a_request_is_accepted_while_sectorflow_is_down(flow, error):
    flow.sectorflow.checks.then(error("x"))

    pending = flow.register()

    assert flow.registration.find(pending.settings.id) == pending


UNKNOWN = "00000000-0000-4000-8000-00000000aaaa"
NO_MODEL = "SectorFlow offers no such model to this token."
NO_EXPERT = "SectorFlow knows no such expert."


def offering(flow: InstallFlow, *, in_workspace: tuple[str, ...] = (), listed: tuple[str, ...] = ()) -> None:
    """Set the models that SectorFlow lists."""
    flow.sectorflow.workspace = Workspace("", model_ids=frozenset(in_workspace))
    flow.sectorflow.model_ids = tuple(each.upper() for each in listed)


def test_models_and_an_expert_that_sectorflow_does_not_have_are_refused_all_at_once(flow):
    first, *others = MODEL_IDS
    offering(flow, in_workspace=(first,), listed=others[:1])
    flow.sectorflow.expert_ids = (UNKNOWN,)
    settings = replace(make_settings().sectorflow, model_ids=(first, UNKNOWN, *others))

    with pytest.raises(InstallRefused) as caught:
        flow.register(sectorflow=settings)

    assert caught.value.faults == {"modelIds.1": NO_MODEL, "modelIds.3": NO_MODEL, "plusId": NO_EXPERT}


@pytest.mark.parametrize("missing", ["workspace", "list of the workspace", "lists"])
def test_a_list_that_sectorflow_does_not_give_stops_nothing(flow, missing):
    offering(flow)
    if missing == "workspace":
        flow.sectorflow.checks.then(SectorFlowBusy("x"))
    elif missing == "list of the workspace":
        flow.sectorflow.workspace = Workspace("", model_ids=None)
    else:
        flow.sectorflow.lists.then(SectorFlowBusy("x"), TokenRefused("status 403"))

    assert flow.registration.find(flow.register().settings.id)


def test_a_refused_workspace_and_an_unknown_expert_are_named_together(flow):
    flow.sectorflow.checks.then(WorkspaceMissing("status 404"))
    flow.sectorflow.expert_ids = ()

    with pytest.raises(InstallRefused) as caught:
        flow.register()

    assert caught.value.faults.keys() == {"workspaceId", "plusId"}


def test_experts_are_not_listed_for_an_installation_without_one(flow):
    flow.sectorflow.expert_ids = ()

    assert flow.register(sectorflow=replace(make_settings().sectorflow, plus_id=""))


@pytest.mark.parametrize("change", [SettingsChange(model_ids=(UNKNOWN,)), SettingsChange(plus_id=UNKNOWN)])
def test_a_change_to_an_unknown_model_or_expert_is_refused(flow, stored, change):
    offering(flow, listed=MODEL_IDS)

    with pytest.raises(InstallRefused, match=f"{NO_MODEL}|{NO_EXPERT}"):
        flow.registration.change(ID, change)

    assert flow.registration.find(ID) == stored


@pytest.mark.parametrize("path", ["/workspaces/", "/models", "/plus"])
def test_a_sectorflow_that_falls_silent_in_an_answer_stops_nothing(flow, monkeypatch, path):
    monkeypatch.setattr(settings_check, "CHECK_SECONDS", 0.5)
    dripped = threading.Event()

    def drip(handler):
        if path in handler.path:
            raw(b"HTTP/1.1 200 OK\r\n", *[b"X-Header: 1\r\n"] * 200, pause=0.05)(handler)
            dripped.set()
        else:
            says({} if "/workspaces/" in handler.path else [])(handler)

    with running_server() as server, open_session(4) as session:
        server.answers(drip)
        client = HttpSectorFlowClient(session, base_url=server.url, chat_timeout=60.0)
        registration = replace(flow.registration, sectorflow=client)
        with suppress(InstallRefused):  # the lists that came are empty
            registration.register(make_request())

        assert not dripped.is_set()


def test_a_list_that_was_not_even_asked_for_in_time_stops_nothing(flow, monkeypatch):
    """Where the machine is so busy that no thread has begun with it, the call is cancelled."""
    answered = threading.Event()
    monkeypatch.setattr(settings_check, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(settings_check, "ThreadPoolExecutor", lambda _: ThreadPoolExecutor(1))
    flow.sectorflow.checks.then(lambda: answered.wait(5.0))

    pending = flow.register()
    answered.set()

    assert flow.registration.find(pending.settings.id)


# Changing


@pytest.mark.parametrize(
    ("change", "expected", "checked"),
    [
        (NEW_NAME, make_settings(app_name="New name", revision=2), []),
        (SettingsChange(display="tabs"), make_settings(display="tabs", revision=2), []),
        (SettingsChange(allow_external_users=True), make_settings(allow_external_users=True, revision=2), []),
        (SettingsChange(plus_id=""), with_sectorflow(plus_id=""), [(API_TOKEN, WORKSPACE_ID)]),
        (NEW_MODELS, with_sectorflow(model_ids=MODEL_IDS[:1]), [(API_TOKEN, WORKSPACE_ID)]),
        (NEW_TOKEN, with_sectorflow(api_token="a-new-token"), [("a-new-token", WORKSPACE_ID)]),
        (NEW_WORKSPACE, with_sectorflow(workspace_id=OTHER_WORKSPACE), [(API_TOKEN, OTHER_WORKSPACE)]),
    ],
    ids=["app_name", "display", "allow_external_users", "plus_id", "model_ids", "api_token", "workspace_id"],
)
def test_one_setting_is_changed_after_a_check_with_the_others(flow, stored, change, expected, checked):
    changed = flow.registration.change(ID, change)

    assert changed == replace(stored, settings=expected)
    assert flow.registration.find(ID) == changed
    assert [(token, workspace) for token, workspace, _ in flow.sectorflow.checked] == checked


SAME = SettingsChange("Acme Assistant", API_TOKEN, WORKSPACE_ID, MODEL_IDS, PLUS_ID, "separated", False)


@pytest.mark.parametrize("change", [SettingsChange(), SAME], ids=["empty", "the stored values"])
def test_a_change_of_nothing_leaves_the_revision_and_does_not_call_sectorflow(flow, stored, change):
    assert flow.registration.change(ID, change) == stored
    assert flow.sectorflow.checked == []


@pytest.mark.parametrize("end", ["failed", "expired"])
def test_an_installation_that_failed_or_expired_cannot_be_changed(flow, end):
    pend_until(flow, end)

    with pytest.raises(InstallRefused, match=r"^status: This one has failed"):
        flow.registration.change(ID, NEW_NAME)


def test_an_unknown_id_can_be_neither_changed_nor_deleted(flow):
    assert flow.registration.change("another-id", NEW_NAME) is None
    assert not flow.registration.delete("another-id")


@REFUSALS
def test_a_change_that_sectorflow_refuses_changes_nothing(flow, stored, error, text):
    flow.sectorflow.checks.then(error)

    with pytest.raises(InstallRefused, match=text):
        flow.registration.change(ID, replace(NEW_TOKEN, app_name="New name"))

    assert flow.registration.find(ID) == stored


@pytest.mark.parametrize(
    ("error", "change", "names"),
    [
        (None, NEW_MODELS, {MODEL_IDS[0]: "New name"}),
        (SectorFlowBusy("x"), NEW_MODELS, {MODEL_IDS[0]: "Old name"}),
        (SectorFlowBusy("x"), NEW_WORKSPACE, {}),
    ],
    ids=["checked", "SectorFlow is down", "SectorFlow is down, and the workspace another"],
)
def test_models_get_the_workspaces_names_or_keep_theirs(flow, error, change, names):
    settings = replace(make_settings().sectorflow, model_names={MODEL_IDS[0]: "Old name"})
    flow.install(make_installation(make_settings(sectorflow=settings)))
    flow.sectorflow.workspace = Workspace("Team", {MODEL_IDS[0]: "New name"})
    flow.sectorflow.checks.then(error)

    flow.registration.change(ID, change)

    settings = flow.registration.find(ID).settings
    assert (settings.revision, settings.sectorflow.model_names) == (2, names)


def test_two_concurrent_changes_are_both_stored(flow, stored):
    flow.sectorflow.checks.then(lambda: flow.registration.change(ID, NEW_NAME))

    flow.registration.change(ID, NEW_TOKEN)

    both = replace(with_sectorflow(api_token="a-new-token"), app_name="New name", revision=3)
    assert flow.registration.find(ID).settings == both
    assert len(flow.sectorflow.checked) == 1


@pytest.mark.parametrize("concurrent", [True, False])
def test_of_two_changes_of_one_revision_the_first_is_stored(flow, stored, concurrent):
    if concurrent:
        flow.sectorflow.checks.then(lambda: flow.registration.change(ID, NEW_NAME, revision=1))
    else:
        flow.registration.change(ID, NEW_NAME, revision=1)

    with pytest.raises(RevisionConflict):
        flow.registration.change(ID, NEW_TOKEN, revision=1)

    assert flow.registration.find(ID).settings == make_settings(app_name="New name", revision=2)


def test_an_installation_that_is_deleted_during_a_change_stays_deleted(flow, stored):
    flow.sectorflow.checks.then(lambda: flow.registration.delete(ID))

    assert flow.registration.change(ID, NEW_TOKEN) is None
    assert flow.registration.find(ID) is None


def test_an_installation_that_is_installed_during_a_change_is_changed(flow):
    flow.pend()
    flow.sectorflow.checks.then(flow.install)

    assert flow.registration.change(ID, NEW_TOKEN) == make_installation(
        with_sectorflow(api_token="a-new-token")
    )


# Deleting


def test_an_installation_is_deleted_once_and_its_token_revoked(flow):
    flow.install()

    assert [flow.registration.delete(ID), flow.registration.delete(ID)] == [True, False]

    assert (flow.registration.find(ID), flow.find()) == (None, None)
    flow.services.revocations.revoke_due()
    assert flow.slack.revoked == [BOT_TOKEN]
    assert list(flow.store.scan_iter("revocation:*")) == []


@pytest.mark.parametrize("end", ["pending", "failed", "expired"])
def test_an_installation_that_is_not_installed_is_deleted_with_its_link(flow, end):
    pend_until(flow, end)

    assert [flow.registration.delete(ID), flow.registration.delete(ID)] == [True, False]

    assert flow.registration.find(ID) is None
    assert flow.oauth.pendings.find_by_link(LINK) is None
    assert flow.slack.revoked == []


@pytest.mark.parametrize(
    ("bot", "error", "tried"),
    [
        (make_bot(), SlackBusy("ratelimited", 30.0), [BOT_TOKEN]),
        (make_bot(), SlackRefused("odd"), [BOT_TOKEN]),
        (make_bot(refresh_token="a-refresh-token", token_expires_at=NOW + 9000), None, []),
    ],
    ids=["Slack is busy", "Slack refuses", "the token may be renewed at the same moment"],
)
def test_a_token_that_is_not_revoked_at_once_is_revoked_by_workers(flow, bot, error, tried):
    flow.install(make_installation(bot=bot))
    flow.slack.revocations.then(error)

    assert flow.registration.delete(ID)

    assert flow.registration.find(ID) is None
    assert flow.slack.revoked == tried
    flow.services.revocations.revoke_due()
    assert flow.slack.revoked == [*tried, BOT_TOKEN]


@pytest.mark.parametrize("step", ["remove", "find"])
def test_an_installation_that_is_installed_during_its_deletion_is_deleted(flow, monkeypatch, step):
    flow.pend()
    before(monkeypatch, flow.registration.pendings, step, flow.install)

    assert flow.registration.delete(ID)

    assert (flow.registration.find(ID), flow.find()) == (None, None)
    assert flow.slack.revoked == [BOT_TOKEN]


def test_an_installation_that_is_changed_during_its_deletion_is_deleted(flow, monkeypatch):
    flow.install()
    before(monkeypatch, flow.installations, "remove", lambda: flow.registration.change(ID, NEW_NAME))

    assert flow.registration.delete(ID)

    assert flow.registration.find(ID) is None


def test_a_changed_installation_is_not_deleted_by_its_old_revision(flow, monkeypatch):
    flow.install()
    before(monkeypatch, flow.installations, "remove", lambda: flow.registration.change(ID, NEW_NAME))

    with pytest.raises(RevisionConflict):
        flow.registration.delete(ID, revision=1)

    assert flow.registration.find(ID).settings.revision == 2


@pytest.mark.parametrize(
    "attempt",
    [lambda registration: registration.change(ID, NEW_NAME), lambda registration: registration.delete(ID)],
    ids=["change", "delete"],
)
def test_an_installation_that_never_stops_changing_is_neither_changed_nor_deleted(
    flow, stored, monkeypatch, attempt
):
    for store in (flow.installations, flow.registration.pendings):
        monkeypatch.setattr(store, "change", lambda *_: False)
        monkeypatch.setattr(store, "remove", lambda *_: False)

    with pytest.raises(RevisionConflict):
        attempt(flow.registration)

    assert flow.registration.find(ID) == stored
    assert flow.slack.revoked == []


def test_an_installation_that_replaced_another_is_not_deleted_by_the_others_id(flow, monkeypatch):
    flow.install()
    newer = make_installation(make_settings(id="newer"))
    before(monkeypatch, flow.installations, "remove", lambda: flow.install(newer, replaces=ID))

    assert not flow.registration.delete(ID)

    assert flow.registration.find("newer") == newer
    assert flow.slack.revoked == []
