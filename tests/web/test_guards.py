"""The guards of the install API (key, rate, type and size of the body) and the headers of every answer."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable

import pytest
import redis
import responses
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from tests.values import AUTHORIZED, INSTALL_API_KEY, WORKSPACE_ID
from tests.web.flows import INSTALLATIONS, delete, get, patch, post

JSON = {**AUTHORIZED, "Content-Type": "application/json"}
OTHER_KEY = "another-key-of-the-platform"
MEBIBYTE = 1_048_576


def install_api_calls(app: Flask) -> list[tuple[str, str]]:
    """Each method and path of the install API."""
    return [
        (method, re.sub(r"<[^>]+>", WORKSPACE_ID, rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in sorted((rule.methods or set()) - {"OPTIONS"})
    ]


# The install API key


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer ",
        "Bearer wrong-key-of-the-platform",
        f"Bearer {INSTALL_API_KEY}x",
        f"Bearer {INSTALL_API_KEY[:-1]}",
        f"Bearer {INSTALL_API_KEY} {INSTALL_API_KEY}",
        f"Basic {INSTALL_API_KEY}",
        INSTALL_API_KEY,
        f"Bearer{INSTALL_API_KEY}",
        "Bearer schlüssel-der-plattform",
        "Bearer \xff\xfe\x80",
        "Bearer " + "x" * 60_000,
    ],
)
def test_a_request_without_a_key_is_refused(client: FlaskClient, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    response = client.get(INSTALLATIONS, headers=headers)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json == {
        "code": 401,
        "status": "Unauthorized",
        "message": "An install API key is needed.",
    }


def test_every_route_of_the_install_api_asks_for_a_key_before_it_reads_the_body(app: Flask) -> None:
    client, calls = app.test_client(), install_api_calls(app)

    refused = [
        (method, path)
        for method, path in calls
        if client.open(path, method=method, data=b"{", content_type="text/plain").status_code == 401
    ]

    assert len(calls) >= 7
    assert refused == calls


def test_each_of_several_keys_is_good_in_its_header_alone(client_with: Callable[..., FlaskClient]) -> None:
    client = client_with(install_api_keys=("the-new-key", "the-old-key"))
    values = ("Bearer the-new-key", "bearer the-old-key", "BEARER the-old-key", f"Bearer {INSTALL_API_KEY}")

    statuses = [client.get(INSTALLATIONS, headers={"Authorization": value}).status_code for value in values]

    assert statuses == [200, 200, 200, 401]
    assert client.get(f"{INSTALLATIONS}?key=the-new-key").status_code == 401


def test_a_key_is_in_no_answer_and_no_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    answers = [
        client.get(INSTALLATIONS, headers={"Authorization": "Bearer planted-wrong-key"}),
        client.patch(INSTALLATIONS, headers=AUTHORIZED),
        client.get("/nowhere", headers=AUTHORIZED),
    ]

    seen = caplog.text + "".join(answer.text + str(answer.headers) for answer in answers)
    assert "planted" not in seen
    assert INSTALL_API_KEY not in seen


# How often a key may be used


@pytest.fixture
def limited(client_with: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of a service that lets each of two keys call three times an hour."""
    return client_with(install_rate_limit="3 per hour", install_api_keys=(INSTALL_API_KEY, OTHER_KEY))


@pytest.fixture
def used_up(limited: FlaskClient) -> FlaskClient:
    """The same, after the first key was used three times."""
    assert [get(limited).status_code for _ in range(3)] == [200, 200, 200]
    return limited


def test_a_key_that_was_used_too_often_is_told_how_long_to_wait(used_up: FlaskClient) -> None:
    response = get(used_up)

    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 3600
    assert response.json == {
        "code": 429,
        "status": "Too Many Requests",
        "message": "Too many requests; Retry-After says how long to wait.",
    }


def test_every_route_of_the_install_api_is_limited(used_up: FlaskClient) -> None:
    statuses = {
        used_up.open(path, method=method, headers=AUTHORIZED).status_code
        for method, path in install_api_calls(used_up.application)
    }

    assert statuses == {429}


def test_the_limit_is_for_each_key_alone_and_for_the_install_api_alone(used_up: FlaskClient) -> None:
    other = {"Authorization": f"Bearer {OTHER_KEY}"}

    assert used_up.get(INSTALLATIONS, headers=other).status_code == 200
    assert used_up.get("/openapi.json", headers=AUTHORIZED).status_code == 200


def test_calls_that_fail_count_too_but_not_those_without_a_key(limited: FlaskClient) -> None:
    statuses = [
        *[limited.get(INSTALLATIONS).status_code for _ in range(4)],
        post(limited, display="carousel").status_code,
        patch(limited, WORKSPACE_ID, display="tabs").status_code,
        delete(limited, WORKSPACE_ID).status_code,
        get(limited).status_code,
    ]

    assert statuses == [401, 401, 401, 401, 422, 404, 404, 429]


def test_the_key_itself_is_not_stored(limited: FlaskClient, store: redis.Redis) -> None:
    get(limited)

    (stored,) = store.keys("install_rate:*")
    assert INSTALL_API_KEY not in stored


# Bodies


NO_JSON = [
    *(b"", b" ", b"{", b"nothing", b"{'appName': 'Acme'}", b'{"appName": "\xff"}', b"\x00"),
    *(b"[" * 100_000, b'{"a":' * 100_000, b'{"appName": ' + b"1" * 5_000 + b"}"),
]
NO_OBJECTS = [b"[]", b"null", b'"text"', b"7", b"1e400", b"NaN", b"[[]]"]
WRITES = [("POST", INSTALLATIONS), ("PATCH", f"{INSTALLATIONS}/{WORKSPACE_ID}")]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(("bodies", "status"), [(NO_JSON, 400), (NO_OBJECTS, 422)], ids=["json", "object"])
def test_a_body_that_is_not_json_is_400_and_one_that_is_not_an_object_422(
    client: FlaskClient, method: str, path: str, bodies: list[bytes], status: int
) -> None:
    answers = [client.open(path, method=method, data=body, headers=JSON) for body in bodies]

    assert [answer.status_code for answer in answers] == [status] * len(bodies)
    assert [(answer.json or {})["code"] for answer in answers] == [status] * len(bodies)


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data"],
)
def test_a_body_of_another_type_is_415(client: FlaskClient, content_type: str) -> None:
    answers = [
        client.open(path, method=method, data=b"{}", headers=AUTHORIZED, content_type=content_type)
        for method, path in WRITES
    ]

    assert [answer.json for answer in answers] == [
        {"code": 415, "status": "Unsupported Media Type", "message": "The body must be application/json."}
    ] * 2


def test_the_type_may_name_a_charset(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    response = post(client, headers={"Content-Type": "application/json; charset=utf-8"})

    assert response.status_code == 201


def chunked(client: FlaskClient, path: str, body: bytes) -> TestResponse:
    """POST without a Content-Length, as gunicorn hands on a chunked body; Flask's client cannot."""
    builder = EnvironBuilder(path=path, method="POST", headers=JSON)
    environ = {
        **builder.get_environ(),
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input_terminated": True,
        "wsgi.input": io.BytesIO(body),
    }
    answer = run_wsgi_app(client.application, environ, buffered=True)
    return TestResponse(*answer, request=builder.get_request())


@pytest.mark.parametrize(
    ("path", "status"), [(INSTALLATIONS, 422), ("/slack/events", 401), ("/slack/interactions", 401)]
)
def test_a_body_of_one_mebibyte_is_read_and_a_larger_one_is_413(
    client: FlaskClient, path: str, status: int
) -> None:
    answers = [
        answer
        for size in (MEBIBYTE, MEBIBYTE + 1)
        for body in (b"{}".ljust(size),)
        for answer in (client.post(path, data=body, headers=JSON), chunked(client, path, body))
    ]

    assert [answer.status_code for answer in answers] == [status, status, 413, 413]
    assert [(answer.json or {})["code"] for answer in answers[2:]] == [413, 413]


# Security headers

PATHS = [
    "/healthz",
    "/docs",
    "/openapi.json",
    "/static/page.css",
    "/static/docs.js",
    "/static/nothing",
    "/slack/install/nowhere",
    "/slack/oauth_redirect",
    "/slack/events",
    INSTALLATIONS,
    "/nowhere",
]


def policy(response: TestResponse) -> dict[str, list[str]]:
    """The Content-Security-Policy, by directive."""
    header = response.headers["Content-Security-Policy"]
    return {name: values for name, *values in (part.split() for part in header.split(";"))}


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_restricts_the_browser(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        found = policy(response)

    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert found["default-src"] == found["frame-ancestors"] == found["base-uri"] == ["'none'"]
    assert found["form-action"] == ["'none'"]
    if path == "/docs":
        assert found["script-src"] == found["connect-src"] == ["'self'"]
    else:
        assert "script-src" not in found
        assert found["style-src"] == found["img-src"] == ["'self'"]
    assert (response.headers.get("Cache-Control") == "no-store") != path.startswith("/static/")


def test_an_unexpected_error_carries_the_headers_too(app: Flask) -> None:
    def broken() -> list[str]:
        raise RuntimeError

    services = app.extensions["sectorflow_slack"]
    app.extensions["sectorflow_slack"] = dataclasses.replace(services, missing=broken)

    response = app.test_client().get("/readyz")

    assert response.status_code == 500
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert policy(response)["default-src"] == ["'none'"]
