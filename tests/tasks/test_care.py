from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from sectorflow_slack import tasks
from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.tasks import (
    Caretaker,
    DramatiqTaskQueue,
    OneSigterm,
)
from tests.tasks.conftest import KEY, SECRET, wait_until

pytestmark = pytest.mark.real_redis


def test_care_is_taken_every_few_seconds_whatever_happens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, start
) -> None:
    monkeypatch.setattr(tasks, "CARE_SECONDS", 0.02)
    outcomes: list[Exception | None] = [None, StorageUnavailable("TimeoutError"), RuntimeError(SECRET)]
    taken: list[float] = []

    def care() -> None:
        taken.append(time.monotonic())
        outcome = outcomes.pop(0) if outcomes else None
        if outcome:
            raise outcome

    worker = start(lambda _: None, Caretaker(care, lambda: None))

    assert wait_until(lambda: len(taken) >= 5)
    worker.stop()
    ended = len(taken)
    time.sleep(0.1)
    assert len(taken) <= ended + 1
    warned = [record for record in caplog.records if record.getMessage().startswith("no care taken")]
    assert len(warned) == 2
    assert SECRET not in "".join(JsonFormatter().format(record) for record in warned)


def test_care_goes_on_while_a_worker_ends_its_last_job(
    monkeypatch: pytest.MonkeyPatch, web: DramatiqTaskQueue, start
) -> None:
    monkeypatch.setattr(tasks, "CARE_SECONDS", 0.02)
    taken: list[float] = []
    busy, go_on = threading.Event(), threading.Event()

    def wait(key: InstallationKey) -> None:
        busy.set()
        go_on.wait(5)

    worker = start(wait, Caretaker(lambda: taken.append(time.monotonic()), lambda: None))
    web.answer_next(KEY)
    assert busy.wait(5)

    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    before = len(taken)

    assert wait_until(lambda: len(taken) > before + 2)
    go_on.set()
    stopping.join()


def test_a_worker_whose_master_was_killed_ends_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = itertools.chain([4711, 4711, 1], itertools.repeat(4711))
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(tasks, "CARE_SECONDS", 0.02)
    stops: list[int] = []
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda signum, frame: stops.append(signum))
    caretaker = Caretaker(lambda: None, lambda: None)
    broker = StubBroker(middleware=[])
    worker = dramatiq.Worker(broker)
    try:
        caretaker.after_worker_boot(broker, worker)

        assert wait_until(lambda: stops)
        time.sleep(0.1)
        assert stops == [signal.SIGTERM]
    finally:
        caretaker.after_worker_shutdown(broker, worker)
        signal.signal(signal.SIGTERM, before)


def test_only_the_first_sigterm_counts() -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys, time
        from sectorflow_slack.tasks import OneSigterm

        stops = []
        signal.signal(signal.SIGTERM, lambda *_: stops.append(1))
        OneSigterm().after_process_boot(None)
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
        print(len(stops), flush=True)
        """
    )

    done = subprocess.run(
        [sys.executable, "-c", program], input="go\n", capture_output=True, text=True, timeout=20, check=True
    )

    assert done.stdout.split() == ["ready", "1"]


def test_a_process_without_a_handler_for_sigterm_is_left_as_it_is() -> None:
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        OneSigterm().after_process_boot(StubBroker(middleware=[]))

        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_gate_calls_the_handler_once_and_then_ignores(monkeypatch: pytest.MonkeyPatch) -> None:
    stops: list[int] = []
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda signum, frame: stops.append(signum))
    try:
        OneSigterm().after_process_boot(StubBroker(middleware=[]))
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)

        assert stops == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
