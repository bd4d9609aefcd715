"""A running sandbox, and an app installed in it."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from sandbox.server import serve
from sandbox.slack.seed import GENERAL_ID, SECTORFLOW_APP_ID, TEAM_ID
from sandbox.state import SandboxSettings
from tests.sandbox.helpers import Box, Service, handler


@pytest.fixture
def service() -> Iterator[Service]:
    taker = Service("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(taker))
    taker.url = f"http://127.0.0.1:{server.server_port}/slack/events"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield taker
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def box(service) -> Iterator[Box]:
    settings = SandboxSettings(events_url=service.url, retry_scale=0.0, sectorflow_latency=0.0)
    with serve(settings) as running:
        world = running.sandbox.world
        world.apps[SECTORFLOW_APP_ID].interactivity_url = service.url
        install = world.installs.install(SECTORFLOW_APP_ID, TEAM_ID)
        world.invite(SECTORFLOW_APP_ID, GENERAL_ID)
        yield Box(running, service, install)
