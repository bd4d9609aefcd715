from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services
from tests.values import make_event
from tests.web.flows import send_signed

AWAY = {"status": "unavailable", "missing": ["redis"], "warnings": []}


@pytest.fixture(params=["refusing", "hanging"])
def lost_redis_client(request: pytest.FixtureRequest, settings: Settings) -> Iterator[FlaskClient]:
    """A client of a service whose Redis refuses connections, or takes them and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        if request.param == "refusing":
            server.close()
        yield create_app(replace(settings, redis_url=url)).test_client()


def test_a_living_process_is_healthy(client: FlaskClient) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("warnings", [[], ["Redis may evict keys."]])
def test_a_process_with_its_store_is_ready_and_passes_warnings_on(
    settings: Settings, services: Services, warnings: list[str]
) -> None:
    client = create_app(settings, replace(services, warnings=lambda: warnings)).test_client()

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json == {"status": "ok", "missing": [], "warnings": warnings}


def test_without_redis_a_process_is_healthy_and_not_ready_and_refuses_events(
    lost_redis_client: FlaskClient,
) -> None:
    ready = lost_redis_client.get("/readyz")

    assert (ready.status_code, ready.json) == (503, AWAY)
    assert lost_redis_client.get("/healthz").status_code == 200
    assert send_signed(lost_redis_client, make_event()).status_code == 503


@pytest.mark.real_redis
def test_the_warnings_are_those_about_the_store(settings: Settings, real_redis_url: str) -> None:
    client = create_app(replace(settings, redis_url=real_redis_url)).test_client()

    with redis.Redis.from_url(real_redis_url, decode_responses=True) as admin:
        policy = admin.config_get("maxmemory-policy")["maxmemory-policy"]
        admin.config_set("maxmemory-policy", "allkeys-lru")
        try:
            found = client.get("/readyz").json
        finally:
            admin.config_set("maxmemory-policy", policy)

    assert "allkeys-lru" in str((found or {})["warnings"])


def test_readiness_leaves_nothing_that_stays(client: FlaskClient, store: redis.Redis) -> None:
    client.get("/readyz")

    assert [key for key in store.scan_iter() if store.ttl(key) == -1] == []
