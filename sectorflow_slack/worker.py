"""The worker: ``python -m sectorflow_slack.worker``.

One process with threads. Two lines of work (questions, and Slack jobs for users who wait) each have a thread
that blocks on the line's wake-ups in Redis and, for each, starts a thread that works until nothing can be
taken. A clock keeps the leases, moves what is due, and does what recurs. SIGTERM ends it all: nothing new is
taken, what is under way gets its time, and the rest is handed over to other workers.
"""

from __future__ import annotations

import argparse
import logging
import signal
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sectorflow_slack.bootstrap import build_services, open_connection
from sectorflow_slack.config import SettingsError, load_settings
from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.logging import configure_logging
from sectorflow_slack.services import Services
from sectorflow_slack.services.slack_jobs import THREADS
from sectorflow_slack.storage.connection import WORKER_TIMEOUTS
from sectorflow_slack.storage.metrics import FLUSH_SECONDS

#: Not ``__name__``, which is ``__main__`` in the process that this command starts.
logger = logging.getLogger("sectorflow_slack.worker")

#: How long questions that are under way may take after SIGTERM: Heroku kills after 30 s.
STOP_SECONDS = 25.0
#: How long a message that is on its way to Slack may take after that.
LANDING_SECONDS = 2.0
#: How long Slack jobs may take then; a call to Slack takes up to 10 s.
JOBS_STOP_SECONDS = 10.0
#: The longest wait for a wake-up; shorter than the time limit of a command.
WAKE_SECONDS = 4.0
#: How long a line rests while Redis is away.
OUTAGE_SECONDS = 1.0

HEARTBEAT_SECONDS = 3.0
STATUS_SECONDS = 5.0
REVOKE_SECONDS = 10.0


class Line:
    """Runs work of one kind in threads, one for each wake-up as long as a thread is free."""

    def __init__(
        self,
        name: str,
        *,
        threads: int,
        await_wake: Callable[[str, float], bool],
        wake: Callable[[str], None],
        work: Callable[[], bool],
    ) -> None:
        """Set what is called for each wake-up: ``work`` does one thing, and returns whether there is more.

        ``wake`` passes a wake-up on that comes after the end.
        """
        self._name = name
        self._await_wake = await_wake
        self._wake = wake
        self._work = work
        self._free = threading.Semaphore(threads)
        self._running = 0
        self._idle = threading.Condition()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to take wake-ups."""
        threading.Thread(target=self._take, name=f"{self._name}-line", daemon=True).start()

    def stop(self) -> None:
        """Take nothing new from now on."""
        self._stopping.set()

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is under way; False if something still is after ``seconds``."""
        with self._idle:
            return self._idle.wait_for(lambda: self._running == 0, timeout=max(0.0, seconds))

    def _take(self) -> None:
        while not self._stopping.is_set():
            self._free.acquire()
            if self._is_woken():
                with self._idle:
                    self._running += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            else:
                self._free.release()

    def _is_woken(self) -> bool:
        try:
            is_woken = self._await_wake(self._name, WAKE_SECONDS)
            if is_woken and self._stopping.is_set():
                self._wake(self._name)
                return False
            return is_woken
        except StorageUnavailable as error:
            logger.warning("no wake-ups: %s", error, extra={"line": self._name})
            self._stopping.wait(OUTAGE_SECONDS)
            return False

    def _run(self) -> None:
        try:
            while not self._stopping.is_set() and self._work():
                pass
        except StorageUnavailable as error:
            logger.warning("nothing taken: %s", error, extra={"line": self._name})
        except Exception as error:
            logger.error("work failed", exc_info=error, extra={"line": self._name})
        finally:
            self._free.release()
            with self._idle:
                self._running -= 1
                self._idle.notify_all()


@dataclass(slots=True)
class _Recurring:
    call: Callable[[], object]
    seconds: float
    due_at: float = 0.0


class Clock:
    """Makes calls again and again, in one thread, until it is stopped."""

    def __init__(self, name: str, *calls: tuple[Callable[[], object], float]) -> None:
        """Set the calls, each with the seconds between two of them; one that returns a number is sooner."""
        self._name = name
        self._calls = [_Recurring(call, seconds) for call, seconds in calls]
        self._stopping = threading.Event()

    def start(self) -> None:
        """Make each call for the first time, and so on."""
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def stop(self) -> None:
        """Make no further call."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds_left()):
            now = time.monotonic()
            for each in self._calls:
                if each.due_at <= now:
                    each.due_at = now + min(each.seconds, self._make(each.call))

    def _seconds_left(self) -> float:
        return max(0.0, min(each.due_at for each in self._calls) - time.monotonic())

    def _make(self, call: Callable[[], object]) -> float:
        """Make a call; return in how many seconds it wants to be made again, at the earliest."""
        try:
            wanted = call()
        except StorageUnavailable as error:
            logger.warning("periodic call failed: %s", error)
        except Exception as error:
            logger.error("periodic call failed", exc_info=error)
        else:
            return wanted if isinstance(wanted, float) else float("inf")
        return OUTAGE_SECONDS


class Worker:
    """A process's lines and clocks."""

    def __init__(self, services: Services, *, threads: int, heartbeat_file: Path | None = None) -> None:
        self._services = services
        self._name = uuid.uuid4().hex
        questions = services.answers.questions
        line = partial(Line, await_wake=questions.await_wake, wake=questions.wake)
        self._questions = line("questions", threads=threads, work=services.answers.answer_next)
        self._slack_jobs = line("jobs", threads=THREADS, work=services.slack_jobs.run_next)
        # Leases have a clock of their own: what recurs beside may wait for Slack.
        self._leases = Clock(
            "leases",
            (services.answers.extend_leases, HEARTBEAT_SECONDS),
            (lambda: questions.tick(self._name), HEARTBEAT_SECONDS),
            *((file.touch, HEARTBEAT_SECONDS) for file in [heartbeat_file] if file),
        )
        self._chores = Clock(
            "chores",
            (services.answers.statuses.renew, STATUS_SECONDS),
            (services.revocations.revoke_due, REVOKE_SECONDS),
            (services.metrics.flush, FLUSH_SECONDS),
        )

    def run(self, stopping: threading.Event, stop_seconds: float = STOP_SECONDS) -> None:
        """Work until ``stopping`` is set; then end within ``stop_seconds``, and hand over what is left."""
        for part in (self._leases, self._chores, self._questions, self._slack_jobs):
            part.start()
        logger.info("worker started")
        stopping.wait()
        deadline = time.monotonic() + stop_seconds
        for part in (self._chores, self._questions, self._slack_jobs):
            part.stop()
        logger.info("worker ends: nothing new is taken")
        self._slack_jobs.wait(min(JOBS_STOP_SECONDS, stop_seconds))
        self._questions.wait(deadline - time.monotonic())
        self._leases.stop()
        try:
            self._services.answers.hand_over(LANDING_SECONDS)
            self._services.answers.questions.sign_off(self._name)
        except StorageUnavailable as error:
            logger.warning("nothing handed over: %s", error)
        self._services.metrics.flush()
        logger.info("worker stopped")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a worker until SIGTERM or SIGINT; further signals change nothing."""
    parser = argparse.ArgumentParser(description="Answer questions until SIGTERM.")
    parser.add_argument(
        "--stop-seconds",
        type=float,
        default=STOP_SECONDS,
        help="how long questions that are under way may take after SIGTERM (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        raise SystemExit(f"sectorflow-slack: settings\n{error}") from None
    configure_logging(settings.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    services = build_services(settings, open_connection(settings, WORKER_TIMEOUTS))
    worker = Worker(services, threads=settings.worker_threads, heartbeat_file=settings.worker_heartbeat_file)
    worker.run(stopping, options.stop_seconds)


if __name__ == "__main__":
    main()
