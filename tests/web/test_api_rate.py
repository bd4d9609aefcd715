"""How often a key may be used: all routes of the install API together, by key."""

from __future__ import annotations

import dataclasses
import re

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from tests.values import AUTHORIZED, INSTALL_API_KEY, WORKSPACE_ID, FixedClock
from tests.web.flows import INSTALLATIONS, delete, patch, post

OTHER_KEY = "another-key-of-the-platform"
OTHER = {"Authorization": f"Bearer {OTHER_KEY}"}


@pytest.fixture
def hurried(settings: Settings, connections: Connections, clock: FixedClock) -> Flask:
    """A service that lets each of two keys call three times an hour."""
    settings = dataclasses.replace(
        settings, install_rate_limit="3 per hour", install_api_keys=(INSTALL_API_KEY, OTHER_KEY)
    )
    return create_app(settings, build_services(settings, connections, clock))


def use_up(client: FlaskClient) -> None:
    for _ in range(3):
        assert client.get(INSTALLATIONS, headers=AUTHORIZED).status_code == 200


def test_a_key_that_was_used_too_often_is_told_how_long_to_wait(hurried: Flask) -> None:
    client = hurried.test_client()
    use_up(client)

    response = client.get(INSTALLATIONS, headers=AUTHORIZED)

    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 3600
    assert response.json == {
        "code": 429,
        "status": "Too Many Requests",
        "message": "That was too often; Retry-After says how long to wait.",
    }


def test_another_key_may_still_be_used(hurried: Flask) -> None:
    client = hurried.test_client()
    use_up(client)

    assert client.get(INSTALLATIONS, headers=OTHER).status_code == 200


def test_all_calls_count_whatever_comes_of_them(hurried: Flask) -> None:
    client = hurried.test_client()

    statuses = [
        post(client, display="carousel").status_code,
        patch(client, WORKSPACE_ID, display="tabs").status_code,
        delete(client, WORKSPACE_ID).status_code,
        client.get("/api/v1/manifest?appName=Acme", headers=AUTHORIZED).status_code,
    ]

    assert statuses == [422, 404, 404, 429]


def test_who_has_no_key_uses_nothing_up_and_is_told_nothing(hurried: Flask) -> None:
    client = hurried.test_client()
    for _ in range(5):
        client.get(INSTALLATIONS, headers={"Authorization": "Bearer wrong"})
    use_up(client)

    assert client.get(INSTALLATIONS, headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_every_route_of_the_install_api_is_limited(hurried: Flask) -> None:
    client = hurried.test_client()
    use_up(client)

    statuses = {
        (rule.rule, method): client.open(
            re.sub(r"<[^>]+>", WORKSPACE_ID, rule.rule), method=method, headers=AUTHORIZED
        ).status_code
        for rule in hurried.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"OPTIONS"}
    }

    assert len(statuses) >= 6
    assert set(statuses.values()) == {429}


def test_pages_and_events_are_not_limited(hurried: Flask) -> None:
    client = hurried.test_client()
    use_up(client)

    assert client.get("/healthz").status_code == 200
    assert client.get("/openapi.json", headers=AUTHORIZED).status_code == 200


def test_the_key_itself_is_not_kept(hurried: Flask, store: redis.Redis) -> None:
    hurried.test_client().get(INSTALLATIONS, headers=AUTHORIZED)

    (kept,) = store.keys("install_rate:*")
    assert INSTALL_API_KEY not in kept
