"""The sandbox as a running server, in a thread or in the foreground."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sandbox.app import create_sandbox
from sandbox.state import Sandbox, SandboxSettings, sandbox_of

#: Control calls need no key: the sandbox listens on loopback only.
HOST = "127.0.0.1"
#: How often a server checks for its shutdown, in seconds.
_POLL = 0.05


class _Quiet(WSGIRequestHandler):
    """Uses keep-alive connections and logs no requests."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Log nothing: the control API lists the requests."""


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that listens."""

    base_url: str
    app: Flask

    @property
    def sandbox(self) -> Sandbox:
        """Return the state of the sandbox."""
        return sandbox_of(self.app)


@contextmanager
def serve(settings: SandboxSettings | None = None, port: int = 0) -> Iterator[RunningSandbox]:
    """Run a sandbox in a thread while the block lasts; port 0 takes a free one."""
    app = create_sandbox(settings)
    server = build_server(app, port)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL,), name="sandbox", daemon=True)
    thread.start()
    try:
        yield RunningSandbox(f"http://{HOST}:{server.server_port}", app)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        sandbox_of(app).events.close()


def build_server(app: Flask, port: int) -> BaseWSGIServer:
    """Bind a threaded server to loopback."""
    server = make_server(HOST, port, app, threaded=True, request_handler=_Quiet)
    # A page's long poll must not keep the process from ending.
    server.daemon_threads = True  # type: ignore[attr-defined]
    return server
