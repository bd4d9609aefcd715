from __future__ import annotations

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import (
    AnswerLost,
    InstallRefused,
    QuestionRefused,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import Workspace
from sectorflow_slack.services import Services
from sectorflow_slack.services.checking import CHECK_TIMEOUT_SECONDS
from sectorflow_slack.services.installs import InstallService
from sectorflow_slack.services.registering import LINK_LIFETIME_SECONDS
from tests.fakes import FakeSectorFlowClient
from tests.services.asking import request
from tests.values import (
    API_TOKEN,
    CUSTOMERS_APP,
    MODEL_IDS,
    NOW,
    OWN_APP,
    TEAM_ID,
    WORKSPACE_ID,
    make_bot,
    make_installation,
    make_terms,
)


@pytest.fixture
def installs(services: Services) -> InstallService:
    return services.installs


def test_a_request_waits_for_consent_with_all_it_asked_for(installs: InstallService) -> None:
    asked = request(
        display="tabs",
        customer_id="c-1",
        allow_external_users=True,
        team_id=TEAM_ID,
        return_url="https://app.sectorflow.example/done",
    )

    pending = installs.register(asked)

    assert installs.find(pending.terms.id) == pending
    assert pending.status(NOW) == "pending"
    assert pending.expires_at == NOW + LINK_LIFETIME_SECONDS
    assert pending.terms.app_id == OWN_APP.app_id
    assert pending.terms.app_name == asked.app_name
    assert pending.terms.sectorflow == asked.sectorflow
    assert (pending.terms.display, pending.terms.customer_id) == ("tabs", "c-1")
    assert pending.terms.allow_external_users
    assert (pending.team_id, pending.return_url) == (TEAM_ID, asked.return_url)


def test_each_request_has_an_id_and_an_unguessable_link_of_its_own(installs: InstallService) -> None:
    registered = [installs.register(request()) for _ in range(3)]

    assert len({pending.terms.id for pending in registered}) == 3
    assert len({pending.link for pending in registered}) == 3
    assert all(len(pending.link) >= 43 for pending in registered)


def test_a_request_may_bring_an_app(installs: InstallService) -> None:
    pending = installs.register(request(slack_app=CUSTOMERS_APP))

    assert pending.terms.app_id == CUSTOMERS_APP.app_id
    found = installs.find(pending.terms.id)
    assert found is not None
    assert found.slack_app == CUSTOMERS_APP


def test_a_request_without_an_app_is_refused_where_the_service_has_none(installs: InstallService) -> None:
    installs = replace(installs, own_app=None)

    with pytest.raises(InstallRefused) as caught:
        installs.register(request())

    assert caught.value.field == "slackApp"
    assert installs.app_id_of(CUSTOMERS_APP) == CUSTOMERS_APP.app_id


def test_nobody_brings_credentials_for_the_services_own_app(installs: InstallService) -> None:
    with pytest.raises(InstallRefused) as caught:
        installs.register(request(slack_app=OWN_APP))

    assert caught.value.field == "slackApp"


def test_sectorflow_is_asked_once_and_briefly_whether_token_and_workspace_are_good(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    installs.register(request())

    assert sectorflow.checked == [(API_TOKEN, WORKSPACE_ID, CHECK_TIMEOUT_SECONDS)]
    assert sectorflow.asked == []


def test_the_workspaces_names_of_models_are_kept(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.workspace = Workspace(WORKSPACE_ID, "Team", {MODEL_IDS[0]: "GPT-4o"})

    pending = installs.register(request())

    assert pending.terms.sectorflow.model_names == {MODEL_IDS[0]: "GPT-4o"}


@pytest.mark.parametrize(
    ("error", "field"),
    [(TokenRefused("status 401"), "apiToken"), (WorkspaceMissing("status 404"), "workspaceId")],
)
def test_a_token_or_workspace_that_sectorflow_does_not_know_is_refused(
    installs: InstallService, sectorflow: FakeSectorFlowClient, error: Exception, field: str
) -> None:
    sectorflow.checks.then(error)

    with pytest.raises(InstallRefused) as caught:
        installs.register(request())

    assert caught.value.field == field
    assert API_TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        SectorFlowBusy("x"),
        SectorFlowBroken("x"),
        AnswerLost("x"),
        ReplyUnreadable("x"),
        QuestionRefused("x"),
    ],
)
def test_sectorflow_being_away_or_odd_stops_nothing(
    installs: InstallService, sectorflow: FakeSectorFlowClient, error: Exception
) -> None:
    sectorflow.checks.then(error)

    pending = installs.register(request())

    assert installs.find(pending.terms.id) == pending


def test_an_installation_is_found_in_its_place(installs: InstallService) -> None:
    installation = make_installation()
    installs.installations.save(installation, None, None)

    assert installs.find(installation.terms.id) == installation
    assert installs.find("nobody-has-this-id") is None


def test_what_replaces_an_installation_is_pinned_to_its_team(installs: InstallService) -> None:
    installs.installations.save(make_installation(), None, None)

    pending = installs.register(request(replaces=make_terms().id))

    assert (pending.team_id, pending.replaces) == (TEAM_ID, make_terms().id)


def test_a_replaced_team_may_be_named_too(installs: InstallService) -> None:
    installs.installations.save(make_installation(), None, None)

    pending = installs.register(request(replaces=make_terms().id, team_id=TEAM_ID))

    assert pending.team_id == TEAM_ID


@pytest.mark.parametrize(
    "changes",
    [
        {"replaces": "unknown"},
        {"replaces": make_terms().id, "team_id": "T0OTHER"},
        {"replaces": make_terms().id, "slack_app": CUSTOMERS_APP},
    ],
    ids=["unknown", "another team", "another app"],
)
def test_only_an_installation_of_the_same_app_and_team_is_replaced(
    installs: InstallService, changes: dict
) -> None:
    installs.installations.save(make_installation(), None, None)

    with pytest.raises(InstallRefused) as caught:
        installs.register(request(**changes))

    assert caught.value.field == "replaces"


def test_an_org_wide_installation_is_replaced_in_its_org(installs: InstallService) -> None:
    bot = make_bot(team_id=None, enterprise_id="E0ORG", is_enterprise_install=True)
    installs.installations.save(make_installation(bot=bot), None, None)

    pending = installs.register(request(replaces=make_terms().id))

    assert pending.team_id == "E0ORG"
