"""Delivery of signed events to apps, with time-outs, retries and a log."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

import requests

from sandbox.slack.records import App
from sandbox.slack.signing import signed_headers
from sandbox.traffic import Traffic

#: Docs.slack.dev, Events API: immediately, after a minute, after five minutes.
RETRY_DELAYS = (0.0, 60.0, 300.0)
_SENDERS = 32
_LOG_LENGTH = 20_000


class DeliverySettings(Protocol):
    """The settings of deliveries."""

    retry_scale: float
    event_timeout: float


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver one event to an app."""

    app_id: str
    event_id: str
    #: 0 for the first, then 1 to 3.
    attempt: int
    #: None if no answer came.
    status: int | None
    #: Slack's reason for a failure; "" for a success.
    reason: str
    seconds: float


@dataclass(frozen=True)
class OutgoingEvent:
    """An event to deliver to an app, and the number of the attempt."""

    app: App
    event_id: str
    body: bytes = field(repr=False)
    #: The event's type or subtype.
    name: str = ""
    attempt: int = 0
    reason: str = ""


class Deliveries:
    """Sends events from a small pool of threads and logs the attempts."""

    def __init__(self, settings: DeliverySettings, clock: Callable[[], float], traffic: Traffic) -> None:
        self._settings = settings
        self._clock = clock
        self._traffic = traffic
        self._pool = ThreadPoolExecutor(_SENDERS, thread_name_prefix="slack-events")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.max_redirects = 2
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=_SENDERS)
        self._session.mount("http://", adapter)
        self._lock = threading.Lock()
        self._log: deque[Delivery] = deque(maxlen=_LOG_LENGTH)
        self._sent: dict[str, OutgoingEvent] = {}
        self._timers: set[threading.Timer] = set()
        self._closed = False

    def send(self, outgoing: OutgoingEvent) -> None:
        """Deliver an event in the background, with retries."""
        with self._lock:
            if self._closed:
                return
            self._sent[outgoing.event_id] = outgoing
            self._pool.submit(self._deliver, outgoing)

    def replay(self, event_id: str) -> None:
        """Send an event again, with the same id and body."""
        self.send(self._sent[event_id])

    def log(self) -> list[Delivery]:
        """Return every attempt so far, oldest first."""
        with self._lock:
            return list(self._log)

    def close(self) -> None:
        """Stop all deliveries and retries."""
        with self._lock:
            self._closed = True
            timers = list(self._timers)
        for timer in timers:
            timer.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._session.close()

    def _deliver(self, outgoing: OutgoingEvent) -> None:
        number = self._traffic.begin("event", outgoing.name, outgoing.body, retry=outgoing.attempt)
        started = time.monotonic()
        status, reason, may_retry = self._post(outgoing)
        seconds = time.monotonic() - started
        self._traffic.end(number, status=status, error=reason)
        with self._lock:
            self._log.append(
                Delivery(outgoing.app.app_id, outgoing.event_id, outgoing.attempt, status, reason, seconds)
            )
        if reason and may_retry and outgoing.attempt < len(RETRY_DELAYS):
            self._send_later(replace(outgoing, attempt=outgoing.attempt + 1, reason=reason))

    def _post(self, outgoing: OutgoingEvent) -> tuple[int | None, str, bool]:
        """Return the answer's status, Slack's reason for a failure, and whether to retry."""
        url = outgoing.app.events_url
        if url is None:
            return None, "connection_failed", False
        try:
            response = self._session.post(
                url, data=outgoing.body, headers=self._headers(outgoing), timeout=self._settings.event_timeout
            )
        except requests.RequestException as error:
            return None, reason_of(error), True
        if 200 <= response.status_code < 300:
            return response.status_code, "", False
        return response.status_code, "http_error", response.headers.get("X-Slack-No-Retry") != "1"

    def _headers(self, outgoing: OutgoingEvent) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            **signed_headers(outgoing.app.signing_secret, int(self._clock()), outgoing.body),
        }
        if outgoing.attempt:
            headers["X-Slack-Retry-Num"] = str(outgoing.attempt)
            headers["X-Slack-Retry-Reason"] = outgoing.reason
        return headers

    def _send_later(self, outgoing: OutgoingEvent) -> None:
        delay = RETRY_DELAYS[outgoing.attempt - 1] * self._settings.retry_scale

        def fire() -> None:
            with self._lock:
                self._timers.discard(timer)
            self.send(outgoing)

        timer = threading.Timer(delay, fire)
        timer.daemon = True
        with self._lock:
            if not self._closed:
                self._timers.add(timer)
                timer.start()


def reason_of(error: requests.RequestException) -> str:
    """Return Slack's reason for a request without an answer (docs.slack.dev, Events API)."""
    kinds = {
        requests.Timeout: "http_timeout",
        requests.TooManyRedirects: "too_many_redirects",
        requests.exceptions.SSLError: "ssl_error",
        requests.ConnectionError: "connection_failed",
    }
    return next((word for kind, word in kinds.items() if isinstance(error, kind)), "unknown_error")
