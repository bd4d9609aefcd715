"""Errors as answers: by routes that only raise, and by the ways in which real ones go wrong."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import TooManyRequests

from sectorflow_slack.domain.errors import (
    AppNotCreated,
    CannotDecrypt,
    InstallRefused,
    RequestInProgress,
    RevisionConflict,
    StorageUnavailable,
)
from sectorflow_slack.web.errors import problem
from tests.values import AUTHORIZED, WORKSPACE_ID
from tests.web.flows import INSTALLATIONS, delete, errors_of, get, get_one, patch, post


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (StorageUnavailable("ConnectionError"), 503, "5"),
        (CannotDecrypt("installation:A0:T0 bot_token"), 503, "5"),
        (InstallRefused("apiToken", "SectorFlow refuses this token."), 422, None),
        (AppNotCreated("Slack made no app."), 502, None),
        (AppNotCreated("Slack makes no app now.", retry_after=30.2), 502, "31"),
        (AppNotCreated("Slack makes no app now.", retry_after=0.0), 502, "1"),
        (RequestInProgress(), 503, "5"),
        (RevisionConflict(), 503, "5"),
        (problem(422, "A field is wrong.", errors={"json": {"appName": ["Wrong."]}}), 422, None),
        (problem(429, "Too fast.", headers={"Retry-After": "7"}), 429, "7"),
        (TooManyRequests(), 429, None),
        (RuntimeError("secret-in-the-text"), 500, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
@pytest.mark.parametrize("path", ["/api/v1/raise", "/slack/install/raise", "/slack/oauth_redirect/raise"])
def test_each_error_has_its_status_as_json_for_programs_and_as_a_page_for_people(
    app: Flask, path: str, error: Exception, status: int, retry_after: str | None
) -> None:
    def raising() -> None:
        raise error

    app.add_url_rule(path, view_func=raising)

    response = app.test_client().get(path)

    assert response.status_code == status
    assert "secret-in-the-text" not in response.text
    assert "installation:A0" not in response.text
    if path.startswith("/slack"):
        assert response.mimetype == "text/html"
    else:
        assert response.json is not None
        assert response.json.keys() - {"errors"} == {"code", "status", "message"}
        assert response.json["code"] == status
        assert response.json["message"]
        assert response.headers.get("Retry-After") == retry_after


def test_a_change_at_once_is_412_for_a_caller_that_named_a_version(app: Flask) -> None:
    def raising() -> None:
        raise RevisionConflict

    app.add_url_rule("/raise", view_func=raising)

    assert app.test_client().get("/raise", headers={"If-Match": '"a-version"'}).status_code == 412


@pytest.mark.parametrize(
    ("error", "where", "named"),
    [
        (InstallRefused("slackApp.configToken", "Bad."), "json", {"slackApp": {"configToken": ["Bad."]}}),
        (InstallRefused("Idempotency-Key", "Bad."), "headers", {"Idempotency-Key": ["Bad."]}),
    ],
    ids=["in the body", "in the headers"],
)
def test_a_refusal_names_its_field_by_the_place_that_it_came_in(
    app: Flask, error: Exception, where: str, named: dict[str, object]
) -> None:
    def raising() -> None:
        raise error

    app.add_url_rule("/raise", view_func=raising)

    response = app.test_client().get("/raise")

    assert errors_of(response, where) == named


def test_an_unexpected_error_is_logged_without_the_path(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    def broken(link: str) -> None:
        raise RuntimeError

    app.add_url_rule("/slack/install/<link>/broken", view_func=broken)

    response = app.test_client().get("/slack/install/planted-link/broken?code=planted-code")

    assert response.status_code == 500
    assert "request failed" in caplog.text
    assert "planted" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", INSTALLATIONS, "POST"),
        ("POST", f"{INSTALLATIONS}/{WORKSPACE_ID}", "GET"),
        ("DELETE", f"{INSTALLATIONS}/{WORKSPACE_ID}/feedback", "GET"),
        ("GET", "/slack/events", "POST"),
        ("OPTIONS", "/slack/events", "POST"),
        ("GET", "/slack/interactions", "POST"),
        ("POST", "/slack/install/link", "GET"),
        ("POST", "/slack/oauth_redirect", "GET"),
        ("DELETE", "/docs", "GET"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_another_method_is_405_and_told_what_is_allowed(
    client: FlaskClient, method: str, path: str, allowed: str
) -> None:
    response = client.open(path, method=method, headers=AUTHORIZED)

    assert response.status_code == 405
    assert allowed in response.headers["Allow"].split(", ")


def test_errors_say_in_plain_english_what_is_wrong(client: FlaskClient) -> None:
    messages = [
        (client.open(path, method=method, json={}, headers=AUTHORIZED).json or {})["message"]
        for method, path in (("GET", "/api/v1/nothing"), ("PUT", INSTALLATIONS), ("POST", INSTALLATIONS))
    ]

    assert messages == [
        "There is nothing at this address.",
        "This address does not support that method; the Allow header names those that it does.",
        "The request is wrong; errors names each fault.",
    ]


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/v1", "/api/v1/apps", "/slack", "/slack/event", "/static/", "/static/../app.py"],
)
def test_a_path_that_leads_nowhere_is_404(client: FlaskClient, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 404
    assert (response.json or {}).keys() == {"code", "status", "message"}


def test_while_the_store_is_away_the_install_api_says_when_to_try_again(
    storeless_client: FlaskClient,
) -> None:
    answers = [
        post(storeless_client),
        get(storeless_client),
        get_one(storeless_client, WORKSPACE_ID),
        patch(storeless_client, WORKSPACE_ID, display="tabs"),
        delete(storeless_client, WORKSPACE_ID),
        get(storeless_client, f"{INSTALLATIONS}/{WORKSPACE_ID}/feedback"),
    ]

    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in answers] == [(503, "5")] * 6
    assert {(answer.json or {})["code"] for answer in answers} == {503}
