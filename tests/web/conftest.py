"""Fixtures that the tests of the HTTP side share: a fake store, mocks of Slack and SectorFlow, settings."""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Callable, Iterator

import fakeredis
import pytest
import redis
import responses
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.services import Services
from tests.values import FixedClock, make_installation
from tests.web.flows import WORKSPACE_URL


@pytest.fixture(scope="session")
def tls_context() -> ssl.SSLContext:
    """One for all tests: making one takes 40 ms, and nothing here speaks TLS."""
    return ssl.create_default_context()


@pytest.fixture(autouse=True)
def no_new_tls_context(tls_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: tls_context)


@pytest.fixture
def redis_server() -> fakeredis.FakeServer:
    """The server behind ``store``; refuses everything once its ``connected`` is False."""
    return fakeredis.FakeServer()


@pytest.fixture
def store(redis_server: fakeredis.FakeServer) -> redis.Redis:
    """The fake alone: the stores' own tests show that the real one does the same."""
    return fakeredis.FakeRedis(server=redis_server, decode_responses=True)


@pytest.fixture
def outside() -> Iterator[responses.RequestsMock]:
    """Slack and SectorFlow, which answer as a test says; nothing else is reached."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def sectorflow(outside: responses.RequestsMock) -> responses.RequestsMock:
    """The outside, with a SectorFlow that knows the workspace."""
    outside.get(WORKSPACE_URL, json={"name": "Jokes", "models": []})
    return outside


@pytest.fixture
def client_with(
    settings: Settings, connections: Connections, clock: FixedClock
) -> Callable[..., FlaskClient]:
    """Make a client of a service with other settings, on the same store."""

    def make(**changes: object) -> FlaskClient:
        changed = dataclasses.replace(settings, **changes)  # type: ignore[arg-type]
        return create_app(changed, build_services(changed, connections, clock)).test_client()

    return make


@pytest.fixture
def storeless_client(client: FlaskClient, redis_server: fakeredis.FakeServer) -> FlaskClient:
    """A client of a service whose Redis refuses connections."""
    redis_server.connected = False
    return client


@pytest.fixture
def installed(services: Services) -> Installation:
    """The service's own app, installed in the team that events come from."""
    installation = make_installation()
    services.answers.installations.save(installation, None, None)
    return installation
