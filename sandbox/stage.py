"""The whole service with the sandbox as real processes, for the demo and the tests."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qsl, urlsplit

import requests

from sandbox.server import serve
from sandbox.slack import seed
from sandbox.state import Sandbox, SandboxSettings

START_SECONDS = 30.0
STOP_SECONDS = 40.0
ROOT = Path(__file__).parent.parent


#: How the texts of placeholder messages begin.
PLACEHOLDER_PREFIXES = (
    "Asking ",
    "Still working on it",
    "Many questions are being asked",
    "Your question is ",
)


class StageError(Exception):
    """The processes did not start; the text names the file with their output."""


@dataclass
class Stage:
    """A running service and the sandbox around it."""

    service_url: str
    sandbox_url: str
    install_api_key: str = field(repr=False)
    #: The output of the service and the sandbox.
    log: Path
    service: subprocess.Popen[bytes] = field(repr=False)
    #: The file of the key that the service generated, if it did.
    install_api_key_file: Path | None = None
    #: The sandbox, if it runs in this process.
    sandbox: Sandbox | None = field(default=None, repr=False)
    #: Starts the service again.
    start_service: Callable[[], subprocess.Popen[bytes]] | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of a call of the install API."""
        return {"Authorization": f"Bearer {self.install_api_key}"}

    def restart(self) -> None:
        """Stop the service and its store, and start them again with the same data."""
        if self.start_service is None:
            raise StageError("this service was not started here")
        self.stop()
        self.service = self.start_service()
        wait_for(f"{self.service_url}/readyz", self.service, self.log)

    def stop(self) -> None:
        """Stop the service without waiting for questions under way; its store stops in order."""
        # SIGQUIT alone may be lost: until the launcher listens, it is ignored if the shell ignored it.
        stop(self.service, signal.SIGTERM, signal.SIGQUIT)

    def control(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call the sandbox's control API: POST ``body``, or GET if there is none."""
        url = f"{self.sandbox_url}/_control/{path}"
        answer = requests.get(url, timeout=10) if body is None else requests.post(url, json=body, timeout=10)
        answer.raise_for_status()
        read: dict[str, Any] = answer.json()
        return read

    def register(self, body: Mapping[str, Any]) -> requests.Response:
        """Register an installation, as SectorFlow's platform does."""
        url = f"{self.service_url}/api/v1/installations"
        return requests.post(url, json=body, headers=self.headers, timeout=15)

    def ask(
        self, text: str, channel: str = seed.GENERAL_ID, thread_ts: str | None = None, **rest: Any
    ) -> dict[str, Any]:
        """Post a message as Maya, or as ``user``, with ``files`` of these names; return the message.

        ``{bot}`` in the text becomes the app's mention.
        """
        body = {"user": seed.MAYA_ID, "channel": channel, "text": text, "thread_ts": thread_ts, **rest}
        said: dict[str, Any] = self.control("ask", body)["message"]
        return said

    def press(
        self, message: Mapping[str, Any], action_id: str, user: str = seed.MAYA_ID, **rest: str
    ) -> dict[str, Any]:
        """Press an element of a message as Maya, or as ``user``; ``block_id`` and ``value`` identify it.

        Return the ``status`` of the service's answer, None without one, and the press's ``trigger_id``.
        """
        place = {"channel": message["channel"], "ts": message["ts"], "action_id": action_id}
        return self.control("press", {"user": user, **place, **rest})

    def press_in_view(self, user: str, action_id: str, value: str) -> dict[str, Any]:
        """Press a button in the modal that is open for ``user``, or else on the Home tab."""
        return self.control("press-in-view", {"user": user, "action_id": action_id, "value": value})

    def submit(self, view_id: str, values: Mapping[str, str | list[str]]) -> dict[str, Any]:
        """Submit an open modal with a text or several by ``block_id``.

        Return ``status``, ``is_closed`` and ``errors``.
        """
        return self.control("submit", {"view_id": view_id, "values": dict(values)})

    def consent(self, install_url: str) -> requests.Response:
        """Follow an install link and consent, as a browser would; return the last page."""
        browser = requests.Session()
        asked = browser.get(f"{install_url}/continue", timeout=10)
        query = dict(parse_qsl(urlsplit(asked.url).query))
        return browser.post(asked.url, data={**query, "decision": "allow"}, timeout=20)

    def messages(self, channel: str = seed.GENERAL_ID) -> list[dict[str, Any]]:
        """Return the messages of a channel, oldest first."""
        found: list[dict[str, Any]] = self.control(f"messages?channel={channel}")["messages"]
        return found

    def replies(self, question: Mapping[str, Any], channel: str = seed.GENERAL_ID) -> list[dict[str, Any]]:
        """Return the apps' messages in a question's thread, without ephemeral ones."""
        said = (each for each in self.messages(channel) if each.get("bot_id"))
        return [
            each for each in said if each.get("thread_ts") == question["ts"] and not each.get("is_ephemeral")
        ]

    def wait_for_answer(
        self, question: Mapping[str, Any], timeout: float, channel: str = seed.GENERAL_ID
    ) -> list[dict[str, Any]]:
        """Wait until a question's thread has a final answer, not a placeholder; return its messages."""
        deadline, seen = time.monotonic() + timeout, list[dict[str, Any]]()
        while time.monotonic() < deadline:
            replies = self.replies(question, channel)
            if replies and replies == seen and not any(map(is_placeholder, replies)):
                return replies
            seen = replies
            time.sleep(0.3)
        raise StageError(f"no answer within {timeout:.0f} s; see {self.log}")


@contextmanager
def running_stage(
    log: Path,
    *,
    port: int = 0,
    sandbox_port: int = 0,
    environ: Mapping[str, str] | None = None,
    sandbox_options: tuple[str, ...] = (),
    sandbox_inside: bool = False,
) -> Iterator[Stage]:
    """Run the sandbox, and the service with its embedded store in a temporary home, while the block lasts.

    A port that is 0 or in use is replaced by a free one. ``sandbox_inside`` runs the sandbox in this process,
    without the options.
    """
    port, sandbox_port = free_port(port), free_port(sandbox_port)
    urls = f"http://localhost:{port}", f"http://127.0.0.1:{sandbox_port}"
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="sectorflow-slack-"))
        output = stack.enter_context(log.open("w"))
        if sandbox_inside:
            # A person who watches does not wait a minute for Slack's second retry.
            settings = SandboxSettings(events_url=f"{urls[0]}/slack/events", retry_scale=0.25)
            sandbox = stack.enter_context(serve(settings, sandbox_port)).sandbox
        else:
            sandbox = None
            process = start_sandbox(sandbox_port, urls[0], output, sandbox_options)
            stack.callback(stop, process, signal.SIGTERM)
            wait_for(f"{urls[1]}/_control/installs", process, log)
        own = {"REDIS_URL": "", "SECTORFLOW_SLACK_HOME": home}
        service_environ = {**os.environ, **environ_for(*urls), **own, **(environ or {})}
        begin = partial(start, (sys.executable, "-m", "sectorflow_slack"), service_environ, output)
        stage = Stage(*urls, "", log, begin(), Path(home, "install-api-key"), sandbox, begin)
        stack.callback(stage.stop)
        wait_for(f"{urls[0]}/readyz", stage.service, log)
        stage.install_api_key = Path(home, "install-api-key").read_text().strip()
        yield stage


def stop(process: subprocess.Popen[bytes], *signals: signal.Signals) -> None:
    """End a process by signals, and by SIGKILL if it is still running after ``STOP_SECONDS``."""
    # None of them is SIGINT: a shell starts its background jobs with SIGINT ignored, for their children too.
    for number in signals:
        process.send_signal(number)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_placeholder(message: Mapping[str, Any]) -> bool:
    """Whether a message is a placeholder for an answer that is still to come."""
    return str(message["text"]).startswith(PLACEHOLDER_PREFIXES)


#: Each in its turn, so that a process gets none twice; processes have orders of their own.
_PORTS = cycle(secrets.SystemRandom().sample(range(10_000, 32_000), 4_000))


def free_port(wanted: int = 0) -> int:
    """Return the wanted port, or a free one if it is in use or 0.

    It is none of those that systems give to outgoing connections: one could take it before it is listened on.
    """
    for port in (wanted, *islice(_PORTS, 100)):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if port:
                probe.bind(("127.0.0.1", port))
                return port
    raise OSError("no port is free")


def start_sandbox(
    port: int, service_url: str, output: IO[Any], options: tuple[str, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start the sandbox on a port; its events go to the service."""
    where = ("--port", str(port), "--events-url", f"{service_url}/slack/events")
    return start((sys.executable, "-m", "sandbox", *where, *options), os.environ, output)


def start(command: tuple[str, ...], environ: Mapping[str, str], output: IO[Any]) -> subprocess.Popen[bytes]:
    """Start one of our commands in the repository's folder.

    It has its own process group: the terminal's Ctrl-C reaches only the launcher, which stops all in order.
    """
    return subprocess.Popen(  # noqa: S603 - our own commands
        command, env=dict(environ), stdout=output, stderr=output, cwd=ROOT, start_new_session=True
    )


def environ_for(service_url: str, sandbox_url: str) -> dict[str, str]:
    """Return the settings of a service that uses the sandbox as Slack and SectorFlow."""
    # Clear the variables that the shell has for another service: an empty variable counts as unset.
    names = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    return dict.fromkeys(names, "") | {
        "PORT": str(urlsplit(service_url).port),
        "PUBLIC_URL": service_url,
        "SLACK_BASE_URL": sandbox_url,
        "SECTORFLOW_BASE_URL": f"{sandbox_url}/sectorflow/api/v1",
        "SLACK_APP_ID": seed.SECTORFLOW_APP_ID,
        "SLACK_CLIENT_ID": seed.SECTORFLOW_CLIENT_ID,
        "SLACK_CLIENT_SECRET": seed.SECTORFLOW_CLIENT_SECRET,
        "SLACK_SIGNING_SECRET": seed.SECTORFLOW_SIGNING_SECRET,
        "WEB_CONCURRENCY": "2",
    }


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a process that was just started answers at a URL."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise StageError(f"{url} does not answer; see {log}")
