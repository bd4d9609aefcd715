"""A request for an installation: what is checked, and what waits for consent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
from sectorflow_slack.domain.installations import BotInstall, InstallationQuery, Workspace
from sectorflow_slack.services.checking import CHECK_TIMEOUT_SECONDS
from sectorflow_slack.services.installs import InstallService
from sectorflow_slack.services.registering import LINK_LIFETIME_SECONDS
from tests.fakes import FakeSectorFlowClient, FakeSlackClient
from tests.services.installing import ID, RETURN_URL, make_request
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
    make_pending,
    make_terms,
)


def test_a_request_waits_for_consent_with_all_it_asked_for(installs: InstallService) -> None:
    asked = make_request(
        display="tabs",
        customer_id="c-1",
        allow_external_users=True,
        team_id=TEAM_ID,
        return_url=RETURN_URL,
    )

    pending = installs.register(asked)

    expected = make_terms(id=pending.terms.id, display="tabs", customer_id="c-1", allow_external_users=True)
    assert installs.find(pending.terms.id) == pending
    assert (pending.terms, pending.slack_app) == (expected, None)
    assert (pending.status(NOW), pending.expires_at) == ("pending", NOW + LINK_LIFETIME_SECONDS)
    assert (pending.team_id, pending.return_url) == (TEAM_ID, RETURN_URL)


def test_each_request_has_an_id_and_an_unguessable_link_of_its_own(installs: InstallService) -> None:
    registered = [installs.register(make_request()) for _ in range(3)]

    assert len({pending.terms.id for pending in registered}) == 3
    assert len({pending.link for pending in registered}) == 3
    assert all(len(pending.link) >= 43 for pending in registered)


def test_a_request_may_bring_an_app(installs: InstallService) -> None:
    pending = installs.register(make_request(slack_app=CUSTOMERS_APP))

    assert (pending.terms.app_id, pending.slack_app) == (CUSTOMERS_APP.app_id, CUSTOMERS_APP)
    assert installs.find(pending.terms.id) == pending


def test_a_service_without_an_app_of_its_own_refuses_requests_that_bring_none(
    installs: InstallService,
) -> None:
    installs = replace(installs, own_app=None)

    with pytest.raises(InstallRefused, match="slackApp"):
        installs.register(make_request())

    assert installs.app_id_of(CUSTOMERS_APP) == CUSTOMERS_APP.app_id


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"slack_app": OWN_APP}, "slackApp", id="credentials for the service's own app"),
        pytest.param({"replaces": "a-guess"}, "replaces", id="replaces an unknown id"),
        pytest.param({"replaces": "waiting"}, "replaces", id="replaces what waits for consent"),
        pytest.param({"replaces": ID, "team_id": "T0OTHER"}, "replaces", id="replaces in another team"),
        pytest.param({"replaces": ID, "slack_app": CUSTOMERS_APP}, "replaces", id="replaces another app"),
        pytest.param({"replaces": ID, "config_token": "xoxe-token"}, "replaces", id="new app that replaces"),
    ],
)
def test_a_request_for_the_app_or_installation_of_others_is_refused(
    installs: InstallService, slack: FakeSlackClient, changes: dict[str, Any], field: str
) -> None:
    installs.installations.save(make_installation(), None, None)
    installs.pendings.save(make_pending(terms=make_terms(id="waiting")))

    with pytest.raises(InstallRefused) as caught:
        installs.register(make_request(**changes))

    assert caught.value.field == field
    assert {each.terms.id for each in installs.list(InstallationQuery()).items} == {ID, "waiting"}
    assert slack.created == []


ORG_WIDE = make_bot(team_id=None, enterprise_id="E0ORG", is_enterprise_install=True)


@pytest.mark.parametrize(
    ("bot", "named", "pinned"),
    [(make_bot(), None, TEAM_ID), (make_bot(), TEAM_ID, TEAM_ID), (ORG_WIDE, None, "E0ORG")],
    ids=["no team named", "its team named", "org-wide"],
)
def test_a_request_that_replaces_an_installation_is_pinned_to_its_team(
    installs: InstallService, bot: BotInstall, named: str | None, pinned: str
) -> None:
    installs.installations.save(make_installation(bot=bot), None, None)

    pending = installs.register(make_request(replaces=ID, team_id=named))

    assert (pending.team_id, pending.replaces) == (pinned, ID)


def test_an_installation_is_found_in_its_place(installs: InstallService) -> None:
    installs.installations.save(make_installation(), None, None)

    assert installs.find(ID) == make_installation()
    assert installs.find("another-id") is None
    assert installs.find("\ud800") is None


# The check at SectorFlow


def test_sectorflow_is_asked_once_and_briefly_about_token_and_workspace(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    installs.register(make_request())

    assert sectorflow.checked == [(API_TOKEN, WORKSPACE_ID, CHECK_TIMEOUT_SECONDS)]
    assert sectorflow.asked == []


def test_the_workspaces_names_of_models_are_stored(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.workspace = Workspace(WORKSPACE_ID, "Team", {MODEL_IDS[0]: "GPT-4o"})

    pending = installs.register(make_request())

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
        installs.register(make_request())

    assert caught.value.field == field
    assert API_TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "error", [SectorFlowBusy, SectorFlowBroken, AnswerLost, ReplyUnreadable, QuestionRefused]
)
def test_a_request_is_taken_while_sectorflow_is_away_or_odd(
    installs: InstallService, sectorflow: FakeSectorFlowClient, error: type[Exception]
) -> None:
    sectorflow.checks.then(error("x"))

    pending = installs.register(make_request())

    assert installs.find(pending.terms.id) == pending
