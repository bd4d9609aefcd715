"""What tests of an install request's fields share: one store, and services with other settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import fakeredis
import pytest
import redis
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from tests.values import FixedClock


@pytest.fixture
def store() -> redis.Redis:
    """One store is enough: fields are checked before it is asked."""
    return fakeredis.FakeRedis(decode_responses=True)


@pytest.fixture
def client_where(
    settings: Settings, connections: Connections, clock: FixedClock
) -> Callable[..., FlaskClient]:
    """Give a client of a service whose settings are changed."""

    def make(**changes: object) -> FlaskClient:
        changed = dataclasses.replace(settings, **changes)  # type: ignore[arg-type]
        return create_app(changed, build_services(changed, connections, clock)).test_client()

    return make
