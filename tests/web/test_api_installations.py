"""The install API: registering, showing, listing and deleting installations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import requests
import responses
from flask.testing import FlaskClient

from sectorflow_slack.services.installs import CHECK_TIMEOUT_SECONDS
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    BOT_USER_ID,
    CUSTOMERS_APP,
    MODEL_IDS,
    NOW,
    OWN_APP,
    PLUS_ID,
    TEAM_ID,
    WORKSPACE_ID,
    FixedClock,
)
from tests.web.flows import (
    CODE,
    CUSTOMERS_APP_FIELDS,
    INSTALLATIONS,
    REVOKE_URL,
    WORKSPACE_URL,
    consent_reply,
    delete,
    errors_of,
    follow,
    get,
    get_one,
    install,
    patch,
    post,
    register,
    show,
)

DAY = 86_400


# Registering


def test_a_registered_installation_waits_for_a_persons_consent(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    response = post(client, customerId="customer-7", teamId=TEAM_ID)

    assert response.status_code == 201
    shown = dict(response.json or {})
    assert response.headers["Location"] == f"https://slack.example.com{INSTALLATIONS}/{shown['id']}"
    link = shown.pop("installUrl").removeprefix("https://slack.example.com/slack/install/")
    assert len(link) == 43  # 256 bits, urlsafe base64
    assert datetime.fromisoformat(shown.pop("createdAt")).timestamp() == NOW
    assert datetime.fromisoformat(shown.pop("expiresAt")).timestamp() == NOW + DAY
    assert shown == {
        "id": shown["id"],
        "status": "pending",
        "appName": "Acme Assistant",
        "appId": OWN_APP.app_id,
        "teamId": TEAM_ID,
        "teamName": None,
        "customerId": "customer-7",
        "allowExternalUsers": False,
        "workspaceId": WORKSPACE_ID,
        "modelIds": list(MODEL_IDS),
        "plusId": PLUS_ID,
        "display": "separated",
        "botUserId": None,
        "installedAt": None,
        "failure": None,
    }


def test_sectorflow_is_asked_with_the_token_for_at_most_five_seconds_and_nothing_is_posted(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    register(client)

    (call,) = sectorflow.calls
    assert (call.request.method, call.request.url) == ("GET", WORKSPACE_URL)
    assert call.request.headers["Authorization"] == f"Bearer {API_TOKEN}"
    assert call.request.body is None
    assert CHECK_TIMEOUT_SECONDS <= 5


@pytest.mark.parametrize(
    ("status", "named"),
    [
        (401, {"apiToken": ["SectorFlow refuses this token."]}),
        (403, {"apiToken": ["SectorFlow refuses this token."]}),
        (404, {"workspaceId": ["SectorFlow knows no such workspace."]}),
    ],
)
def test_a_refusal_of_sectorflow_is_a_wrong_field(
    client: FlaskClient, outside: responses.RequestsMock, status: int, named: dict[str, list[str]]
) -> None:
    outside.get(WORKSPACE_URL, status=status)

    assert errors_of(post(client)) == named


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ConnectionError("refused")},
        {"body": requests.ReadTimeout("slow")},
        {"status": 429, "headers": {"Retry-After": "3600"}},
        {"status": 500, "body": "Traceback"},
        {"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"status": 200, "body": "<html>Maintenance</html>"},
        {"status": 200, "json": []},
    ],
    ids=["away", "slow", "busy", "broken", "redirect", "html", "list"],
)
def test_sectorflow_being_away_or_odd_stops_nothing(
    client: FlaskClient, outside: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    outside.get(WORKSPACE_URL, **answer)

    assert post(client).status_code == 201


def test_a_wrong_field_is_refused_before_sectorflow_is_asked(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    assert errors_of(post(client, display="carousel")).keys() == {"display"}
    assert not sectorflow.calls


@pytest.mark.parametrize(
    "changes",
    [{"replaces": WORKSPACE_ID}, {"slackApp": CUSTOMERS_APP_FIELDS}, {"teamId": "T0OTHER"}],
    ids=["unknown", "another app", "another team"],
)
def test_only_an_installation_of_the_same_app_and_team_can_be_replaced(
    client: FlaskClient, sectorflow: responses.RequestsMock, changes: dict[str, Any]
) -> None:
    installed, _ = install(client, sectorflow)

    response = post(client, **{"replaces": installed["id"], **changes})

    assert errors_of(response).keys() == {"replaces"}


# Showing


def test_an_installation_is_shown_as_it_was_registered(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered = register(client)

    assert show(client, registered["id"]) == show(client, registered["id"].upper()) == registered


def test_an_installed_one_is_shown_with_its_team_and_without_its_link(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered, _ = install(client, sectorflow)

    assert show(client, registered["id"]) == {
        **registered,
        "status": "installed",
        "teamId": TEAM_ID,
        "teamName": "Acme",
        "botUserId": BOT_USER_ID,
        "installedAt": registered["createdAt"],
        "installUrl": None,
        "expiresAt": None,
    }


def test_a_failed_or_expired_one_is_shown_without_its_link(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    failed, _ = install(client, sectorflow, reply=consent_reply(app_id="A0OTHER"))
    expired = register(client)

    clock.now += DAY

    without_link = {"installUrl": None, "expiresAt": None}
    other_app = {"status": "failed", "failure": "other_app"}
    assert show(client, failed["id"]) == {**failed, **without_link, **other_app}
    assert show(client, expired["id"]) == {**expired, **without_link, "status": "expired"}


def test_an_id_of_no_installation_is_404(client: FlaskClient) -> None:
    message = {"code": 404, "status": "Not Found", "message": "There is no such installation."}

    assert get_one(client, WORKSPACE_ID).json == message
    assert patch(client, WORKSPACE_ID, display="tabs").json == message
    assert delete(client, WORKSPACE_ID, {"If-Match": "*"}).json == message
    assert get_one(client, "not-an-id").status_code == 404


def test_no_answer_and_no_log_holds_a_token_or_a_secret(
    client: FlaskClient, sectorflow: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    pending = post(client, slackApp=CUSTOMERS_APP_FIELDS)
    refused = post(client, slackApp={**CUSTOMERS_APP_FIELDS, "clientId": "wrong"}, workspaceId="wrong")
    installed, page = install(client, sectorflow)

    seen = [pending, refused, page, get_one(client, installed["id"]), get(client)]

    text = caplog.text + "".join(answer.text + str(answer.headers) for answer in seen)
    secrets = (API_TOKEN, BOT_TOKEN, CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret, CODE)
    assert not [secret for secret in secrets if secret[-12:] in text]


# Listing


def listed(client: FlaskClient, **query: Any) -> list[str]:
    """The ids on the first page of a list."""
    response = get(client, **query)
    assert response.status_code == 200, response.text
    return [item["id"] for item in (response.json or {})["items"]]


def test_an_installation_is_listed_as_it_is_shown(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    empty = get(client).json
    pending = register(client, customerId="customer-7")
    clock.now += 1
    installed, _ = install(client, sectorflow)

    assert empty == {"items": [], "nextCursor": None}
    assert get(client).json == {"items": [pending, show(client, installed["id"])], "nextCursor": None}


def test_pages_hold_each_installation_once_oldest_first_and_twenty_unless_told_otherwise(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    registered = []
    for _ in range(21):
        registered.append(register(client)["id"])
        clock.now += 1

    found, sizes, query = [], [], {"limit": 9}
    while query.get("cursor", ...) is not None:
        page = get(client, **query).json or {}
        found += [item["id"] for item in page["items"]]
        sizes.append(len(page["items"]))
        query["cursor"] = page["nextCursor"]

    assert sizes == [9, 9, 3]
    assert found == registered
    assert listed(client) == registered[:20]


def test_each_filter_finds_the_installations_that_fit_and_no_others(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    expired = register(client, customerId="old")["id"]
    clock.now += DAY
    installed = install(client, sectorflow)[0]["id"]
    failed = install(client, sectorflow, reply=consent_reply(app_id="A0OTHER"))[0]["id"]
    pending = register(client, slackApp=CUSTOMERS_APP_FIELDS, teamId="T0OTHER", customerId="Кунде 7")["id"]

    assert listed(client, status="expired") == [expired]
    assert listed(client, status="installed") == [installed]
    assert listed(client, status="failed") == [failed]
    assert listed(client, status="pending") == [pending]
    assert listed(client, appId=OWN_APP.app_id, status="installed") == [installed]
    assert listed(client, appId=CUSTOMERS_APP.app_id) == [pending]
    assert listed(client, teamId=TEAM_ID) == [installed]
    assert listed(client, teamId="T0OTHER") == [pending]
    assert listed(client, customerId="Кунде 7") == [pending]
    assert listed(client, customerId="кунде 7") == []
    assert listed(client, customerId="old", status="pending") == []


def test_every_wrong_part_of_a_query_is_named_at_once(client: FlaskClient) -> None:
    response = get(client, limit="x", status="x", page="2")

    assert errors_of(response, "query").keys() == {"limit", "status", "page"}


# Deleting


def test_a_deleted_installation_is_gone_everywhere(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    sectorflow.post(REVOKE_URL, json={"ok": True, "revoked": True})
    installed, _ = install(client, sectorflow)

    response = delete(client, installed["id"])

    assert (response.status_code, response.data) == (204, b"")
    assert get_one(client, installed["id"]).status_code == 404
    assert get(client).json == {"items": [], "nextCursor": None}
    assert delete(client, installed["id"]).status_code == 404
    assert errors_of(post(client, replaces=installed["id"])).keys() == {"replaces"}
    (revoked,) = [call.request for call in sectorflow.calls if call.request.url == REVOKE_URL]
    assert revoked.headers["Authorization"] == f"Bearer {BOT_TOKEN}"


def test_an_installation_is_deleted_though_slack_is_away(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    sectorflow.post(REVOKE_URL, status=503)
    installed, _ = install(client, sectorflow)

    assert delete(client, installed["id"]).status_code == 204
    assert get_one(client, installed["id"]).status_code == 404


def test_the_link_of_a_deleted_installation_is_dead(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered = register(client)

    assert delete(client, registered["id"]).status_code == 204
    assert follow(client, registered).status_code == 404
