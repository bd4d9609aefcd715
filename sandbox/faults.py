"""Injected faults: the wrong answers of the next calls of a method."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from flask import Response, g, request

_POLL_SECONDS = 0.02

Drop = Literal["before", "after", "middle"]


@dataclass
class Fault:
    """One fault, for the next ``times`` calls (None: all) of ``target`` ("*": any)."""

    target: str = "*"
    times: int | None = 1
    #: Only calls whose body contains this: a channel's id, a word of the question.
    containing: str = ""
    #: How many of those calls succeed first.
    skip: int = 0
    #: Seconds to wait before the answer.
    delay: float = 0.0
    status: int | None = None
    #: Slack: the error's name in an answer with ``ok`` false. SectorFlow: the message of the error.
    error: str | None = None
    retry_after: int | None = None
    #: A literal response body, with its content type.
    body: str | None = None
    content_type: str = "text/html"
    #: The connection ends before the call is processed, after it was, or in the middle of the answer.
    drop: Drop | None = None
    #: SectorFlow: the model that fails, and how:
    #: ``error``, ``missing``, ``null``, ``empty`` or ``null_choices``.
    model_id: str | None = None
    model_fault: str | None = None
    #: The name by which it can be removed.
    name: str = ""
    #: SectorFlow: how many characters each answer has.
    answer_length: int | None = None

    @property
    def answers_itself(self) -> bool:
        """Whether the fault replaces the call: the method does not run."""
        return self.drop == "before" or any(
            each is not None for each in (self.status, self.error, self.retry_after, self.body)
        )


class FaultPlan:
    """The faults that are still pending, in the order they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        #: Faults in use by calls that may still be delayed.
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._faults.append(fault)

    def pending(self) -> list[Fault]:
        """Return the faults that no call has used up."""
        with self._lock:
            return list(self._faults)

    def remove(self, name: str) -> None:
        """Remove the faults of a name, and end their delays."""
        with self._lock:
            self._faults = [fault for fault in self._faults if fault.name != name]
            for fault in self._waiting:
                if fault.name == name:
                    fault.delay = 0.0
            self._waiting = [fault for fault in self._waiting if fault.delay]

    def clear(self) -> None:
        """Remove every fault."""
        with self._lock:
            self._faults.clear()

    def release(self, containing: str = "") -> None:
        """End the delays of the calls in progress, or only of faults with this ``containing``."""
        with self._lock:
            for fault in self._waiting:
                if containing in ("", fault.containing):
                    fault.delay = 0.0
            self._waiting = [fault for fault in self._waiting if fault.delay]

    def use(self, target: str, body: bytes = b"") -> Fault | None:
        """Use and return the first fault for a call of ``target`` with this body, None if there is none."""
        with self._lock:
            for fault in self._faults:
                if fault.target not in ("*", target) or fault.containing.encode() not in body:
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                self._count(fault)
                if fault.delay:
                    self._waiting.append(fault)
                return fault
            return None

    def _count(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self._faults.remove(fault)


def wait(fault: Fault | None) -> None:
    """Wait for the delay of a fault, or until it is released."""
    began = time.monotonic()
    while fault is not None and time.monotonic() - began < fault.delay:
        time.sleep(min(fault.delay, _POLL_SECONDS))


def drop_connection() -> Response:
    """End the connection of the current request, so that no answer arrives."""
    end_connection(request.environ.get("werkzeug.socket"))
    g.has_no_answer = True
    return Response(status=500)


def cut_in_the_middle(response: Response) -> Response:
    """Send half of an answer, then end the connection."""
    whole = response.get_data()
    connection = request.environ.get("werkzeug.socket")

    def half() -> Iterator[bytes]:
        yield whole[: len(whole) // 2]
        end_connection(connection)

    headers = {"Content-Length": str(len(whole)), "Content-Type": response.content_type}
    return Response(half(), response.status_code, headers)


def end_connection(connection: socket.socket | None) -> None:
    """Close a connection for both sides at once, if there is one."""
    if connection is not None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
