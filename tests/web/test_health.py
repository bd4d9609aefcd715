from __future__ import annotations

import redis
from flask.testing import FlaskClient

from tests.values import AUTHORIZED, encoded, install_request, make_event, signed


def test_a_living_process_says_so(client: FlaskClient) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200


def test_a_process_with_its_store_is_ready(client: FlaskClient) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json) == (200, {"status": "ok", "missing": []})
