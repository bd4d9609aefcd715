"""The requests between the apps, Slack and SectorFlow as they happened, without secrets."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import parse_qsl

#: How many requests are remembered.
_REMEMBERED = 300
#: The longest body that is remembered, in bytes.
_LARGEST = 400_000
#: How many characters of a body are shown.
_LONGEST = 6_000
_MASK = "••••••"
_SECRET_NAMES = re.compile(
    r"token|secret|signature|authorization|password|cookie|^code$|^state$|trigger_id|response_url|code_verifier"
    r"|event_context",
    re.IGNORECASE,
)
#: Names that look secret and are figures.
_FIGURES = re.compile(r"Tokens$|^tokens$|maxTokens", re.IGNORECASE)
_SECRET_VALUES = re.compile(r"xox[a-z][\w.-]*-[\w-]+|Bearer\s+\S+")

#: Who calls whom.
Route = Literal["event", "interaction", "slack", "sectorflow"]


@dataclass(frozen=True)
class Exchange:
    """One request and, once it has come, its answer."""

    number: int
    route: Route
    #: The event's type or the method's name.
    name: str
    #: When the request began, in seconds since the epoch.
    began: float
    request: bytes = field(repr=False)
    content_type: str = "application/json"
    #: The number of a retry.
    retry: int = 0
    #: How long the answer took; None while there is none.
    seconds: float | None = None
    #: None if no answer came.
    status: int | None = None
    response: bytes = field(default=b"", repr=False)
    #: Slack's name for the error, "" for a success.
    error: str = ""
    #: Grows with every change of any exchange.
    version: int = 0

    @property
    def asked(self) -> str:
        """Return the request's body for people."""
        return readable(self.request, self.content_type)

    @property
    def answered(self) -> str:
        """Return the answer's body for people."""
        return readable(self.response)

    @property
    def is_failed(self) -> bool:
        """Whether there was no answer, or one of an error."""
        if self.seconds is None:
            return False
        return self.status is None or self.status >= 400 or bool(self.error)


class Traffic:
    """The last requests, oldest first; waits for changes."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._count = 0
        self._version = 0
        self._exchanges: OrderedDict[int, Exchange] = OrderedDict()

    def begin(self, route: Route, name: str, request: bytes, **rest: Any) -> int:
        """Add a request that begins; ``rest`` are its content type and retry. Return its number."""
        with self._news:
            self._count += 1
            self._store(Exchange(self._count, route, name, time.time(), _short(request), **rest))
            if len(self._exchanges) > _REMEMBERED:
                self._exchanges.popitem(last=False)
            return self._count

    def end(self, number: int, *, status: int | None, response: bytes = b"", error: str = "") -> None:
        """Add the answer to a request; None as status if none came."""
        with self._news:
            found = self._exchanges.get(number)
            if found is not None:
                seconds = time.time() - found.began
                answered = replace(found, seconds=seconds, status=status, error=error)
                self._store(replace(answered, response=_short(response)))

    def since(self, version: int, timeout: float) -> list[Exchange]:
        """Return the requests that changed after a version; wait for one for at most ``timeout`` seconds."""
        with self._news:
            self._news.wait_for(lambda: self._version > version, timeout)
            return [each for each in self._exchanges.values() if each.version > version]

    def clear(self) -> None:
        """Forget all requests."""
        with self._news:
            self._exchanges.clear()

    def _store(self, exchange: Exchange) -> None:
        self._version += 1
        self._exchanges[exchange.number] = replace(exchange, version=self._version)
        self._news.notify_all()


def _short(body: bytes) -> bytes:
    """Return a body, or its length in words if it is very long."""
    return body if len(body) <= _LARGEST else f"{len(body):,} bytes".encode()


def readable(body: bytes, content_type: str = "application/json") -> str:
    """Return a body for people: indented, its secrets masked, and cut where it is very long."""
    text = body.decode("utf-8", "replace")
    if content_type.startswith("application/x-www-form-urlencoded"):
        read: Any = {name: _parsed(value) for name, value in parse_qsl(text, keep_blank_values=True)}
    else:
        read = _parsed(text)
    shown = masked(read) if isinstance(read, str) else json.dumps(masked(read), indent=2, ensure_ascii=False)
    rest = len(shown) - _LONGEST
    return shown if rest <= 0 else f"{shown[:_LONGEST]}\n… {rest:,} more characters"


def masked(value: Any, name: str = "") -> Any:
    """Return a JSON value with a mask for each secret in it."""
    if isinstance(value, Mapping):
        return {key: masked(each, str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [masked(each, name) for each in value]
    if not isinstance(value, str):
        return value
    if value and _SECRET_NAMES.search(name) and not _FIGURES.search(name):
        return _MASK
    return _SECRET_VALUES.sub(_MASK, value)


def _parsed(text: str) -> Any:
    """Return the JSON object or array in a text, or the text."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
