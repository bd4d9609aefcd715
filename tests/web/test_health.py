from __future__ import annotations

import time
from dataclasses import replace

import fakeredis
import pytest
from flask.testing import FlaskClient
from redis import Redis

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services
from sectorflow_slack.storage.health import missing_parts


def test_a_living_process_says_so(client: FlaskClient) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_a_process_with_its_store_is_ready(settings: Settings, services: Services) -> None:
    client = create_app(settings, replace(services, warnings=list)).test_client()

    response = client.get("/readyz")

    ready = {"status": "ok", "missing": [], "warnings": []}
    assert (response.status_code, response.json) == (200, ready)


def test_a_process_whose_store_may_lose_something_is_ready_and_says_so(
    settings: Settings, services: Services
) -> None:
    client = create_app(settings, replace(services, warnings=lambda: ["Redis may."])).test_client()

    response = client.get("/readyz")

    ready = {"status": "ok", "missing": [], "warnings": ["Redis may."]}
    assert (response.status_code, response.json) == (200, ready)


@pytest.mark.real_redis
def test_the_warnings_are_those_about_the_store(settings: Settings, real_redis_url: str) -> None:
    client = create_app(replace(settings, redis_url=real_redis_url)).test_client()

    with Redis.from_url(real_redis_url, decode_responses=True) as admin:
        kept = admin.config_get("maxmemory-policy")["maxmemory-policy"]
        admin.config_set("maxmemory-policy", "allkeys-lru")
        try:
            found = client.get("/readyz").json
        finally:
            admin.config_set("maxmemory-policy", kept)

    assert "allkeys-lru" in str((found or {})["warnings"])


def test_a_process_without_its_store_lives(storeless_client: FlaskClient) -> None:
    response = storeless_client.get("/healthz")

    assert response.status_code == 200


def test_a_process_without_its_store_is_not_ready_and_names_it(storeless_client: FlaskClient) -> None:
    began = time.monotonic()

    response = storeless_client.get("/readyz")

    away = {"status": "unavailable", "missing": ["redis"], "warnings": []}
    assert (response.status_code, response.json) == (503, away)
    assert time.monotonic() - began < 3


def test_a_store_that_went_away_is_missing() -> None:
    server = fakeredis.FakeServer()
    reachable = fakeredis.FakeRedis(server=server)
    assert missing_parts(reachable) == []

    server.connected = False
    missing = missing_parts(reachable)

    assert missing == ["redis"]


@pytest.mark.real_redis
def test_a_store_that_is_read_only_is_missing(real_redis_url: str) -> None:
    with Redis.from_url(real_redis_url) as admin:
        admin.config_set("min-replicas-to-write", 1)
        try:
            missing = missing_parts(admin)
        finally:
            admin.config_set("min-replicas-to-write", 0)

    assert missing == ["redis"]


def test_readiness_leaves_nothing_that_stays(client: FlaskClient, store: Redis) -> None:
    client.get("/readyz")

    assert [key for key in store.scan_iter() if store.ttl(key) == -1] == []
