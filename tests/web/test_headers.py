from __future__ import annotations

import dataclasses

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient

from tests.values import AUTHORIZED, WORKSPACE_ID, encoded, make_event
from tests.web.flows import INSTALLATIONS, install, post, send, send_signed

PATHS = [
    "/healthz",
    "/readyz",
    "/docs",
    "/openapi.json",
    "/static/page.css",
    "/static/icon.svg",
    "/static/docs.js",
    "/static/swagger-ui/swagger-ui-bundle.js",
    "/static/nothing",
    "/slack/install/nowhere",
    "/slack/oauth_redirect",
    "/slack/events",
    INSTALLATIONS,
    f"{INSTALLATIONS}/{WORKSPACE_ID}",
    "/nowhere",
]


def policy(header: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in header.split(";"))}


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_tells_browsers_to_do_little(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        headers = response.headers

    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    found = policy(headers["Content-Security-Policy"])
    assert found["default-src"] == found["frame-ancestors"] == found["base-uri"] == ["'none'"]


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/docs"])
def test_nothing_runs_in_what_people_and_programs_are_shown(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        found = policy(response.headers["Content-Security-Policy"])

    assert "script-src" not in found
    assert "'unsafe-inline'" not in str(found)
    assert found["style-src"] == found["img-src"] == ["'self'"]
    assert found["form-action"] == ["'none'"]


def test_the_docs_run_their_own_scripts_and_reach_nothing_else(client: FlaskClient) -> None:
    response = client.get("/docs")

    found = policy(response.headers["Content-Security-Policy"])
    assert found["script-src"] == found["connect-src"] == ["'self'"]


def test_the_whole_way_carries_the_headers(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    registered = post(client)
    _, page = install(client, sectorflow)
    event = send_signed(client, make_event())
    refused = send(client, encoded(make_event()), {})

    for response in (registered, page, event, refused):
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("path", "stored"), [("/slack/install/x", False), ("/static/page.css", True)])
def test_only_assets_may_be_kept_by_a_browser(client: FlaskClient, path: str, stored: bool) -> None:
    with client.get(path) as response:
        cached = response.headers["Cache-Control"] != "no-store"

    assert cached == stored


def test_an_error_that_nobody_foresaw_carries_the_headers_too(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    services = app.extensions["sectorflow_slack"]

    def broken() -> list[str]:
        raise RuntimeError

    app.extensions["sectorflow_slack"] = dataclasses.replace(services, missing=broken)

    response = app.test_client().get("/readyz", headers=AUTHORIZED)

    assert response.status_code == 500
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
