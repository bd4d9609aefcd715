"""The pooled HTTP session of a process: one TLS context, no cookies, no redirects, bodies of limited size."""

from __future__ import annotations

import math
import ssl
import time
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.util import Timeout

#: The largest response body that is read; 20 models of 100,000 characters fit several times.
MAX_BODY_BYTES = 16 * 1024 * 1024

#: The longest wait that is accepted from a ``Retry-After`` header.
MAX_RETRY_AFTER_SECONDS = 3600.0

_CHUNK_BYTES = 64 * 1024


class BodyTooLarge(requests.RequestException):
    """The response body exceeds ``MAX_BODY_BYTES``."""


class BodyTooSlow(requests.Timeout):
    """The response began in time but was not complete in time."""


class BodyBroken(requests.ConnectionError):
    """The response broke off, or could not be decompressed."""


class _Adapter(HTTPAdapter):
    """Shares one TLS context over all connections; making one costs 80 ms."""

    def __init__(self, pool_size: int) -> None:
        self._context = ssl.create_default_context()
        super().__init__(pool_connections=4, pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)


def open_session(pool_size: int) -> requests.Session:
    """Make a session with connections for ``pool_size`` threads."""
    session = requests.Session()
    # Otherwise a .netrc file replaces the bearer token.
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(pool_size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def send(
    session: requests.Session, request: requests.Request, timeout: float
) -> tuple[requests.Response, bytes]:
    """Send a request and read the whole response within ``timeout`` seconds, following no redirect.

    A server that stalls in the middle of its response may take up to twice as long.

    Raises:
        requests.RequestException: any failure, including ``BodyTooLarge``, ``BodyTooSlow``, ``BodyBroken``.

    """
    deadline = time.monotonic() + timeout
    with session.send(
        session.prepare_request(request),
        timeout=cast(Any, Timeout(total=timeout)),  # requests passes it to urllib3
        allow_redirects=False,
        stream=True,
    ) as response:
        return response, _read(response, deadline)


def never_sent(error: requests.RequestException) -> bool:
    """Whether no connection was made, so that the server cannot have done anything.

    True for a refused connection, a connect time-out, a host without an address, and a failed TLS handshake.
    """
    reason: object = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    return isinstance(error, (requests.ConnectTimeout, requests.exceptions.SSLError)) or isinstance(
        reason, (NewConnectionError, ConnectTimeoutError)
    )


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    try:
        # Not iter_content(): it waits for a whole chunk, however slowly its bytes arrive.
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise BodyTooLarge
            if time.monotonic() > deadline:
                raise BodyTooSlow
    except ReadTimeoutError:
        raise BodyTooSlow from None
    except HTTPError:
        raise BodyBroken from None
    return bytes(body)


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
