"""Faults on order: what the next calls of a method answer instead of the right thing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from flask import Response, request

_POLL_SECONDS = 0.02

Drop = Literal["before", "after", "middle"]


@dataclass
class Fault:
    """One fault, for the next ``times`` calls (None: for all) of ``target`` ("*": of anything)."""

    target: str = "*"
    times: int | None = 1
    #: Only calls whose body contains this: a channel's id, a word of the question.
    containing: str = ""
    #: How many of those calls go well first.
    skip: int = 0
    #: Seconds to wait before the answer.
    delay: float = 0.0
    status: int | None = None
    #: Slack: the error's name in an answer with ``ok`` false. SectorFlow: the message of the error.
    error: str | None = None
    retry_after: int | None = None
    #: A body sent as it stands, with its type.
    body: str | None = None
    content_type: str = "text/html"
    #: The connection ends before the call is taken, after it was, or in the middle of the answer.
    drop: Drop | None = None
    #: SectorFlow: the model that goes wrong, and how it does:
    #: ``error``, ``missing``, ``null``, ``empty`` or ``null_choices``.
    model_id: str | None = None
    model_fault: str | None = None
    #: SectorFlow: how many characters each answer has.
    answer_length: int | None = None

    @property
    def answers_itself(self) -> bool:
        """Tell whether the call is not done at all, and the fault is the answer."""
        return self.drop == "before" or any(
            each is not None for each in (self.status, self.error, self.retry_after, self.body)
        )


class FaultPlan:
    """The faults that are still to come, in the order they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        #: Those that were taken by a call which may still wait.
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Ask for a fault."""
        with self._lock:
            self._faults.append(fault)

    def to_come(self) -> list[Fault]:
        """Give the faults that no call has used up yet."""
        with self._lock:
            return list(self._faults)

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._faults.clear()

    def release(self, containing: str = "") -> None:
        """End the delays that calls wait for at this moment; only of faults with this ``containing``."""
        with self._lock:
            for fault in self._waiting:
                if containing in ("", fault.containing):
                    fault.delay = 0.0
            self._waiting = [fault for fault in self._waiting if fault.delay]

    def take(self, target: str, body: bytes = b"") -> Fault | None:
        """Use up and give the first fault for a call of ``target`` with this body, if there is one."""
        with self._lock:
            for fault in self._faults:
                if fault.target not in ("*", target) or fault.containing.encode() not in body:
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                self._use(fault)
                if fault.delay:
                    self._waiting.append(fault)
                return fault
            return None

    def _use(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self._faults.remove(fault)


def wait(fault: Fault | None) -> None:
    """Wait as long as a fault asks for, or until it is released."""
    began = time.monotonic()
    while fault is not None and time.monotonic() - began < fault.delay:
        time.sleep(min(fault.delay, _POLL_SECONDS))


def drop_connection() -> Response:
    """End the connection of the request being served, so that no answer arrives."""
    end_connection(request.environ.get("werkzeug.socket"))
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
    """Close a connection for both sides at once; nothing happens without one."""
    if connection is not None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
