"""An HTTP server on loopback whose answers a test sets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from requests.structures import CaseInsensitiveDict

Answer = Callable[["Handler"], None]


@dataclass(frozen=True)
class Request:
    """A received request."""

    method: str
    path: str
    headers: CaseInsensitiveDict[str]
    body: bytes
    #: The client's port: one per connection.
    connection: int


def reply(status=200, body=b"{}", **headers):
    """Answer in one piece; ``Retry_After`` stands for ``Retry-After``."""
    content = body.encode() if isinstance(body, str) else body

    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def says(payload, status=200, **headers):
    """Answer with JSON."""
    return reply(status, json.dumps(payload), Content_Type="application/json", **headers)


def raw(*pieces, pause=0.0):
    """Write these bytes, with pauses between them, and close the connection."""

    def answer(handler):
        for piece in pieces:
            handler.wfile.write(piece)
            handler.wfile.flush()
            if pause and handler.server.over.wait(pause):
                break
        handler.close_connection = True

    return answer


HEAD = b"HTTP/1.1 200 OK\r\n"
hangs_up = raw(b"")
breaks_off = raw(HEAD + b"Content-Length: 99\r\n\r\n{")
trickles = raw(HEAD + b"Content-Length: 999\r\n\r\n", *[b"x"] * 100, pause=0.05)
#: The error of an answer that is too slow: the first if its head came in time.
TOO_LATE = r"BodyTooSlow|ReadTimeout"


def silent(handler):
    """Send nothing until the server stops, or for ten seconds."""
    handler.server.over.wait(10)
    handler.close_connection = True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: Otherwise the body, written after the head, waits 40 ms for the client's acknowledgement.
    disable_nagle_algorithm = True

    def _handle(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = CaseInsensitiveDict(self.headers.items())
        request = Request(self.command, self.path, headers, body, self.client_address[1])
        self.server.seen.append(request)
        with suppress(OSError):
            self.server.answer(self)

    do_GET = do_POST = _handle

    def log_message(self, *args):
        """Log nothing."""


class LocalServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.seen = []
        self.answer = reply()
        self.over = threading.Event()
        self.closed = threading.Semaphore(0)

    @property
    def connections(self):
        return {request.connection for request in self.seen}

    def answers(self, answer):
        self.answer = answer

    def await_hang_up(self):
        """Wait until the server has closed one more connection."""
        assert self.closed.acquire(timeout=30)

    def shutdown_request(self, request):
        super().shutdown_request(request)
        self.closed.release()

    def handle_error(self, *args):
        """Ignore clients that close the connection."""


@contextmanager
def running_server():
    server = LocalServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def free_port():
    """A port that refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def full_port():
    """A port that accepts no connection: its backlog is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        try:
            yield int(listener.getsockname()[1])
        finally:
            for one in waiting:
                one.close()
