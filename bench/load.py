"""A load generator: requests over keep-alive connections, sent by one thread that only waits for sockets."""

from __future__ import annotations

import re
import selectors
import socket
import statistics
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

CONNECTIONS = 32
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_QUIET_SECONDS = 20.0


@dataclass
class Load:
    """What became of the requests."""

    duration: float
    #: Whether each request was sent as soon as a connection was free.
    is_saturated: bool
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    #: The requests that got another status.
    refused: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Return the requests a second that got a 200."""
        return self.statuses[200] / self.duration

    def quantile(self, share: float) -> float:
        """Return the milliseconds within which this share of the requests was answered."""
        return quantile(self.seconds, share) * 1000


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies, in thousandths."""
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]


class _Connection:
    """A connection with at most one request under way; open from its first request on."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self._port = port
        self._selector = selector
        self._socket: socket.socket | None = None
        self.due = 0.0
        self.request = b""
        self._received = b""

    def send(self, request: bytes, due: float) -> None:
        self.due, self.request, self._received = due, request, b""
        self._open().sendall(request)

    def close(self) -> None:
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(self._socket, selectors.EVENT_READ, self)
        return self._socket

    def read(self) -> int | None:
        """Return the status if the response is complete, else None; raise if the server closed."""
        data = self._open().recv(65536)
        if not data:
            raise ConnectionResetError
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        is_whole = bool(separator) and len(body) >= (int(length[1]) if length else 0)
        return int(head[9:12]) if is_whole else None


def send(
    port: int,
    requests: Sequence[bytes],
    *,
    rate: float | None = None,
    seconds: float = float("inf"),
    connections: int = CONNECTIONS,
) -> Load:
    """Send requests, as fast as they are answered or at ``rate`` a second, for at most ``seconds``.

    At a rate, a request is timed from the moment when it was due, so that one that had to wait for a free
    connection counts with its wait.
    """
    selector = selectors.DefaultSelector()
    idle = [_Connection(port, selector) for _ in range(connections)]
    todo, load, started = deque(enumerate(requests)), Load(0.0, rate is None), time.perf_counter()
    while todo or len(idle) < connections:
        now = time.perf_counter()
        if now - started > seconds:
            todo.clear()
        while idle and todo and now >= (due := started + todo[0][0] / rate if rate else now):
            idle.pop().send(todo.popleft()[1], due)
        wait = started + todo[0][0] / rate - now if rate and idle and todo else _QUIET_SECONDS
        for key, _ in selector.select(max(0.0, wait)):
            _receive(key.data, load, idle)
    load.duration = time.perf_counter() - started
    for connection in idle:
        connection.close()
    selector.close()
    return load


def _receive(connection: _Connection, load: Load, idle: list[_Connection]) -> None:
    try:
        status = connection.read()
    except ConnectionError:
        connection.close()
        if connection not in idle:  # the server has closed it just before it got the request
            connection.send(connection.request, connection.due)
        return
    if status is not None:
        load.statuses[status] += 1
        load.seconds.append(time.perf_counter() - connection.due)
        if status != 200:
            load.refused.append(connection.request)
        idle.append(connection)
