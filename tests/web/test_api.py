from __future__ import annotations

import dataclasses
import time
from datetime import datetime

import pytest
import requests
import responses
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from sectorflow_slack.services.installs import CHECK_TIMEOUT_SECONDS
from tests.values import (
    API_TOKEN,
    AUTHORIZED,
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
    WORKSPACE_URL,
    consent_reply,
    errors_of,
    install,
    path_of,
    post,
    register,
    show,
)

DAY = 86_400
FIELDS = {
    "id",
    "status",
    "appName",
    "appId",
    "teamId",
    "teamName",
    "customerId",
    "allowExternalUsers",
    "workspaceId",
    "modelIds",
    "plusId",
    "display",
    "botUserId",
    "createdAt",
    "installedAt",
    "installUrl",
    "expiresAt",
    "failure",
}


def test_a_registered_installation_waits_for_a_persons_consent(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    response = post(client, customerId="customer-7", teamId=TEAM_ID)

    assert response.status_code == 201
    shown = dict(response.json or {})
    assert response.headers["Location"] == f"https://slack.example.com{INSTALLATIONS}/{shown['id']}"
    assert shown.pop("installUrl").startswith("https://slack.example.com/slack/install/")
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


def test_an_installation_can_be_asked_for_as_often_as_one_likes(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered = register(client)

    shown = [show(client, registered["id"]), show(client, registered["id"].upper())]

    assert shown == [registered, registered]


def test_the_link_is_a_secret_of_its_own(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    one, other = register(client), register(client)

    links = [path_of(shown["installUrl"]).rpartition("/")[2] for shown in (one, other)]

    assert all(len(link) == 43 for link in links)  # 256 bits, urlsafe base64
    assert links[0] != links[1]
    assert one["id"] not in one["installUrl"]


def test_an_installed_one_is_shown_with_its_team_and_without_its_link(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    installation, _ = install(client, sectorflow)

    shown = show(client, installation["id"])

    assert shown.keys() == FIELDS
    assert (shown["status"], shown["teamId"], shown["teamName"]) == ("installed", TEAM_ID, "Acme")
    assert shown["botUserId"] == BOT_USER_ID
    assert datetime.fromisoformat(shown["installedAt"]).timestamp() == NOW
    assert (shown["installUrl"], shown["expiresAt"], shown["failure"]) == (None, None, None)


def test_a_failed_one_says_why_and_has_no_link_any_more(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered, _ = install(client, sectorflow, reply=consent_reply(app_id="A0OTHER"))

    shown = show(client, registered["id"])

    assert shown.keys() == FIELDS
    assert (shown["status"], shown["failure"]) == ("failed", "other_app")
    assert (shown["installUrl"], shown["expiresAt"]) == (None, None)


def test_an_expired_one_is_shown_without_its_link(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    registered = register(client)

    clock.now += DAY
    shown = show(client, registered["id"])

    assert (shown["status"], shown["installUrl"], shown["expiresAt"]) == ("expired", None, None)


def test_no_answer_holds_a_token_or_a_secret(
    client: FlaskClient, sectorflow: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    app_fields = CUSTOMERS_APP_FIELDS
    first = post(client, slackApp=app_fields)
    second = post(client, slackApp={**app_fields, "clientId": "wrong"}, workspaceId="wrong")
    third, _ = install(client, sectorflow, reply=consent_reply(app_id=OWN_APP.app_id))

    answers = [first.text, second.text, str(show(client, third["id"])), caplog.text]

    secrets = (API_TOKEN, BOT_TOKEN, CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret, CODE)
    assert not [secret for secret in secrets for answer in answers if secret[-12:] in answer]


def test_an_id_that_nobody_has_is_404(client: FlaskClient) -> None:
    response = client.get(f"{INSTALLATIONS}/{WORKSPACE_ID}", headers=AUTHORIZED)

    assert response.status_code == 404
    assert response.json == {
        "code": 404,
        "status": "Not Found",
        "message": "There is no such installation.",
    }


def test_a_path_that_is_no_id_is_404(client: FlaskClient) -> None:
    response = client.get(f"{INSTALLATIONS}/not-an-id", headers=AUTHORIZED)

    assert response.status_code == 404
    assert (response.json or {})["code"] == 404


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_sectorflow_refuses_is_a_wrong_field(
    client: FlaskClient, outside: responses.RequestsMock, status: int
) -> None:
    outside.get(WORKSPACE_URL, status=status)

    response = post(client)

    assert errors_of(response) == {"apiToken": ["SectorFlow refuses this token."]}


def test_a_workspace_that_sectorflow_does_not_know_is_a_wrong_field(
    client: FlaskClient, outside: responses.RequestsMock
) -> None:
    outside.get(WORKSPACE_URL, status=404)

    response = post(client)

    assert errors_of(response) == {"workspaceId": ["SectorFlow knows no such workspace."]}


def test_the_check_asks_with_the_token_and_posts_nothing(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    register(client)

    (call,) = sectorflow.calls
    assert (call.request.method, call.request.url) == ("GET", WORKSPACE_URL)
    assert call.request.headers["Authorization"] == f"Bearer {API_TOKEN}"
    assert call.request.body is None


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ConnectionError("refused")},
        {"body": requests.ReadTimeout("slow")},
        {"status": 400},
        {"status": 429, "headers": {"Retry-After": "3600"}},
        {"status": 500, "body": "Traceback"},
        {"status": 503},
        {"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"status": 200, "body": "<html>Maintenance</html>"},
        {"status": 200, "json": []},
        {"status": 200, "json": None},
        {"status": 200, "body": ""},
        {"status": 200, "body": "[" * 100_000},
    ],
)
def test_sectorflow_being_away_or_odd_stops_nothing(
    client: FlaskClient, outside: responses.RequestsMock, answer: dict[str, object]
) -> None:
    outside.get(WORKSPACE_URL, **answer)

    response = post(client)

    assert response.status_code == 201


def test_sectorflow_that_never_answers_stops_nothing(
    settings: Settings, connections: Connections, silent_port: int
) -> None:
    settings = dataclasses.replace(settings, sectorflow_base_url=f"http://127.0.0.1:{silent_port}")
    client = create_app(settings, build_services(settings, connections)).test_client()
    began = time.monotonic()

    response = post(client)

    assert response.status_code == 201
    assert time.monotonic() - began < 10


def test_sectorflow_gets_at_most_half_of_the_ten_seconds_in_which_the_install_api_answers() -> None:
    assert CHECK_TIMEOUT_SECONDS <= 5


def test_a_wrong_field_is_refused_before_sectorflow_is_asked(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    response = post(client, display="carousel")

    assert errors_of(response).keys() == {"display"}
    assert not sectorflow.calls
