"""Errors as answers: by routes that only raise, and by the ways in which real ones go wrong."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import TooManyRequests
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from sectorflow_slack.domain.errors import (
    AppNotMade,
    CannotDecrypt,
    Changed,
    InstallRefused,
    StillUnderWay,
    StorageUnavailable,
)
from sectorflow_slack.web.bodies import MAX_BODY_BYTES
from sectorflow_slack.web.errors import problem
from tests.values import AUTHORIZED, INSTALL_API_KEY, WORKSPACE_ID, install_request
from tests.web.flows import INSTALLATIONS, delete, patch, post, register, show

JSON = {**AUTHORIZED, "Content-Type": "application/json"}


def chunked(client: FlaskClient, path: str, body: bytes, headers: dict[str, str]) -> TestResponse:
    """POST without a Content-Length, as gunicorn hands on a chunked body; Flask's client cannot."""
    builder = EnvironBuilder(path=path, method="POST", headers=headers)
    environ = {
        **builder.get_environ(),
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input_terminated": True,
        "wsgi.input": io.BytesIO(body),
    }
    answer = run_wsgi_app(client.application, environ, buffered=True)
    return TestResponse(*answer, request=builder.get_request())


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (StorageUnavailable("ConnectionError"), 503, "5"),
        (CannotDecrypt("installation:A0:T0 bot_token"), 503, "5"),
        (InstallRefused("apiToken", "SectorFlow refuses this token."), 422, None),
        (AppNotMade("Slack made no app."), 502, None),
        (AppNotMade("Slack makes no app now.", retry_after=30.2), 502, "31"),
        (StillUnderWay(), 503, "5"),
        (Changed(), 503, "5"),
        (problem(422, "A field is wrong.", errors={"json": {"appName": ["Wrong."]}}), 422, None),
        (problem(429, "Too fast.", headers={"Retry-After": "7"}), 429, "7"),
        (TooManyRequests(), 429, None),
        (RuntimeError("secret-in-the-text"), 500, None),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/raise", "/slack/install/raise"])
def test_each_error_has_its_status_as_json_for_programs_and_as_a_page_for_people(
    app: Flask,
    caplog: pytest.LogCaptureFixture,
    path: str,
    error: Exception,
    status: int,
    retry_after: str | None,
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
        assert (
            {"code", "status", "message"} <= response.json.keys() <= {"code", "status", "message", "errors"}
        )
        assert response.json["code"] == status
        assert response.json["message"]
        assert response.headers.get("Retry-After") == retry_after


def test_an_error_that_nobody_foresaw_is_logged_without_the_path(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(link: str) -> None:
        raise RuntimeError

    app.add_url_rule("/slack/install/<link>/broken", view_func=broken)

    response = app.test_client().get("/slack/install/planted-link/broken?code=planted-code")

    assert response.status_code == 500
    assert "request failed" in caplog.text
    assert "planted" not in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nothing",
        b"{'appName': 'Acme'}",
        b'{"appName": "\xff"}',
        b"\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"appName": ' + b"1" * 5_000 + b"}",
    ],
)
def test_a_body_that_is_no_json_is_400(client: FlaskClient, body: bytes) -> None:
    response = client.post(INSTALLATIONS, data=body, headers=JSON)

    assert response.status_code == 400
    assert (response.json or {})["code"] == 400


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"7", b"1e400", b"NaN", b"[[]]"])
def test_a_body_that_is_no_object_is_422(client: FlaskClient, body: bytes) -> None:
    response = client.post(INSTALLATIONS, data=body, headers=JSON)

    assert response.status_code == 422
    assert (response.json or {}).keys() == {"code", "status", "message", "errors"}


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data"],
)
def test_a_body_of_another_type_is_415(client: FlaskClient, content_type: str) -> None:
    response = client.post(INSTALLATIONS, data=b"{}", headers=AUTHORIZED, content_type=content_type)

    assert response.status_code == 415
    assert response.json == {
        "code": 415,
        "status": "Unsupported Media Type",
        "message": "The body must be application/json.",
    }


def test_the_type_may_name_a_charset(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    response = client.post(
        INSTALLATIONS,
        json=install_request(),
        headers={**AUTHORIZED, "Content-Type": "application/json; charset=utf-8"},
    )

    assert response.status_code == 201


@pytest.mark.parametrize("path", [INSTALLATIONS, "/slack/events"])
def test_a_body_over_one_mebibyte_is_413(client: FlaskClient, path: str) -> None:
    body = b"{}".ljust(MAX_BODY_BYTES + 1)

    answers = [client.post(path, data=body, headers=JSON), chunked(client, path, body, JSON)]

    assert [answer.status_code for answer in answers] == [413, 413]
    assert all((answer.json or {})["code"] == 413 for answer in answers)


def test_a_body_of_one_mebibyte_is_read(client: FlaskClient) -> None:
    body = b"{}".ljust(MAX_BODY_BYTES)

    answers = [
        client.post(INSTALLATIONS, data=body, headers=JSON),
        chunked(client, INSTALLATIONS, body, JSON),
        client.post("/slack/events", data=body, headers=JSON),
        chunked(client, "/slack/events", body, JSON),
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 401, 401]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", INSTALLATIONS, "POST"),
        ("POST", f"{INSTALLATIONS}/{WORKSPACE_ID}", "GET"),
        ("GET", "/slack/events", "POST"),
        ("PUT", "/slack/events", "POST"),
        ("OPTIONS", "/slack/events", "POST"),
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


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/api/v1/nothing", 404, "There is nothing at this address."),
        ("PUT", INSTALLATIONS, 405, "does not take that method"),
        ("POST", INSTALLATIONS, 415, "The body must be application/json."),
    ],
)
def test_an_error_says_in_plain_english_what_is_wrong(
    client: FlaskClient, method: str, path: str, status: int, message: str
) -> None:
    response = client.open(path, method=method, headers=AUTHORIZED)

    assert response.status_code == status
    assert message in (response.json or {})["message"]


def test_a_body_that_is_wrong_is_told_so_in_plain_english(client: FlaskClient) -> None:
    answers = [client.post(INSTALLATIONS, data=body, headers=JSON).json or {} for body in (b"{", b"{}")]

    assert [answer["message"] for answer in answers] == [
        "The body is no JSON that can be read.",
        "Something about the request is wrong; errors names each fault.",
    ]


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/v1", "/api/v1/apps", "/slack", "/slack/event", "/static/", "/static/../app.py"],
)
def test_a_path_that_leads_nowhere_is_404(client: FlaskClient, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 404
    assert (response.json or {}).keys() == {"code", "status", "message"}


Ask = Callable[[FlaskClient], TestResponse]


@pytest.mark.parametrize(
    "ask",
    [
        post,
        lambda client: client.get(INSTALLATIONS, headers=AUTHORIZED),
        lambda client: client.get(f"{INSTALLATIONS}/{WORKSPACE_ID}", headers=AUTHORIZED),
        lambda client: patch(client, WORKSPACE_ID, display="tabs"),
        lambda client: delete(client, WORKSPACE_ID),
    ],
    ids=["registering", "listing", "asking", "changing", "deleting"],
)
def test_without_its_store_the_install_api_says_when_to_try_again(
    storeless_client: FlaskClient, sectorflow: responses.RequestsMock, ask: Ask
) -> None:
    response = ask(storeless_client)

    assert response.status_code == 503
    assert (response.json or {})["code"] == 503
    assert response.headers["Retry-After"] == "5"


def test_an_answer_never_names_the_key_that_was_sent(client: FlaskClient) -> None:
    answers = [client.open(path, method="PATCH", headers=AUTHORIZED) for path in (INSTALLATIONS, "/nowhere")]

    assert not [answer for answer in answers if INSTALL_API_KEY in answer.text]


def test_an_error_leaves_nothing_behind(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    registered = register(client)

    post(client, replaces=registered["id"])

    assert show(client, registered["id"]) == registered
