"""Registering with an app configuration token: Slack makes the app."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses
from flask.testing import FlaskClient

from tests.values import CUSTOMERS_APP
from tests.web.flows import CREATE_APP_URL, MADE_APP, errors_of, get, post, register

CONFIG_TOKEN = "xoxe.xoxp-token-that-nobody-may-see"
NEW_APP = {"configToken": CONFIG_TOKEN}
LIMITED = {"status": 429, "json": {"ok": False, "error": "ratelimited"}}


def test_slack_makes_the_app_of_a_configuration_token(
    client_with: Callable[..., FlaskClient], sectorflow: responses.RequestsMock
) -> None:
    client = client_with(slack_app=None)
    sectorflow.post(CREATE_APP_URL, json=MADE_APP)

    shown = register(client, appName="Acme", slackApp=NEW_APP)

    assert (shown["status"], shown["appId"]) == ("pending", CUSTOMERS_APP.app_id)
    (form,) = [call.request.body for call in sectorflow.calls if call.request.url == CREATE_APP_URL]
    manifest = json.loads(parse_qs(form.decode())["manifest"][0])
    assert manifest["display_information"]["name"] == "Acme"
    assert manifest["settings"]["event_subscriptions"]["request_url"].startswith("https://slack.example.com/")


def test_slacks_messages_about_a_manifest_are_passed_on(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    faults = [
        {"message": "URL didn't respond", "pointer": "/settings/event_subscriptions/request_url"},
        {"message": "Name is taken", "pointer": "/display_information/name"},
        {"message": "Name is odd", "pointer": "/display_information/name"},
    ]
    sectorflow.post(CREATE_APP_URL, json={"ok": False, "error": "invalid_manifest", "errors": faults})

    response = post(client, slackApp=NEW_APP)

    assert response.status_code == 502
    answer = response.json or {}
    assert answer["message"].startswith("Slack refused the app's manifest")
    assert answer["errors"] == {
        "slack": {
            "/settings/event_subscriptions/request_url": ["URL didn't respond"],
            "/display_information/name": ["Name is taken", "Name is odd"],
        }
    }


def test_a_configuration_token_that_slack_refuses_is_a_wrong_field(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    sectorflow.post(CREATE_APP_URL, json={"ok": False, "error": "token_expired"})

    assert errors_of(post(client, slackApp=NEW_APP))["slackApp"].keys() == {"configToken"}


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        ({"status": 503}, None),
        (
            {"status": 429, "json": {"ok": False, "error": "ratelimited"}, "headers": {"Retry-After": "30"}},
            "30",
        ),
        ({"status": 429, "json": {"ok": False, "error": "ratelimited"}}, "60"),
    ],
    ids=["away", "limited", "limited without a time"],
)
def test_slack_that_makes_no_app_now_is_a_502_that_says_when_to_ask_again(
    client: FlaskClient, sectorflow: responses.RequestsMock, answer: dict[str, Any], wait: str | None
) -> None:
    sectorflow.post(CREATE_APP_URL, **answer)

    response = post(client, slackApp=NEW_APP)

    assert (response.status_code, response.headers.get("Retry-After")) == (502, wait)
    assert (response.json or {}).keys() == {"code", "status", "message"}


@pytest.mark.parametrize(
    "reply",
    [
        MADE_APP,
        {"ok": False, "error": "token_expired"},
        {"ok": False, "error": "invalid_manifest", "errors": [{"message": CONFIG_TOKEN, "pointer": "/"}]},
        {"ok": False, "error": CONFIG_TOKEN},
    ],
    ids=["made", "refused", "quoted in a message", "quoted as an error"],
)
def test_a_configuration_token_is_in_no_answer_and_no_log(
    client: FlaskClient,
    sectorflow: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
    reply: dict[str, Any],
) -> None:
    caplog.set_level("DEBUG")
    sectorflow.post(CREATE_APP_URL, json=reply)

    answers = [
        post(client, slackApp=NEW_APP),
        post(client, slackApp=NEW_APP, display="carousel"),
        post(client, slackApp={**NEW_APP, "appId": "x"}),
        get(client),
    ]

    assert CONFIG_TOKEN not in "".join(answer.text for answer in answers) + caplog.text
