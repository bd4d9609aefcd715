"""The requests between the apps, Slack and SectorFlow as they happened, without secrets."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """One request and its answer."""

    number: int
    route: Route
    #: The event's type or the method's name.
    name: str
    #: When the request began, in seconds since the epoch.
    began: float
    seconds: float
    #: None if no answer came.
    status: int | None
    request: bytes = field(repr=False)
    response: bytes = field(default=b"", repr=False)
    #: The content type of the request.
    content_type: str = "application/json"
    #: Slack's name for the error, "" for a success.
    error: str = ""
    #: The number of a retry.
    retry: int = 0

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
        return self.status is None or self.status >= 400 or bool(self.error)


class Traffic:
    """The last requests, oldest first; waits for new ones."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._count = 0
        self._exchanges: deque[Exchange] = deque(maxlen=_REMEMBERED)

    def add(self, route: Route, name: str, began: float, seconds: float, **rest: Any) -> None:
        """Add a request; ``rest`` are further fields of an exchange."""
        for body in ("request", "response"):
            if len(rest.get(body, b"")) > _LARGEST:
                rest[body] = f"{len(rest[body]):,} bytes".encode()
        with self._news:
            self._count += 1
            self._exchanges.append(Exchange(self._count, route, name, began, seconds, **rest))
            self._news.notify_all()

    def since(self, number: int, timeout: float) -> list[Exchange]:
        """Return the requests after a number; wait for one for at most ``timeout`` seconds."""
        with self._news:
            self._news.wait_for(lambda: self._count > number, timeout)
            return [each for each in self._exchanges if each.number > number]

    def clear(self) -> None:
        """Forget all requests."""
        with self._news:
            self._exchanges.clear()


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
