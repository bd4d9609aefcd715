"""The pooled HTTP session of a process: one TLS context, no cookies, no redirects, bounded calls."""

from __future__ import annotations

import io
import json
import math
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.util import Timeout

#: The largest response body that is read; 20 models of 100,000 characters fit several times.
MAX_BODY_BYTES = 16 * 1024 * 1024
#: The same for all bytes of a response: tiny chunks have as many bytes of framing as of content.
MAX_RECEIVED_BYTES = 2 * MAX_BODY_BYTES
#: The most values of a JSON document; each takes up to 300 bytes of memory.
MAX_JSON_VALUES = 200_000

#: How long to connect to one address, with the TLS handshake, and then to send a request.
CONNECT_SECONDS = 10.0
#: A connection that was idle for longer is replaced: firewalls on the way forget it in silence.
MAX_IDLE_SECONDS = 60.0

#: The longest wait that is accepted from a ``Retry-After`` header.
MAX_RETRY_AFTER_SECONDS = 3600.0

_CHUNK_BYTES = 64 * 1024

#: The macOS name of TCP_KEEPIDLE is TCP_KEEPALIVE.
_KEEP_IDLE = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))
_SOCKET_OPTIONS = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *([(socket.IPPROTO_TCP, _KEEP_IDLE, 30)] if _KEEP_IDLE else []),
]

_ONLY_NEW: ContextVar[bool] = ContextVar("only_new", default=False)


class BodyTooLarge(requests.RequestException):
    """The response body exceeds ``MAX_BODY_BYTES``."""


class BodyTooSlow(requests.Timeout):
    """The response began in time but was not complete in time."""


class BodyBroken(requests.ConnectionError):
    """The response broke off, or could not be decompressed."""


class IdleConnectionLost(ConnectionResetError):
    """The server closed a connection that had been idle, before it sent a byte of the response."""


class _Receiver(io.RawIOBase):
    """Reads all bytes of one response, from the status line on, until a deadline.

    A socket's own time-out starts again with each byte, and http.client reads interim responses and the
    extensions of chunks without a limit.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        # urllib3 has just set what is left of the call's total time.
        seconds = sock.gettimeout()
        self._deadline = math.inf if seconds is None else time.monotonic() + seconds
        self._received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline < math.inf:
            self._sock.settimeout(_remaining(self._deadline))
        try:
            received = self._raw.readinto(buffer)
        except ConnectionError:
            received = 0
            if self._received:
                raise
        if not received and not self._received:
            raise IdleConnectionLost
        self._received += received or 0
        if self._received > MAX_RECEIVED_BYTES:
            raise ConnectionAbortedError("the response is too large")
        return received

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Receiver(raw, sock))


class _BoundedConnection(HTTPConnection):
    """Bounds the time in which a request is sent and its response received; knows whether it was idle."""

    response_class = _Response

    _answered_at: float | None = None
    _deadline = math.inf

    @property
    def is_connected(self) -> bool:
        """Whether it may be used again."""
        if _ONLY_NEW.get() or time.monotonic() > (self._answered_at or math.inf) + MAX_IDLE_SECONDS:
            return False
        return super().is_connected

    def connect(self) -> None:
        # Through a proxy, it sends a request of its own.
        self._deadline = time.monotonic() + cast(float, self.timeout)
        super().connect()
        self._answered_at = None

    def putrequest(self, *args: Any, **options: Any) -> None:
        if self.sock is None:
            self.connect()
        self._deadline = time.monotonic() + cast(float, self.timeout)
        super().putrequest(*args, **options)

    def send(self, data: Any) -> None:
        self.sock.settimeout(_remaining(self._deadline))
        super().send(data)

    def getresponse(self) -> Any:
        try:
            response = super().getresponse()
        except IdleConnectionLost as error:
            if self._answered_at is None:
                raise ConnectionResetError from error
            raise
        self._answered_at = time.monotonic()
        return response


class _BoundedTlsConnection(_BoundedConnection, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _BoundedConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTlsConnection


class _Adapter(HTTPAdapter):
    """Shares one TLS context over all connections; making one costs 80 ms."""

    def __init__(self, pool_size: int, ca_bundle: str | None) -> None:
        self._context = ssl.create_default_context()
        if ca_bundle:
            self._context.load_verify_locations(ca_bundle)
        super().__init__(pool_connections=4, pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context, socket_options=_SOCKET_OPTIONS)
        _use_bounded_connections(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(
            proxy,
            ssl_context=self._context,
            proxy_ssl_context=self._context,
            socket_options=_SOCKET_OPTIONS,
            **kwargs,
        )
        if is_new:
            _use_bounded_connections(manager)
        return manager


def _use_bounded_connections(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def open_session(
    pool_size: int, *, proxy: str | None = None, ca_bundle: str | None = None
) -> requests.Session:
    """Make a session with connections for ``pool_size`` threads.

    ``proxy`` is the URL of a forward proxy for https; http is for loopback only and takes none. The
    certificates of the file ``ca_bundle`` are trusted besides the public ones.
    """
    session = requests.Session()
    # Otherwise a .netrc file replaces the bearer token.
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    if proxy:
        session.proxies["https"] = proxy
    adapter = _Adapter(pool_size, ca_bundle)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def send(
    session: requests.Session, request: requests.Request, timeout: float, *, again_if_idle: bool = False
) -> tuple[requests.Response, bytes]:
    """Send a request and read the whole response within ``timeout`` seconds, following no redirect.

    With ``again_if_idle``, a request on an idle connection that the server has closed in the meantime is
    sent again, once and on a new connection. Every failure is a ``requests.RequestException``.
    """
    deadline = time.monotonic() + timeout
    prepared = session.prepare_request(request)
    try:
        return _send(session, prepared, deadline)
    except requests.ConnectionError as error:
        if not again_if_idle or not _is_idle_connection_lost(error):
            raise
    with _only_new_connections():
        return _send(session, prepared, deadline)


def _send(
    session: requests.Session, prepared: requests.PreparedRequest, deadline: float
) -> tuple[requests.Response, bytes]:
    seconds = _remaining(deadline)
    timeout = Timeout(connect=min(seconds, CONNECT_SECONDS), total=seconds)
    with session.send(
        prepared,
        timeout=cast(Any, timeout),  # requests passes it to urllib3
        allow_redirects=False,
        stream=True,
    ) as response:
        return response, _read(response)


def _remaining(deadline: float) -> float:
    """Return the seconds until a deadline; more than 0, which would make a socket non-blocking."""
    return max(deadline - time.monotonic(), 0.001)


@contextmanager
def _only_new_connections() -> Iterator[None]:
    """Replace idle connections in the calls of this thread."""
    token = _ONLY_NEW.set(True)
    try:
        yield
    finally:
        _ONLY_NEW.reset(token)


def _is_idle_connection_lost(error: requests.ConnectionError) -> bool:
    reason = error.args[0] if error.args else None
    return any(isinstance(each, IdleConnectionLost) for each in getattr(reason, "args", ()))


def never_sent(error: requests.RequestException) -> bool:
    """Whether no connection was made, so that the server cannot have done anything.

    True for a refused connection, a connect time-out, a host without an address, a failed TLS handshake, and
    a proxy that opened no tunnel.
    """
    reason: object = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    kinds = (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError)
    return isinstance(error, kinds) or isinstance(reason, (NewConnectionError, ConnectTimeoutError))


def _read(response: requests.Response) -> bytes:
    body = bytearray()
    try:
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise BodyTooLarge
    except ReadTimeoutError:
        raise BodyTooSlow from None
    except HTTPError:
        raise BodyBroken from None
    return bytes(body)


#: A token by which the values of a JSON document are counted; a string is one, so that its commas count none.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{,]', re.DOTALL)


def load_json(content: bytes) -> Any:
    """Parse JSON in UTF-8 of at most ``MAX_JSON_VALUES`` values, which are counted before any is made.

    Other content, or nesting that is too deep, is a ``ValueError``.
    """
    # json.loads() would detect UTF-16 in bytes.
    text = content.decode("utf-8-sig")
    values = tokens = 1
    for token in _TOKEN.finditer(text):
        tokens += 1
        values += token[0] in "[{,"
        # A member of an object has three tokens.
        if values > MAX_JSON_VALUES or tokens > 3 * MAX_JSON_VALUES:
            raise ValueError("too many values")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("too deep") from None


def retry_after_seconds(value: str | None) -> float | None:
    """Parse a ``Retry-After`` header, seconds or a date; return None if it is missing or invalid."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _seconds_until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return math.nan
