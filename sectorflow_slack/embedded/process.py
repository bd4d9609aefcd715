"""Child processes: restarted when they die, and ended with the launcher, even if it is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

#: A process that dies sooner than this probably has a fault that a restart does not fix.
EARLY_SECONDS = 10.0
EARLY_DEATHS = 3
_PAUSE_SECONDS = 0.25
_POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class LaunchError(Exception):
    """The service cannot run; the text says what the user can do about it."""


def echo(line: str) -> None:
    """Write a line to stderr, because stdout has the JSON log of web and worker."""
    sys.stderr.write(f"sectorflow-slack: {line}\n")
    sys.stderr.flush()


@dataclass(frozen=True, slots=True)
class Command:
    """The command of a child process."""

    name: str
    argv: tuple[str, ...]
    #: Open descriptors that the process inherits besides the standard three.
    inherits: tuple[int, ...] = ()
    #: The process's umask; -1 is the launcher's.
    umask: int = -1


class Child:
    """A supervised process in a session of its own.

    Ctrl-C at the terminal therefore reaches the launcher only, which stops its children in order.
    """

    def __init__(self, command: Command, environ: Mapping[str, str]) -> None:
        self._command = command
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._due_at = 0.0
        self._early_deaths = 0

    @property
    def exit_code(self) -> int | None:
        """Return the exit code; None while the process runs, or if it was not started."""
        return self._process.poll() if self._process else None

    @property
    def is_running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process."""
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
            self._command.argv,
            env=self._environ,
            pass_fds=self._command.inherits,
            umask=self._command.umask,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent(),
        )

    def supervise(self) -> None:
        """Start the process if it is due, or schedule its restart; raise ``LaunchError`` if it dies early."""
        if self._process is None:
            if time.monotonic() >= self._due_at:
                self.start()
        elif (code := self._process.poll()) is not None:
            self._schedule_restart(code)

    def request_stop(self) -> None:
        """Send SIGTERM to the process alone: gunicorn passes it to its own children."""
        if self._process:
            self._process.terminate()

    def kill(self) -> None:
        """Kill the process and its own children."""
        if self._process:
            # The group outlives its leader: a killed gunicorn does not end its worker processes at once.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def pause(self, seconds: float) -> None:
        """Kill the process, and start it again after ``seconds``."""
        self.kill()
        self._due_at = time.monotonic() + seconds

    def _schedule_restart(self, code: int) -> None:
        is_early = time.monotonic() - self._started_at < EARLY_SECONDS
        self._early_deaths = self._early_deaths + 1 if is_early else 0
        self.kill()
        if self._early_deaths >= EARLY_DEATHS:
            raise LaunchError(f"{self._command.name} does not stay up (code {code}), see above")
        pause = _PAUSE_SECONDS * 2**self._early_deaths
        echo(f"{self._command.name} ended with code {code}, restarting it in {pause:g} s")
        self._due_at = time.monotonic() + pause


def stop_together(
    children: Sequence[Child], seconds: float, keep_waiting: Callable[[], bool] = lambda: True
) -> None:
    """Request all children to stop; kill those that still run after ``seconds``.

    Kills them earlier if ``keep_waiting`` turns false.
    """
    for child in children:
        child.request_stop()
    deadline = time.monotonic() + seconds
    while any(child.is_running for child in children) and time.monotonic() < deadline and keep_waiting():
        time.sleep(_POLL_SECONDS)
    for child in children:
        child.kill()


def _end_with_parent() -> Callable[[], None] | None:
    """Return a function for the child to run before its command: it ends the child if the launcher dies.

    Only Linux has this (prctl(2)). Elsewhere the next launcher shuts the old store down.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    launcher = os.getpid()

    def run_in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != launcher:
            # The launcher died before the call of prctl.
            os._exit(1)

    return run_in_child
