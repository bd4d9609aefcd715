"""Liveness and readiness."""

import socket
from dataclasses import replace

import pytest
import redis

from sectorflow_slack.app import create_app
from tests.values import make_event


@pytest.fixture(params=["refusing", "hanging"])
def redisless_client(request, settings):
    """A client of a service whose Redis refuses connections, or accepts them and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        if request.param == "refusing":
            server.close()
        yield create_app(replace(settings, redis_url=url)).test_client()


def test_a_running_process_is_healthy(client):
    response = client.get("/healthz")

    assert (response.status_code, response.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("warnings", [[], ["Redis may evict keys."]])
def test_a_process_with_redis_is_ready_and_shows_warnings(settings, services, warnings):
    client = create_app(settings, replace(services, warnings=lambda: warnings)).test_client()

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json == {"status": "ok", "missing": [], "warnings": warnings}


def test_without_redis_a_process_is_healthy_but_not_ready_and_refuses_events(redisless_client):
    ready = redisless_client.get("/readyz")

    assert ready.status_code == 503
    assert ready.json == {"status": "unavailable", "missing": ["redis"], "warnings": []}
    assert redisless_client.get("/healthz").status_code == 200
    assert redisless_client.send_signed_event(make_event()).status_code == 503


@pytest.mark.real_redis
def test_the_warnings_are_about_the_configuration_of_redis(settings, real_redis_url):
    client = create_app(replace(settings, redis_url=real_redis_url)).test_client()

    with redis.Redis.from_url(real_redis_url, decode_responses=True) as admin:
        policy = admin.config_get("maxmemory-policy")["maxmemory-policy"]
        admin.config_set("maxmemory-policy", "allkeys-lru")
        try:
            found = client.get("/readyz").json
        finally:
            admin.config_set("maxmemory-policy", policy)

    assert "allkeys-lru" in str(found["warnings"])


def test_readiness_stores_no_key_without_expiry(client, store):
    client.get("/readyz")

    assert [key for key in store.scan_iter() if store.ttl(key) == -1] == []
