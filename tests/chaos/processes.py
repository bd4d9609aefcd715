"""Real processes that a test may kill: the Procfile's, and a Redis server."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import redis

from sandbox.stage import ROOT, start
from sectorflow_slack.embedded.store import find_server
from tests.waiting import until

#: gunicorn's own variable: several masters share one port, as several machines share one address.
SHARED_PORT = {"GUNICORN_CMD_ARGS": "--reuse-port"}


class Group:
    """A process group, all of which a signal reaches, as on a Heroku dyno."""

    def __init__(self, command: tuple[str, ...], environ: Mapping[str, str], log: Path) -> None:
        self.command = command
        self.environ = environ
        self.log = log
        self._leader: subprocess.Popen[bytes] | None = None

    @property
    def leader(self) -> subprocess.Popen[bytes]:
        assert self._leader is not None
        return self._leader

    @property
    def is_running(self) -> bool:
        """Whether any process of the group runs; reaps a leader that has ended."""
        if self._leader is None:
            return False
        self._leader.poll()
        try:
            os.killpg(self._leader.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._leader = start(self.command, self.environ, output)

    def signal(self, number: signal.Signals) -> None:
        if self._leader is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._leader.pid, number)

    def kill(self) -> None:
        """End every process of the group at once."""
        if self._leader is not None:
            self.signal(signal.SIGKILL)
            self._leader.wait()
            self._leader = None  # its children may stay as zombies for a while

    def stop(self, seconds: float = 30.0) -> float:
        """Send SIGTERM to every process of the group; return the seconds until all have ended."""
        self.signal(signal.SIGTERM)
        return until(lambda: not self.is_running, seconds, "stopped after SIGTERM")


def command_of(process_type: str) -> tuple[str, ...]:
    """Return the Procfile's command for ``web`` or ``worker``."""
    for line in (ROOT / "Procfile").read_text().splitlines():
        name, _, command = line.partition(":")
        if name == process_type:
            program, *arguments = shlex.split(command)
            return (str(Path(sys.executable).parent / program), *arguments)
    raise LookupError(process_type)


class OwnRedis(Group):
    """A Redis server with an append-only file, which may be killed, stopped or made to refuse writes."""

    def __init__(self, home: Path, port: int) -> None:
        options = f"--port {port} --bind 127.0.0.1 --appendonly yes --maxmemory-policy noeviction"
        command = (str(find_server().path), *options.split(), "--dir", str(home), "--save", "")
        super().__init__(command, os.environ, home / "redis.log")
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client = redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=2)

    def start(self) -> None:
        super().start()
        until(self.answers, 10, "Redis answers")

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def freeze(self) -> None:
        """Let the server hang: connections are accepted, nothing is answered."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def become_replica(self) -> None:
        """Refuse writes with READONLY, as the old primary after a failover."""
        self.client.replicaof("127.0.0.1", "1")

    def lose_replicas(self) -> None:
        """Refuse writes with NOREPLICAS, as a primary that lost its replicas."""
        self.client.config_set("min-replicas-to-write", 1)

    def run_out_of_memory(self) -> None:
        """Refuse writes with OOM."""
        self.client.config_set("maxmemory", "1mb")

    def recover(self) -> None:
        """End every fault, so that Redis accepts writes again."""
        self.thaw()
        if not self.is_running:
            self.start()
        self.client.replicaof("NO", "ONE")
        self.client.config_set("min-replicas-to-write", 0)
        self.client.config_set("maxmemory", 0)
        until(self._writes, 5, "Redis accepts writes")

    def _writes(self) -> bool:
        try:
            return bool(self.client.set("chaos-probe", "1", ex=1))
        except redis.RedisError:
            return False
