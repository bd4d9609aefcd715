"""The worker's heartbeat and its signals."""

import itertools
import os
import signal
import threading

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from sectorflow_slack import tasks
from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.tasks import Heartbeat, IgnoreRepeatedSigterm
from tests.tasks.conftest import KEY, SECRET, ignore
from tests.waiting import until

pytestmark = pytest.mark.real_redis


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(tasks, "HEARTBEAT_SECONDS", 0.02)


@pytest.fixture
def signals():
    """The SIGTERMs that this process's handler was called for."""
    signals = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: signals.append(number))
    yield signals
    signal.signal(signal.SIGTERM, before)


def test_the_heartbeat_survives_errors(caplog, start):
    outcomes = [None, StorageUnavailable("TimeoutError"), RuntimeError(SECRET)]
    calls = []

    def extend_leases():
        calls.append(threading.current_thread().name)
        if outcomes and (outcome := outcomes.pop(0)):
            raise outcome

    worker = start(ignore, ignore, Heartbeat(extend_leases, lambda: None))
    until(lambda: len(calls) >= 5)
    worker.stop()

    until(lambda: "heartbeat" not in {each.name for each in threading.enumerate()})
    assert set(calls) == {"heartbeat"}
    warned = [record for record in caplog.records if record.getMessage().startswith("periodic call failed")]
    assert len(warned) == 2
    assert SECRET not in "".join(JsonFormatter().format(record) for record in warned)


def test_the_heartbeat_goes_on_while_a_worker_finishes_its_last_job(web, start, go_on):
    calls = []
    busy = threading.Event()
    heartbeat = Heartbeat(lambda: calls.append(None), lambda: None)
    worker = start(lambda _: (busy.set(), go_on.wait(60)), ignore, heartbeat)
    web.answer_next(KEY)
    assert busy.wait(20)

    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    until(lambda: not any(each.running for each in worker.workers))
    before = len(calls)

    until(lambda: len(calls) > before + 2)
    go_on.set()
    stopping.join()


def test_a_worker_whose_master_was_killed_ends_itself(monkeypatch, signals):
    parents = itertools.chain([4711, 4711, 1], itertools.repeat(4711))
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    calls = []
    heartbeat = Heartbeat(lambda: calls.append(None), lambda: None)
    broker = StubBroker(middleware=[])
    worker = dramatiq.Worker(broker)

    heartbeat.after_worker_boot(broker, worker)
    until(lambda: len(calls) > 4)
    heartbeat.after_worker_shutdown(broker, worker)

    assert signals == [signal.SIGTERM]


def test_only_the_first_sigterm_counts(signals):
    IgnoreRepeatedSigterm().after_process_boot(StubBroker(middleware=[]))

    for _ in range(3):
        signal.raise_signal(signal.SIGTERM)

    assert signals == [signal.SIGTERM]


def test_a_process_without_a_handler_for_sigterm_is_left_as_it_is(signals):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    IgnoreRepeatedSigterm().after_process_boot(StubBroker(middleware=[]))

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
