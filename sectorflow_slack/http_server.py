"""gunicorn's worker of the web process: a request gets a thread once all of it has arrived.

gunicorn's own reads a request in a thread and waits without a limit, so that half-sent requests, one for
each thread, stop the service. Here the main thread, which also accepts connections, buffers the requests of
all of them, and drops what takes too long or too much memory. gunicorn is pinned, because this builds on
methods of its worker.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import selectors
import socket
import time
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import glogging, util
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from sectorflow_slack.web.guards import MAX_BODY_BYTES

logger = logging.getLogger(__name__)

#: How long a request may take to arrive, and how long a connection may stay without one before the first.
REQUEST_SECONDS = 15.0
#: How long a response may take to be sent, and a thread may wait for a byte.
SOCKET_SECONDS = 15.0
#: How long a closing connection waits for the client's end of it, so that the response arrives.
LINGER_SECONDS = 2.0
MAX_LINGERING = 128
#: The longest head of a request; Slack's take 1 KB.
MAX_HEAD_BYTES = 32 * 1024
#: The most bytes of unfinished requests in one process.
MAX_BUFFERED_BYTES = 32 * 1024 * 1024

_RECEIVE_BYTES = 64 * 1024
_CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*(\d{1,19})[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,8}(?=[ \t]*(?:;|$))")


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's log without its access log, whose lines would contain install links and OAuth codes."""

    def access(self, *_: Any) -> None:
        """Log nothing; gunicorn would write each line before it drops it."""


class RequestBuffer:
    """The bytes of a request as they arrive."""

    def __init__(self) -> None:
        self.data = bytearray()
        #: Whether the client waits for a "100 Continue", which it has not got, before it sends the body.
        self.expects_continue = False
        self._searched = 0
        self._body: int | None = None
        #: The end of the request if its length is known, else the start of the next chunk.
        self._end: int | None = None
        self._chunk = 0

    def add(self, data: bytes) -> None:
        """Add what was received."""
        self.data += data

    def is_ready(self) -> bool:
        """Whether a thread can respond without waiting: the request is complete, invalid or too large."""
        if self._body is None:
            self._read_head()
        if self._body is None:
            return len(self.data) > MAX_HEAD_BYTES
        if len(self.data) - self._body > MAX_BODY_BYTES:
            return True
        return len(self.data) >= self._end if self._end is not None else self._has_all_chunks()

    @property
    def has_endless_head(self) -> bool:
        """Whether the head is too long to be read."""
        return self._body is None and len(self.data) > MAX_HEAD_BYTES

    def _read_head(self) -> None:
        end = self.data.find(b"\r\n\r\n", max(0, self._searched - 3))
        self._searched = len(self.data)
        if end < 0:
            return
        self._body = self._chunk = end + 4
        head = bytes(self.data[: end + 2])
        self.expects_continue = _EXPECT.search(head) is not None
        if _CHUNKED.search(head):
            return
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        # The app refuses a large body without reading it.
        self._end = self._body + (size if size <= MAX_BODY_BYTES else 0)

    def _has_all_chunks(self) -> bool:
        while (line_end := self.data.find(b"\r\n", self._chunk)) >= 0:
            size = _CHUNK_SIZE.match(self.data[self._chunk : line_end])
            if size is None:
                return True  # gunicorn refuses it
            if int(size[0], 16) == 0:
                trailers = line_end + 2
                return (
                    self.data[trailers : trailers + 2] == b"\r\n"
                    or self.data.find(b"\r\n\r\n", trailers) >= 0
                )
            after = line_end + 2 + int(size[0], 16)
            if len(self.data) < after + 2:
                return False
            if self.data[after : after + 2] != b"\r\n":
                return True  # gunicorn refuses it
            self._chunk = after + 2
        return len(self.data) - self._chunk > MAX_HEAD_BYTES


class _TimedSocket(socket.socket):
    """A socket that waits for ``SOCKET_SECONDS`` at most, however gunicorn sets it.

    With a time-out it never blocks for the operating system either: the main thread reads and writes its
    file descriptor, without waiting.
    """

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.settimeout(SOCKET_SECONDS)

    def setblocking(self, flag: bool) -> None:
        """Leave the time-out as it is: gunicorn would change it twice for each request."""

    def read(self) -> bytes | None:
        """Return what has arrived, empty at the end of the connection; None if nothing has."""
        try:
            return os.read(self.fileno(), _RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""


class _Connection(TConn):  # type: ignore[misc]
    """A connection with the request that is arriving on it."""

    def __init__(self, worker: BufferingWorker, sock: _TimedSocket, client: Any, server: Any) -> None:
        super().__init__(worker.cfg, sock, client, server)
        self._worker = worker
        self.request = RequestBuffer()

    def close(self, graceful: bool = False) -> None:
        """Close it; a graceful close waits in the main loop, not in the way of it."""
        if graceful:
            self._worker.linger(self.sock)
        else:
            util.close(self.sock)


class BufferingWorker(ThreadWorker):  # type: ignore[misc]
    """Starts a thread for whole requests only, and bounds how many wait."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._buffered = 0
        #: Closing connections, with the time at which each is closed.
        self._lingering: deque[tuple[float, _TimedSocket]] = deque()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for events and handle each, unless an earlier one of them has closed its connection."""
        for key, _ in self.poller.select(timeout):
            if not isinstance(key.fileobj, socket.socket) or key.fileobj.fileno() >= 0:
                key.data(key.fileobj)

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, in the place of the oldest one that waits if there are too many."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._drop_oldest()
            return
        self.nr_conns += 1
        sock = _TimedSocket(accepted.detach())
        self.enqueue_req(_Connection(self, sock, address, listener.getsockname()))
        if self.nr_conns >= self.worker_connections:
            self._drop_oldest()

    def enqueue_req(self, conn: _Connection) -> None:
        """Read the next request of a connection, of which a part may have been read already."""
        conn.init()
        conn.request = RequestBuffer()
        data = conn.parser.unreader.take_buffered() or conn.sock.read()
        if data == b"":
            self.nr_conns -= 1
            conn.close()
            return
        conn.request.add(data or b"")
        if conn.request.is_ready():
            self._start_thread(conn)
            return
        conn.timeout = time.monotonic() + REQUEST_SECONDS
        self._buffered += len(conn.request.data)
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, conn))
        self._wait_for_more(conn)

    def _receive(self, conn: _Connection, sock: _TimedSocket) -> None:
        """Read more of a request that has not arrived as a whole."""
        data = sock.read()
        if data is None:
            return
        if not data:
            self._drop(conn)
            return
        conn.request.add(data)
        self._buffered += len(data)
        if conn.request.is_ready():
            self._stop_waiting(conn)
            self._start_thread(conn)
        else:
            self._wait_for_more(conn)

    def _start_thread(self, conn: _Connection) -> None:
        if conn.request.has_endless_head:
            self._refuse(conn, LimitRequestHeaders("the head is too long"))
            return
        conn.parser.unreader.unread(bytes(conn.request.data))
        super().enqueue_req(conn)

    def _wait_for_more(self, conn: _Connection) -> None:
        if conn.request.expects_continue:
            conn.request.expects_continue = False
            # A client that has gone is noticed by the next look at its connection.
            with suppress(OSError):
                os.write(conn.sock.fileno(), b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._buffered > MAX_BUFFERED_BYTES:
            self._drop_oldest()

    def _refuse(self, conn: _Connection, error: Exception) -> None:
        conn.sock.settimeout(0.0)
        self.handle_error(None, conn.sock, conn.client, error)
        self.nr_conns -= 1
        conn.close(graceful=True)

    def _stop_waiting(self, conn: _Connection) -> None:
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)
        self._buffered -= len(conn.request.data)

    def _drop(self, conn: _Connection) -> None:
        self._stop_waiting(conn)
        self.nr_conns -= 1
        conn.close()

    def _drop_oldest(self) -> None:
        """Close the connection that waits for a request, or for the rest of one, for the longest time."""
        if self.pending_conns:
            self._drop(self.pending_conns[0])
        elif self.keepalived_conns:
            conn = self.keepalived_conns.popleft()
            self.poller.unregister(conn.sock)
            self.nr_conns -= 1
            conn.close()

    def murder_pending(self) -> None:
        """Close the connections whose request takes too long, and those that were closed a moment ago."""
        now = time.monotonic()
        grace = REQUEST_SECONDS if self.alive else LINGER_SECONDS
        while self.pending_conns and self.pending_conns[0].timeout - REQUEST_SECONDS + grace <= now:
            self._drop(self.pending_conns[0])
        while self._lingering and self._lingering[0][0] <= now:
            self._stop_lingering(self._lingering[0])

    def linger(self, sock: _TimedSocket) -> None:
        """Send the end of a connection, and close it once the client has ended it too, or soon."""
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            util.close(sock)
            return
        entry = (time.monotonic() + LINGER_SECONDS, sock)
        if len(self._lingering) >= MAX_LINGERING:
            self._stop_lingering(self._lingering[0])
        self._lingering.append(entry)
        self.poller.register(sock, selectors.EVENT_READ, lambda _: self._drain(entry))

    def _drain(self, entry: tuple[float, _TimedSocket]) -> None:
        if entry[1].read() == b"":
            self._stop_lingering(entry)

    def _stop_lingering(self, entry: tuple[float, _TimedSocket]) -> None:
        self._lingering.remove(entry)
        self.poller.unregister(entry[1])
        util.close(entry[1])

    def handle_request(self, req: Any, conn: _Connection) -> bool:
        """Call the app; return whether the connection can be used again.

        The body is read before, so that a malformed one never reaches the app. Nothing waits for the rest
        of one that is too large.
        """
        try:
            is_whole = int(dict(req.headers).get("CONTENT-LENGTH", 0)) <= MAX_BODY_BYTES
            if is_whole:
                body = req.body.read(MAX_BODY_BYTES + 1)
                is_whole = len(body) <= MAX_BODY_BYTES
                req.body = io.BytesIO(body)
            return bool(super().handle_request(req, conn)) and is_whole
        except TimeoutError:
            raise BrokenPipeError(errno.EPIPE, "the client reads too slowly") from None

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Respond with 400 and log the kind of fault; a request line may be an install link."""
        if isinstance(exc, ParseException):
            logger.info("malformed request: %s", type(exc).__name__)
            status, reason = _STATUSES.get(type(exc), (400, "Bad Request"))
        else:
            logger.error("request failed: %s", type(exc).__name__)
            status, reason = 500, "Internal Server Error"
        try:
            util.write_error(client, status, reason, "")
        except OSError:
            return


_STATUSES = {
    LimitRequestLine: (414, "URI Too Long"),
    LimitRequestHeaders: (431, "Request Header Fields Too Large"),
}
