"""The worker's lines, clocks and end, on a real Redis."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import redis

from sectorflow_slack import worker
from sectorflow_slack.bootstrap import Remotes, build_services, open_connection
from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.slack_jobs import PostDirectMessage
from sectorflow_slack.storage.connection import WORKER_TIMEOUTS
from sectorflow_slack.worker import WAKE_SECONDS, Clock, Line, Worker, main
from tests.fakes import FakeSectorFlowClient, FakeSlackClient
from tests.services.scenario import Scenario
from tests.services.steps import KEY
from tests.values import FixedClock, make_installation
from tests.waiting import until

VARIABLES = {
    "PUBLIC_URL": "https://slack.example.com",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "INSTALL_API_KEYS": "install-key-of-the-platform",
    "LOG_LEVEL": "INFO",
}


@pytest.fixture(autouse=True)
def process(monkeypatch) -> Iterator[None]:
    """Set a worker's settings; restore the logging and the signals of this process afterwards."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for number, handler in signals.items():
        signal.signal(number, handler)


# Lines


class Wakes:
    """Wake-ups as Redis keeps them, and how many threads were at work at each look for one."""

    def __init__(self, count: int) -> None:
        self.left = threading.Semaphore(count)
        self.working: set[int] = set()
        self.seen: list[int] = []

    def wait(self, _: str, seconds: float) -> bool:
        self.seen.append(len(self.working))
        return self.left.acquire(timeout=min(seconds, 0.05))


def make_line(
    await_wake: Callable[[str, float], bool],
    work: Callable[[], bool],
    *,
    threads: int = 1,
    wake: Callable[[str], None] = lambda _: None,
) -> Line:
    return Line("questions", threads=threads, await_wake=await_wake, wake=wake, work=work)


@contextmanager
def running(*parts: Line | Clock) -> Iterator[None]:
    for part in parts:
        part.start()
    try:
        yield
    finally:
        for part in parts:
            part.stop()


def test_a_wake_up_is_taken_only_when_a_thread_is_free():
    wakes, may_end, done = Wakes(5), threading.Semaphore(0), []

    def work() -> bool:
        wakes.working.add(threading.get_ident())
        may_end.acquire(timeout=20)
        done.append(1)
        wakes.working.discard(threading.get_ident())
        return False

    with running(line := make_line(wakes.wait, work, threads=2)):
        until(lambda: len(wakes.working) == 2)
        assert not line.wait(0.0)
        for number in range(1, 6):
            may_end.release()
            until(lambda expected=number: len(done) == expected)
        assert line.wait(20)

    assert max(wakes.seen) < 2


def test_a_thread_works_until_nothing_is_left():
    wakes, left = Wakes(1), [True, True, False]

    with running(line := make_line(wakes.wait, lambda: left.pop(0))):
        until(lambda: not left)
        assert line.wait(20)


@pytest.mark.parametrize("error", [StorageUnavailable("ConnectionError"), RuntimeError("unforeseen")])
def test_a_thread_whose_work_fails_is_free_again(error, caplog):
    wakes, worked = Wakes(3), []

    def work() -> bool:
        worked.append(1)
        raise error

    with running(line := make_line(wakes.wait, work)):
        until(lambda: len(worked) == 3)
        assert line.wait(20)

    assert "unforeseen" not in caplog.messages
    assert len(caplog.records) == 3


def test_a_line_waits_for_the_end_of_an_outage(monkeypatch, caplog):
    monkeypatch.setattr(worker, "OUTAGE_SECONDS", 0.001)
    outages, worked = [StorageUnavailable("ConnectionError")] * 3, threading.Event()

    def await_wake(*_: object) -> bool:
        if outages:
            raise outages.pop()
        return not worked.is_set()

    with running(make_line(await_wake, lambda: bool(worked.set()))):
        assert worked.wait(20)

    assert caplog.messages[:3] == ["no wake-ups: ConnectionError"] * 3


def test_a_line_that_is_stopped_takes_nothing_new_and_passes_the_wake_up_on():
    worked, passed_on = [], []

    def await_wake(*_: object) -> bool:
        line.stop()
        return True

    line = make_line(await_wake, lambda: bool(worked.append(1)), wake=passed_on.append)
    line.start()

    until(lambda: "questions-line" not in [thread.name for thread in threading.enumerate()])
    assert line.wait(0.0)
    assert (worked, passed_on) == ([], ["questions"])


# Clocks


def test_a_clock_makes_its_calls_again_and_again_and_sooner_where_one_asks_for_it():
    counts = {"often": 0, "at once": 0, "seldom": 0}

    def count(name: str, wanted: float | None) -> float | None:
        counts[name] += 1
        return wanted

    calls = [
        (lambda: count("often", None), 0.001),
        (lambda: count("at once", 0.0), 3600.0),
        (lambda: count("seldom", 9.0), 3600.0),
    ]
    with running(Clock("leases", *calls)):
        until(lambda: counts["often"] > 3 and counts["at once"] > 3)

    assert counts["seldom"] == 1


@pytest.mark.parametrize("error", [StorageUnavailable("ConnectionError"), RuntimeError("unforeseen")])
def test_a_call_that_fails_is_made_again_and_holds_no_other_up(error, caplog):
    made, failed = [], []

    def fail() -> None:
        failed.append(1)
        raise error

    with running(Clock("chores", (fail, 0.001), (lambda: made.append(1), 0.001))):
        until(lambda: len(failed) > 2 and len(made) > 2)

    assert {record.levelname for record in caplog.records} <= {"WARNING", "ERROR"}
    assert "unforeseen" not in " ".join(caplog.messages)


# A whole worker


@pytest.fixture
def acme(real_redis_url, settings) -> Iterator[Scenario]:
    """An installation on a real Redis."""
    settings = replace(settings, redis_url=real_redis_url, worker_threads=4)
    client = open_connection(settings, WORKER_TIMEOUTS)
    client.flushdb()
    slack, sectorflow, clock = FakeSlackClient(), FakeSectorFlowClient(), FixedClock()
    services = build_services(
        settings, client, clock, Remotes(slack=slack, sectorflow=sectorflow, clock=clock)
    )
    services.answers.installations.save(make_installation(), None, None)
    yield Scenario(services, slack, sectorflow, client, clock)
    client.flushdb()
    client.close()


class Running:
    """A worker that runs in a thread."""

    def __init__(self, acme: Scenario, stop_seconds: float = 20.0) -> None:
        self.stopping = threading.Event()
        whole = Worker(acme.services, threads=4)
        self.thread = threading.Thread(target=whole.run, args=(self.stopping, stop_seconds))

    def __enter__(self) -> Running:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self, seconds: float = 30.0) -> bool:
        """Ask the worker to end; whether it has within ``seconds``."""
        self.stopping.set()
        self.thread.join(seconds)
        return not self.thread.is_alive()


@pytest.mark.real_redis
def test_a_worker_answers_questions_and_runs_slack_jobs(acme):
    with Running(acme):
        acme.receive()
        acme.services.slack_jobs.queue.enqueue(PostDirectMessage(KEY, sentence="expired", user_id="U0ANN"))
        until(lambda: acme.ended == {"answered": 1} and len(acme.slack.posted) == 2)
        until(lambda: acme.store.zcard("workers") == 1)

    assert acme.left == []
    # It has signed off.
    assert acme.store.zcard("workers") == 0


@pytest.mark.real_redis
@pytest.mark.parametrize("wakes", [0, 10], ids=["lost", "doubled"])
def test_a_lost_or_doubled_wake_up_does_no_harm(acme, wakes):
    for number in (1, 2, 3):
        acme.accept(number)
    acme.store.delete("wakes:questions")
    if wakes:
        acme.store.rpush("wakes:questions", *["1"] * wakes)

    with Running(acme):
        until(lambda: acme.ended == {"answered": 3})
        until(lambda: acme.store.llen("wakes:questions") == 0)

    assert (len(acme.sectorflow.asked), acme.left) == (3, [])


@pytest.mark.real_redis
def test_an_idle_worker_ends_without_waiting_for_a_wake_up(acme):
    with Running(acme) as running_worker:
        until(lambda: acme.store.info("clients")["blocked_clients"] == 2)

        assert running_worker.end(seconds=WAKE_SECONDS / 2)
        # Its own threads, which still block, leave a wake-up of each line to other workers.
        until(lambda: all(acme.store.llen(f"wakes:{line}") for line in ("questions", "jobs")))


@pytest.mark.real_redis
def test_what_is_under_way_is_finished_and_nothing_new_is_begun(acme, caplog):
    caplog.set_level("INFO")
    with Running(acme) as running_worker:

        def take_long() -> None:
            running_worker.stopping.set()
            until(lambda: "nothing new is taken" in caplog.text)
            acme.accept(2)

        acme.sectorflow.answers.then(take_long)
        acme.accept(1)
        running_worker.thread.join(30)

    assert acme.ended == {"answered": 1}
    assert acme.waiting == [f"{2:032x}"]
    # The thread that waits for wake-ups may have taken it, and passes it on.
    until(lambda: acme.store.llen("wakes:questions") > 0)


@pytest.mark.real_redis
def test_what_takes_too_long_is_handed_over_at_once(acme):
    may_end = threading.Event()
    acme.sectorflow.answers.then(lambda: may_end.wait(20))
    with Running(acme, stop_seconds=0.0) as first:
        acme.accept()
        until(lambda: acme.sectorflow.asked)
        assert first.end()
    assert acme.waiting == [f"{1:032x}"]

    with Running(acme):
        until(lambda: acme.ended == {"answered": 1})
        may_end.set()

    assert len(acme.slack.posted) == 1


@pytest.mark.real_redis
def test_a_worker_lives_through_an_outage_at_its_end(acme, monkeypatch, caplog):
    def down(*_: object) -> None:
        raise StorageUnavailable("ConnectionError")

    with Running(acme) as running_worker:
        monkeypatch.setattr(type(acme.answers.questions), "sign_off", down)
        assert running_worker.end()

    assert "nothing handed over: ConnectionError" in caplog.messages


# The process


@pytest.mark.real_redis
def test_one_sigterm_or_several_end_a_worker_after_what_is_under_way(acme, monkeypatch):
    monkeypatch.setattr(worker, "build_services", lambda *_: acme.services)
    stopped = threading.Event()
    monkeypatch.setattr(Line, "stop", lambda line: (stopped.set(), line._stopping.set()))

    def be_told_to_end() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.wait(20)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)

    acme.sectorflow.answers.then(be_told_to_end)
    acme.accept()

    main(["--stop-seconds", "20"])

    assert (acme.ended, acme.left) == ({"answered": 1}, [])


def test_a_worker_with_wrong_settings_exits_and_names_them(monkeypatch):
    monkeypatch.setenv("WORKER_THREADS", "none")
    monkeypatch.setenv("ENCRYPTION_KEYS", "not-a-key-but-a-secret")

    with pytest.raises(SystemExit) as caught:
        main([])

    text = str(caught.value)
    assert "WORKER_THREADS" in text
    assert "ENCRYPTION_KEYS" in text
    assert "not-a-key-but-a-secret" not in text


def test_a_worker_starts_without_redis_and_ends(settings):
    client = redis.Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True)
    stopping = threading.Event()
    whole = Worker(build_services(settings, client), threads=1)
    thread = threading.Thread(target=whole.run, args=(stopping, 1.0))

    thread.start()
    stopping.set()
    thread.join(20)

    assert not thread.is_alive()
