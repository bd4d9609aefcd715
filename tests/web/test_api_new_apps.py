"""Registering with a configuration token: Slack makes the app."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from tests.values import AUTHORIZED, CUSTOMERS_APP, FixedClock
from tests.web.flows import CREATE_APP_URL, CUSTOMERS_APP_FIELDS, INSTALLATIONS, errors_of, post, register

CONFIG_TOKEN = "xoxe.xoxp-token-that-nobody-may-see"
MADE = {
    "ok": True,
    "app_id": CUSTOMERS_APP.app_id,
    "credentials": {
        "client_id": CUSTOMERS_APP.client_id,
        "client_secret": CUSTOMERS_APP.client_secret,
        "signing_secret": CUSTOMERS_APP.signing_secret,
    },
}


def made_calls(slack: responses.RequestsMock) -> list[Any]:
    return [call.request for call in slack.calls if call.request.url == CREATE_APP_URL]


def test_slack_makes_the_app_of_a_manifest(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    sectorflow.post(CREATE_APP_URL, json=MADE)

    shown = register(client, appName="Acme", slackApp={"configToken": CONFIG_TOKEN})

    assert (shown["status"], shown["appId"]) == ("pending", CUSTOMERS_APP.app_id)
    (call,) = made_calls(sectorflow)
    manifest = json.loads(parse_qs(call.body.decode())["manifest"][0])
    assert manifest["display_information"]["name"] == "Acme"
    assert manifest["settings"]["event_subscriptions"]["request_url"].startswith("https://slack.example.com/")


def test_a_service_without_an_app_of_its_own_has_one_made(
    settings: Settings, connections: Connections, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    settings = dataclasses.replace(settings, slack_app=None)
    client = create_app(settings, build_services(settings, connections, clock)).test_client()
    sectorflow.post(CREATE_APP_URL, json=MADE)

    response = post(client, slackApp={"configToken": CONFIG_TOKEN})

    assert response.status_code == 201


@pytest.mark.parametrize("extra", CUSTOMERS_APP_FIELDS)
def test_a_token_beside_credentials_is_a_mix_that_is_refused(
    client: FlaskClient, sectorflow: responses.RequestsMock, extra: str
) -> None:
    mix = {"configToken": CONFIG_TOKEN, extra: CUSTOMERS_APP_FIELDS[extra]}

    found = errors_of(post(client, slackApp=mix))["slackApp"]

    assert "beside" in found["configToken"][0]
    assert found.keys() == {"configToken", *CUSTOMERS_APP_FIELDS} - {extra}
    assert not made_calls(sectorflow)


def test_of_a_mix_that_lacks_nothing_only_what_is_too_much_is_named(client: FlaskClient) -> None:
    response = post(client, slackApp={**CUSTOMERS_APP_FIELDS, "configToken": CONFIG_TOKEN})

    assert errors_of(response)["slackApp"].keys() == {"configToken"}


def test_of_an_empty_object_all_that_is_missing_is_named(client: FlaskClient) -> None:
    response = post(client, slackApp={})

    assert errors_of(response)["slackApp"].keys() == {"configToken", *CUSTOMERS_APP_FIELDS}


@pytest.mark.parametrize("token", ["", " ", "to ken", "tokén", "t\n", "t" * 4097, None, 7, ["t"], {}])
def test_a_token_that_can_be_none_is_refused(
    client: FlaskClient, sectorflow: responses.RequestsMock, token: Any
) -> None:
    response = post(client, slackApp={"configToken": token})

    assert errors_of(response)["slackApp"].keys() == {"configToken"}
    assert not made_calls(sectorflow)


def test_an_unknown_field_beside_the_token_is_named(client: FlaskClient) -> None:
    response = post(client, slackApp={"configToken": CONFIG_TOKEN, "color": "red"})

    assert errors_of(response)["slackApp"] == {"color": ["Unknown field."]}


def test_what_slack_says_about_a_manifest_is_passed_on(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    faults = [
        {"message": "URL didn't respond", "pointer": "/settings/event_subscriptions/request_url"},
        {"message": "Name is taken", "pointer": "/display_information/name"},
        {"message": "Name is odd", "pointer": "/display_information/name"},
    ]
    sectorflow.post(CREATE_APP_URL, json={"ok": False, "error": "invalid_manifest", "errors": faults})

    response = post(client, slackApp={"configToken": CONFIG_TOKEN})

    assert response.status_code == 502
    answer = response.json or {}
    assert answer["message"].startswith("Slack refused the app's manifest")
    assert answer["errors"] == {
        "slack": {
            "/settings/event_subscriptions/request_url": ["URL didn't respond"],
            "/display_information/name": ["Name is taken", "Name is odd"],
        }
    }


def test_a_token_that_slack_refuses_is_a_wrong_field(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    sectorflow.post(CREATE_APP_URL, json={"ok": False, "error": "token_expired"})

    response = post(client, slackApp={"configToken": CONFIG_TOKEN})

    assert errors_of(response)["slackApp"].keys() == {"configToken"}


def test_slack_being_away_is_no_fault_of_the_request(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    sectorflow.post(CREATE_APP_URL, status=503)

    response = post(client, slackApp={"configToken": CONFIG_TOKEN})

    assert response.status_code == 502
    assert (response.json or {}).keys() == {"code", "status", "message"}


@pytest.mark.parametrize(("headers", "wait"), [({"Retry-After": "30"}, "30"), ({}, "60")])
def test_where_slack_makes_no_more_apps_for_the_moment_one_is_told_when_to_ask_again(
    client: FlaskClient, sectorflow: responses.RequestsMock, headers: dict[str, str], wait: str
) -> None:
    limited = {"ok": False, "error": "ratelimited"}
    sectorflow.post(CREATE_APP_URL, status=429, json=limited, headers=headers)

    response = post(client, slackApp={"configToken": CONFIG_TOKEN})

    assert (response.status_code, response.headers["Retry-After"]) == (502, wait)
    assert "no app" in (response.json or {})["message"]


@pytest.mark.parametrize(
    "reply",
    [
        MADE,
        {"ok": False, "error": "token_expired"},
        {"ok": False, "error": "invalid_manifest", "errors": [{"message": CONFIG_TOKEN, "pointer": "/"}]},
        {"ok": False, "error": CONFIG_TOKEN},
    ],
)
def test_the_token_is_in_no_answer_and_no_log(
    client: FlaskClient,
    sectorflow: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
    reply: dict[str, Any],
) -> None:
    caplog.set_level("DEBUG")
    sectorflow.post(CREATE_APP_URL, json=reply)

    answers = [
        post(client, slackApp={"configToken": CONFIG_TOKEN}),
        post(client, slackApp={"configToken": CONFIG_TOKEN}, display="carousel"),
        post(client, slackApp={"configToken": CONFIG_TOKEN, "appId": "x"}),
        client.get(INSTALLATIONS, headers=AUTHORIZED),
    ]

    assert CONFIG_TOKEN not in "".join(answer.text for answer in answers) + caplog.text
