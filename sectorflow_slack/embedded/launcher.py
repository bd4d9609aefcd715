"""The command for the whole service: run web and worker, and a store unless ``REDIS_URL`` is set."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from sectorflow_slack.embedded.home import INSTALL_API_KEY_FILE, claimed, provide_secrets
from sectorflow_slack.embedded.process import Child, Command, LaunchError, echo, stop_together
from sectorflow_slack.embedded.store import find_server, last_url, running_store

#: The worker waits 25 s for running questions, and needs some time to end.
STOP_SECONDS = 30.0
#: How long SIGUSR2 keeps the store away.
STORE_AWAY_SECONDS = 15.0
_DEFAULT_HOME = ".local"
_DEFAULT_PORT = "8000"
_TICK_SECONDS = 0.1


def service_commands() -> list[Command]:
    """Return the Procfile's commands, run by this interpreter."""
    web = ("gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
    worker = ("sectorflow_slack.worker",)
    return [Command("web", (sys.executable, "-m", *web)), Command("worker", (sys.executable, "-m", *worker))]


def check_port(port: str) -> None:
    """Raise ``LaunchError`` unless the port is free: gunicorn would retry for seconds, and be restarted.

    Ignores an invalid port, which the settings report.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", int(port)))  # noqa: S104 - no other process may have it on any address
        except (ValueError, OverflowError):
            return
        except OSError as error:
            raise LaunchError(f"port {port} is not free ({error.strerror}): set PORT to another") from None


def command_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command: of the service in the home folder if REDIS_URL is not set."""
    home = _home(environ)
    url = None if environ.get("REDIS_URL") else last_url(home)
    return dict(environ) if url is None else _embedded_environ(environ, url, provide_secrets(home, environ))


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("SECTORFLOW_SLACK_HOME") or _DEFAULT_HOME)


def _embedded_environ(
    environ: Mapping[str, str], redis_url: str, secrets: Mapping[str, str]
) -> dict[str, str]:
    port = environ.get("PORT") or _DEFAULT_PORT
    defaults = {"PORT": port, "PUBLIC_URL": f"http://localhost:{port}", "INSTALL_PAGE": "on"}
    settings = {name: environ.get(name) or value for name, value in defaults.items()}
    return {**environ, **settings, **secrets, "REDIS_URL": redis_url}


class Launcher:
    """Runs the commands until a signal, on the Redis of ``REDIS_URL`` or on a store of its own."""

    def __init__(self, commands: Sequence[Command], environ: Mapping[str, str]) -> None:
        self._commands = commands
        self._environ = environ
        self._is_stopping = False
        self._may_wait = True
        self._faults: list[int] = []

    def run(self) -> int:
        """Run until SIGINT, SIGTERM, SIGHUP or SIGQUIT, and return 0, or until an error, and return 1.

        SIGQUIT kills web and worker, as it does gunicorn's; the store is stopped normally. Two signals are
        faults, for the demo: SIGUSR1 kills the last command, the worker, and SIGUSR2 keeps the embedded store
        away for ``STORE_AWAY_SECONDS``.
        """
        self._listen_for_signals()
        try:
            if self._environ.get("REDIS_URL"):
                echo("web and worker on the Redis of REDIS_URL")
                self._supervise([], self._environ)
            else:
                self._run_embedded()
        except (LaunchError, OSError) as error:
            echo(str(error))
            return 1
        return 0

    def _run_embedded(self) -> None:
        folder = _home(self._environ)
        key = "INSTALL_API_KEYS" if self._environ.get("INSTALL_API_KEYS") else folder / INSTALL_API_KEY_FILE
        with claimed(folder) as home:
            server = find_server()
            secrets = provide_secrets(home, self._environ)
            with running_store(home, server, lambda: not self._is_stopping) as store:
                environ = _embedded_environ(self._environ, store.url, secrets)
                url = environ["PUBLIC_URL"]
                echo(f"embedded store ({server}) in {folder}, service at {url}, install API key in {key}")
                self._supervise([store.child], environ)

    def _supervise(self, stores: Sequence[Child], environ: Mapping[str, str]) -> None:
        """Run the commands, and supervise them and their store, until a signal."""
        children = [Child(command, environ) for command in self._commands]
        try:
            while not self._is_stopping:
                self._apply_faults(stores, children)
                for child in (*stores, *children):
                    child.supervise()
                time.sleep(_TICK_SECONDS)
        finally:
            stop_together(children, STOP_SECONDS, lambda: self._may_wait)

    def _apply_faults(self, stores: Sequence[Child], children: Sequence[Child]) -> None:
        while self._faults:
            if self._faults.pop() == signal.SIGUSR1:
                echo("killing the worker")
                children[-1].pause(0.0)
            elif stores:
                echo(f"stopping the store for {STORE_AWAY_SECONDS:g} s")
                stop_together(stores, STOP_SECONDS)
                for child in stores:
                    child.pause(STORE_AWAY_SECONDS)

    def _listen_for_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            # Under nohup, SIGHUP stays ignored.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._note_signal)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, lambda number, frame: self._faults.append(number))

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = True
        self._may_wait = self._may_wait and number != signal.SIGQUIT


def main() -> int:
    """Run the service with the environment's settings, and return the exit code."""
    try:
        check_port(os.environ.get("PORT") or _DEFAULT_PORT)
    except LaunchError as error:
        echo(str(error))
        return 1
    # Only this machine may reach it; gunicorn's own variable says where else to listen.
    bind = {"GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{os.environ.get('PORT') or _DEFAULT_PORT}"}
    return Launcher(service_commands(), bind | os.environ).run()
