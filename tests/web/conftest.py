"""What tests of the HTTP side share: the outside, and services whose store is away."""

from __future__ import annotations

import dataclasses
import socket
import ssl
from collections.abc import Iterator

import pytest
import responses
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from tests.web.flows import WORKSPACE_URL


@pytest.fixture(scope="session")
def tls_context() -> ssl.SSLContext:
    """One for all tests: making one takes 40 ms, and nothing here speaks TLS."""
    return ssl.create_default_context()


@pytest.fixture(autouse=True)
def no_new_tls_context(tls_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: tls_context)


@pytest.fixture
def outside() -> Iterator[responses.RequestsMock]:
    """Slack and SectorFlow, of which a test says what they answer; nothing else is reached."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def sectorflow(outside: responses.RequestsMock) -> responses.RequestsMock:
    """The outside, with a SectorFlow that knows the workspace."""
    outside.get(WORKSPACE_URL, json={"name": "Jokes", "models": []})
    return outside


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(params=["away", "hanging"])
def storeless_client(
    request: pytest.FixtureRequest, settings: Settings, silent_port: int, closed_port: int
) -> FlaskClient:
    """A client of a service whose Redis refuses connections, or takes them and hangs."""
    port = silent_port if request.param == "hanging" else closed_port
    gone = dataclasses.replace(settings, redis_url=f"redis://127.0.0.1:{port}/0")
    return create_app(gone).test_client()
