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
from sectorflow_slack.domain.installations import BotInstall, InstallationQuery, SlackApp, Workspace
from sectorflow_slack.services.registration import CHECK_TIMEOUT_SECONDS, LINK_LIFETIME_SECONDS
from tests.services.installing import ID, ORG_WIDE, RETURN_URL, InstallFlow, make_request
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


@pytest.mark.parametrize(("slack_app", "app_id"), [(None, OWN_APP.app_id), (CUSTOMERS_APP, "A0CUSTOMER")])
def test_a_request_waits_for_consent_with_all_it_asked_for(
    flow: InstallFlow, slack_app: SlackApp | None, app_id: str
) -> None:
    own = {"display": "tabs", "customer_id": "c-1", "allow_external_users": True}

    pending = flow.register(slack_app=slack_app, team_id=TEAM_ID, return_url=RETURN_URL, **own)

    assert flow.installs.find(pending.settings.id) == pending
    assert pending.settings == make_terms(id=pending.settings.id, app_id=app_id, **own)
    assert (pending.slack_app, pending.team_id, pending.return_url) == (slack_app, TEAM_ID, RETURN_URL)
    assert (pending.status(NOW), pending.expires_at) == ("pending", NOW + LINK_LIFETIME_SECONDS)


def test_each_request_has_an_id_and_an_unguessable_link_of_its_own(flow: InstallFlow) -> None:
    registered = [flow.register() for _ in range(3)]

    assert len({pending.settings.id for pending in registered}) == 3
    assert len({pending.link for pending in registered}) == 3
    assert all(len(pending.link) >= 43 for pending in registered)


def test_a_service_without_an_app_of_its_own_refuses_requests_that_bring_none(flow: InstallFlow) -> None:
    installs = replace(flow.installs, own_app=None)

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
    flow: InstallFlow, changes: dict[str, Any], field: str
) -> None:
    flow.install()
    flow.pend(settings=make_terms(id="waiting"))

    with pytest.raises(InstallRefused) as caught:
        flow.register(**changes)

    assert caught.value.field == field
    assert {each.settings.id for each in flow.installs.list(InstallationQuery()).items} == {ID, "waiting"}
    assert flow.slack.created == []


@pytest.mark.parametrize(
    ("bot", "named", "pinned"),
    [(make_bot(), None, TEAM_ID), (make_bot(), TEAM_ID, TEAM_ID), (ORG_WIDE, None, "E0ORG")],
    ids=["no team named", "its team named", "org-wide"],
)
def test_a_request_that_replaces_an_installation_is_pinned_to_its_team(
    flow: InstallFlow, bot: BotInstall, named: str | None, pinned: str
) -> None:
    flow.install(make_installation(bot=bot))

    pending = flow.register(replaces=ID, team_id=named)

    assert (pending.team_id, pending.replaces) == (pinned, ID)


def test_an_installation_is_found_in_its_place(flow: InstallFlow) -> None:
    installation = flow.install()

    assert flow.installs.find(ID) == installation
    assert flow.installs.find("another-id") is None
    assert flow.installs.find("\ud800") is None


def test_sectorflow_is_asked_once_and_briefly_what_the_workspace_calls_its_models(flow: InstallFlow) -> None:
    flow.sectorflow.workspace = Workspace(WORKSPACE_ID, "Team", {MODEL_IDS[0]: "GPT-4o"})

    pending = flow.register()

    assert pending.settings.sectorflow.model_names == {MODEL_IDS[0]: "GPT-4o"}
    assert flow.sectorflow.checked == [(API_TOKEN, WORKSPACE_ID, CHECK_TIMEOUT_SECONDS)]
    assert flow.sectorflow.asked == []


@pytest.mark.parametrize(
    ("error", "field"),
    [(TokenRefused("status 401"), "apiToken"), (WorkspaceMissing("status 404"), "workspaceId")],
)
def test_a_token_or_workspace_that_sectorflow_does_not_know_is_refused(
    flow: InstallFlow, error: Exception, field: str
) -> None:
    flow.sectorflow.checks.then(error)

    with pytest.raises(InstallRefused) as caught:
        flow.register()

    assert caught.value.field == field
    assert API_TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "error", [SectorFlowBusy, SectorFlowBroken, AnswerLost, ReplyUnreadable, QuestionRefused]
)
def test_a_request_is_taken_while_sectorflow_is_away_or_odd(
    flow: InstallFlow, error: type[Exception]
) -> None:
    flow.sectorflow.checks.then(error("x"))

    pending = flow.register()

    assert flow.installs.find(pending.settings.id) == pending
