"""A session, and servers that answer it or don't."""

import pytest

from sectorflow_slack.clients.http import open_session
from sectorflow_slack.clients.slack import SlackWebClient
from tests.clients.local_server import free_port, full_port, running_server
from tests.values import FixedClock


@pytest.fixture(scope="session")
def session():
    """One session for all tests, as in a process; every test has a server, so a connection, of its own."""
    with open_session(pool_size=8) as session:
        yield session


@pytest.fixture
def server():
    with running_server() as server:
        yield server


@pytest.fixture
def trap():
    """A server that no call may reach."""
    with running_server() as server:
        yield server


@pytest.fixture
def client(session, server):
    return SlackWebClient(session, base_url=server.url, clock=FixedClock())


@pytest.fixture(params=["connection refused", "no address", "no connection in time", "TLS failed"])
def unreachable(request, server, monkeypatch):
    """An address that no request can be sent to, and how long to try (seconds)."""

    def fail_to_resolve(*args, **kwargs):
        raise OSError(-2, "Name or service not known")

    if request.param == "connection refused":
        yield f"http://127.0.0.1:{free_port()}", 5.0
    elif request.param == "no address":
        monkeypatch.setattr("socket.getaddrinfo", fail_to_resolve)
        yield "http://remote.invalid", 5.0
    elif request.param == "no connection in time":
        with full_port() as port:
            yield f"http://127.0.0.1:{port}", 0.3
    else:
        yield server.url.replace("http:", "https:"), 5.0
