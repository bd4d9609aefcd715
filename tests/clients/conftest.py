"""A session and a server for it to talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from sectorflow_slack.clients.http import open_session
from tests.clients.local_server import LocalServer, running_server


@pytest.fixture(scope="session")
def session() -> Iterator[requests.Session]:
    """One for all, as in a process; every test has a server, so a connection, of its own."""
    with open_session(pool_size=8) as session:
        yield session


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def trap() -> Iterator[LocalServer]:
    """Where nobody should ever come by."""
    with running_server() as server:
        yield server
