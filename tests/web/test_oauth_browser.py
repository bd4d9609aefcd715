"""One browser goes all the way: its cookie and the state have to fit, and do so once."""

from __future__ import annotations

import dataclasses
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services
from tests.web.flows import (
    ACCESS_URL,
    CODE,
    COOKIE,
    come_back,
    consent_reply,
    follow,
    install,
    register,
    set_off,
)

OTHER_BROWSER, NO_COOKIE = "Please use one browser all the way", "This page was opened a second time"


def cookie_of(headers: str) -> dict[str, object]:
    (morsel,) = SimpleCookie(headers).values()
    return {name: value for name, value in morsel.items() if value}


@pytest.mark.parametrize(
    ("public_url", "secure"), [("https://slack.example.com", True), ("http://localhost:8000", False)]
)
def test_the_state_is_in_a_cookie_that_only_this_browser_and_this_service_see(
    settings: Settings,
    services: Services,
    sectorflow: responses.RequestsMock,
    public_url: str,
    secure: bool,
) -> None:
    app = create_app(dataclasses.replace(settings, public_url=public_url), services)
    client = app.test_client()
    installation = register(client)

    response = follow(client, installation)

    (header,) = response.headers.getlist("Set-Cookie")
    attributes = cookie_of(header)
    attributes.pop("expires")
    state = dict(parse_qsl(urlsplit(response.headers["Location"]).query))["state"]
    assert header.startswith(f"{COOKIE}={state};")
    expected = {"httponly": True, "samesite": "Lax", "path": "/slack", "max-age": "600"}
    assert attributes == (expected | {"secure": True} if secure else expected)


def test_each_visit_gets_a_state_of_its_own(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    installation = register(client)

    states = {set_off(client, installation) for _ in range(3)}

    assert len(states) == 3


def test_the_cookie_is_gone_after_a_good_end_and_after_a_bad_one(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    _, good = install(client, sectorflow)
    bad = come_back(client, state="x", code=CODE)

    for response in (good, bad):
        (header,) = response.headers.getlist("Set-Cookie")
        attributes = cookie_of(header)
        assert header.startswith(f"{COOKIE}=;")
        assert (attributes["path"], attributes.get("max-age")) == ("/slack", "0")


def test_a_state_works_once(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    installation = register(client)
    state = set_off(client, installation)
    come_back(client, state=state, error="access_denied")
    client.set_cookie(COOKIE, state, path="/slack")

    page = come_back(client, state=state, code=CODE)

    assert page.status_code == 400
    assert "<title>This step is over " in page.text


@pytest.mark.parametrize(
    ("cookie", "title"),
    [
        (None, NO_COOKIE),
        ("", NO_COOKIE),
        ("another-state", OTHER_BROWSER),
        ("é", OTHER_BROWSER),
        ("\ufffd", OTHER_BROWSER),
    ],
)
def test_another_browser_cannot_finish_what_this_one_began(
    app: Flask, sectorflow: responses.RequestsMock, cookie: str | None, title: str
) -> None:
    begun_in, other = app.test_client(), app.test_client()
    state = set_off(begun_in, register(begun_in))
    if cookie is not None:
        other.set_cookie(COOKIE, cookie, path="/slack")

    page = come_back(other, state=state, code=CODE)
    sectorflow.post(ACCESS_URL, json=consent_reply())
    own = come_back(begun_in, state=state, code=CODE)

    assert page.status_code == 400
    assert f"<title>{title} " in page.text
    assert own.status_code == 200  # the state was not used up by the other one


@pytest.mark.parametrize("query", ["", "state=", "state=%FF%FE", "state[]=1", "state=a&state=b", "code=x"])
def test_coming_back_without_ones_own_state_is_a_page(client: FlaskClient, query: str) -> None:
    response = client.get(f"/slack/oauth_redirect?{query}")

    assert response.status_code == 400
    assert response.mimetype == "text/html"


def test_a_state_of_another_trip_does_not_fit_this_browsers_cookie(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    first, second = register(client), register(client)
    older_state = set_off(client, first)
    set_off(client, second)

    page = come_back(client, state=older_state, code=CODE)

    assert page.status_code == 400
