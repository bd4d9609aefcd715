"""The one pooled HTTP session of a process: one TLS context, no cookies, no redirects, no surprises."""

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

#: The largest body that is read of any answer; 20 models of 100,000 characters fit several times.
MAX_BODY_BYTES = 16 * 1024 * 1024

_CHUNK_BYTES = 64 * 1024


class BodyTooLarge(requests.RequestException):
    """The answer's body is larger than anything that is expected."""


class BodyTooSlow(requests.Timeout):
    """The answer began in time but was not whole in time."""


class BodyBroken(requests.ConnectionError):
    """The answer broke off, or could not be unpacked."""


class _Adapter(HTTPAdapter):
    """Shares one TLS context over all connections; making one costs 80 ms."""

    def __init__(self, pool_size: int) -> None:
        self._context = ssl.create_default_context()
        super().__init__(pool_connections=4, pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)


def open_session(pool_size: int) -> requests.Session:
    """Make a session that up to ``pool_size`` threads use at once without a new connection."""
    session = requests.Session()
    # A .netrc of the environment would replace the bearer token.
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(pool_size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def send(
    session: requests.Session, request: requests.Request, timeout: float
) -> tuple[requests.Response, bytes]:
    """Send a request and read the whole answer within ``timeout`` seconds, following no redirect.

    A server that falls silent in the middle of its answer may take up to twice as long.

    Raises:
        requests.RequestException: whatever went wrong on the way; ``BodyTooLarge``, ``BodyTooSlow`` and
            ``BodyBroken`` too.

    """
    deadline = time.monotonic() + timeout
    with session.send(
        session.prepare_request(request),
        timeout=cast(Any, Timeout(total=timeout)),  # requests hands it on to urllib3
        allow_redirects=False,
        stream=True,
    ) as response:
        return response, _read(response, deadline)


def never_sent(error: requests.RequestException) -> bool:
    """Say whether no connection came about, so that the server cannot have done anything.

    A refused connection, one not made in time, a host without an address, and TLS that failed.
    """
    reason: object = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    return isinstance(error, (requests.ConnectTimeout, requests.exceptions.SSLError)) or isinstance(
        reason, (NewConnectionError, ConnectTimeoutError)
    )


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    # Not iter_content(): it waits for a whole chunk, however slowly its bytes come.
    while chunk := _read_some(response):
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge
        if time.monotonic() > deadline:
            raise BodyTooSlow
    return bytes(body)


def _read_some(response: requests.Response) -> bytes | None:
    try:
        return cast("bytes | None", response.raw.read1(_CHUNK_BYTES, decode_content=True))
    except ReadTimeoutError:
        raise BodyTooSlow from None
    except HTTPError:
        raise BodyBroken from None


#: A wait longer than this is taken for a mistake of whoever sent it.
MAX_SECONDS = 3600.0


def retry_after_seconds(value: str | None) -> float | None:
    """Read a number of seconds or a date; None where there is no header or it makes no sense."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), MAX_SECONDS)


def _seconds_until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return math.nan
