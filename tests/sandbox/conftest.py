"""A running sandbox, and an app installed in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from slack_sdk import WebClient

from sandbox.server import RunningSandbox, serve
from sandbox.slack.records import Install
from sandbox.slack.seed import GENERAL_ID, SECTORFLOW_APP_ID, TEAM_ID
from sandbox.state import Sandbox, SandboxSettings


@dataclass
class Receiver:
    """A service that takes Slack's requests and answers as it is told."""

    url: str
    #: The statuses of the next answers; 200 when there are no more.
    statuses: list[int] = field(default_factory=list)
    answer_headers: dict[str, str] = field(default_factory=dict)
    #: What every answer says.
    answer_body: bytes = b""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """Wait until so many requests came, and give them."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.got) >= count, 5), (
                f"{len(self.got)} of {count} came"
            )
            return list(self.got)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with receiver.arrived:
                receiver.got.append((dict(self.headers), body))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.arrived.notify_all()
            self.send_response(status)
            length = str(len(receiver.answer_body))
            for name, value in {"Content-Length": length, **receiver.answer_headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(receiver.answer_body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taker = Receiver("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(taker))
    taker.url = f"http://127.0.0.1:{server.server_port}/slack/events"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield taker
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def interactive(sandbox: Sandbox, receiver: Receiver) -> Receiver:
    """The service, which takes what people press in SectorFlow's app."""
    sandbox.world.apps[SECTORFLOW_APP_ID].interactivity_url = receiver.url
    return receiver


@pytest.fixture
def running(receiver: Receiver) -> Iterator[RunningSandbox]:
    settings = SandboxSettings(events_url=receiver.url, retry_scale=0.0, sectorflow_latency=0.0)
    with serve(settings) as running_:
        yield running_


@pytest.fixture
def sandbox(running: RunningSandbox) -> Sandbox:
    return running.sandbox


@pytest.fixture
def install(sandbox: Sandbox) -> Install:
    installed = sandbox.world.installs.install(SECTORFLOW_APP_ID, TEAM_ID)
    sandbox.world.invite(SECTORFLOW_APP_ID, GENERAL_ID)
    return installed


@pytest.fixture
def slack(running: RunningSandbox, install: Install) -> WebClient:
    return WebClient(install.bot_token, base_url=f"{running.base_url}/api/")
