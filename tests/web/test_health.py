from __future__ import annotations

import time

import fakeredis
import pytest
from flask.testing import FlaskClient
from redis import Redis

from sectorflow_slack.bootstrap import missing_parts


def test_a_living_process_says_so(client: FlaskClient) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_a_process_with_its_store_is_ready(client: FlaskClient) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json) == (200, {"status": "ok", "missing": []})


def test_a_process_without_its_store_lives(storeless_client: FlaskClient) -> None:
    response = storeless_client.get("/healthz")

    assert response.status_code == 200


def test_a_process_without_its_store_is_not_ready_and_names_it(storeless_client: FlaskClient) -> None:
    began = time.monotonic()

    response = storeless_client.get("/readyz")

    assert (response.status_code, response.json) == (503, {"status": "unavailable", "missing": ["redis"]})
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

    assert [key for key in store.scan_iter() if store.ttl(key) < 0] == []
