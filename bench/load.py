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
    """A connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.due = 0.0
        self.request = b""
        self._received = b""
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes, due: float) -> None:
        self.due, self.request, self._received = due, request, b""
        self.socket.sendall(request)

    def resend(self) -> None:
        """Send the request again over a new connection: the server has closed the idle one."""
        self.socket.close()
        self.open()
        self.send(self.request, self.due)

    def read(self) -> int | None:
        """Return the status if the response is complete, else None; raise if the server closed."""
        data = self.socket.recv(65536)
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
    idle = [_Connection(port) for _ in range(connections)]
    for connection in idle:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    todo, load, started = deque(enumerate(requests)), Load(0.0, rate is None), time.perf_counter()
    while todo or len(idle) < connections:
        now = time.perf_counter()
        if now - started > seconds:
            todo.clear()
        while idle and todo and now >= (due := started + todo[0][0] / rate if rate else now):
            idle.pop().send(todo.popleft()[1], due)
        wait = started + todo[0][0] / rate - now if rate and idle and todo else _QUIET_SECONDS
        for key, _ in selector.select(max(0.0, wait)):
            _receive(selector, key.data, load, idle)
    load.duration = time.perf_counter() - started
    for connection in idle:
        connection.socket.close()
    selector.close()
    return load


def _receive(
    selector: selectors.BaseSelector, connection: _Connection, load: Load, idle: list[_Connection]
) -> None:
    try:
        status = connection.read()
    except ConnectionError:
        selector.unregister(connection.socket)
        if connection in idle:
            connection.socket.close()
            connection.open()
        else:
            connection.resend()
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        return
    if status is not None:
        load.statuses[status] += 1
        load.seconds.append(time.perf_counter() - connection.due)
        if status != 200:
            load.refused.append(connection.request)
        idle.append(connection)
