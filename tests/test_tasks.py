from __future__ import annotations

import itertools
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator

import dramatiq
import fakeredis
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker

from sectorflow_slack import tasks
from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.models import InstallationKey
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.tasks import (
    ACTOR,
    QUEUE,
    Caretaker,
    DramatiqTaskQueue,
    OneSigterm,
    TakeNothingNew,
    WorkerSettings,
    declare_actors,
    make_broker,
)

KEY = InstallationKey("A0OWN", "T0ACME")
SECRET = "a-secret-that-nobody-may-see"
THREADS = 3


def wait_until(condition: Callable[[], object], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def raw_redis(real_redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(real_redis_url)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def web(raw_redis: redis.Redis) -> DramatiqTaskQueue:
    """The web's side: a broker on which no actor was ever declared."""
    return DramatiqTaskQueue(make_broker(raw_redis))


@pytest.fixture
def start(raw_redis: redis.Redis) -> Iterator[Callable[..., dramatiq.Worker]]:
    """Start a worker with this actor and these middlewares."""
    workers: list[dramatiq.Worker] = []

    def start_worker(answer_next: Callable[[InstallationKey], None], *middleware: object) -> dramatiq.Worker:
        broker = make_broker(raw_redis)
        for one in (WorkerSettings(THREADS), *middleware):
            broker.add_middleware(one)  # type: ignore[arg-type]
        declare_actors(broker, answer_next)
        worker = dramatiq.Worker(broker)
        workers.append(worker)
        worker.start()
        return worker

    yield start_worker
    for worker in workers:
        worker.stop(timeout=5000)


pytestmark = pytest.mark.real_redis


def test_what_the_web_enqueues_a_worker_answers(web: DramatiqTaskQueue, start) -> None:
    answered: list[InstallationKey] = []
    start(answered.append)

    web.answer_next(KEY)

    assert wait_until(lambda: answered == [KEY])


def test_a_job_that_was_enqueued_before_any_worker_ran_is_answered(web: DramatiqTaskQueue, start) -> None:
    answered: list[InstallationKey] = []
    web.answer_next(KEY)

    start(answered.append)

    assert wait_until(lambda: answered == [KEY])


def test_a_job_is_taken_up_at_once(web: DramatiqTaskQueue, start) -> None:
    answered: list[float] = []
    start(lambda _: answered.append(time.monotonic()))
    time.sleep(0.3)

    enqueued = time.monotonic()
    web.answer_next(KEY)

    assert wait_until(lambda: answered)
    assert answered[0] - enqueued < 0.5


def test_a_job_may_be_for_later(web: DramatiqTaskQueue, start) -> None:
    answered: list[float] = []
    start(lambda _: answered.append(time.monotonic()))

    enqueued = time.monotonic()
    web.answer_next(KEY, delay=0.6)

    assert wait_until(lambda: answered)
    assert 0.5 < answered[0] - enqueued < 2


def test_both_sides_agree_on_the_names(raw_redis: redis.Redis) -> None:
    broker = make_broker(raw_redis)

    declare_actors(broker, lambda _: None)

    assert broker.get_declared_actors() == {ACTOR}
    assert broker.get_declared_queues() == {QUEUE}


def test_a_job_carries_two_ids_and_nothing_else() -> None:
    broker = StubBroker(middleware=[])
    broker.declare_queue(QUEUE)

    DramatiqTaskQueue(broker).answer_next(KEY)

    message = dramatiq.Message.decode(broker.queues[QUEUE].get_nowait())
    assert (message.actor_name, message.args, message.kwargs) == (ACTOR, ("A0OWN", "T0ACME"), {})


@pytest.mark.parametrize("error", [RuntimeError(SECRET), StorageUnavailable("ConnectionError")])
def test_no_job_fails_and_nothing_of_its_error_is_kept(
    raw_redis: redis.Redis,
    web: DramatiqTaskQueue,
    start,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    tried = threading.Event()

    def fail(key: InstallationKey) -> None:
        tried.set()
        raise error

    caplog.set_level(logging.INFO)
    worker = start(fail)
    web.answer_next(KEY)
    assert tried.wait(5)
    worker.join()

    assert wait_until(lambda: not raw_redis.hgetall(f"dramatiq:{QUEUE}.msgs"))
    assert SECRET not in dump(raw_redis)
    assert raw_redis.exists(f"dramatiq:{QUEUE}.XQ") == 0
    assert SECRET not in "".join(JsonFormatter().format(record) for record in caplog.records)
    assert any(record.name == "sectorflow_slack.tasks" for record in caplog.records)


def dump(client: redis.Redis) -> str:
    return "".join(f"{key!r}{client.dump(key)!r}" for key in client.scan_iter())


def test_a_worker_takes_as_many_jobs_as_it_has_threads(web: DramatiqTaskQueue, start) -> None:
    running: list[InstallationKey] = []
    go_on = threading.Event()

    def wait(key: InstallationKey) -> None:
        running.append(key)
        go_on.wait(5)

    worker = start(wait)
    for _ in range(THREADS + 2):
        web.answer_next(KEY)

    assert wait_until(lambda: len(running) == THREADS)
    time.sleep(0.3)
    assert len(running) == THREADS
    assert (worker.queue_prefetch, worker.worker_threads) == (THREADS, THREADS)
    assert worker.work_queue.qsize() == 0
    go_on.set()
    assert wait_until(lambda: len(running) == THREADS + 2)


def test_a_worker_that_shuts_down_ends_its_job_and_leaves_new_ones_to_others(
    raw_redis: redis.Redis, web: DramatiqTaskQueue, start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A paused consumer of dramatiq's sleeps this long before it sees that it is to stop.
    monkeypatch.setattr(dramatiq.worker, "CONSUMER_RESTART_DELAY_SECS", 0.1)
    answered: list[str] = []
    busy, go_on = threading.Event(), threading.Event()

    def wait(key: InstallationKey) -> None:
        busy.set()
        go_on.wait(5)
        answered.append(key.tenant_id)

    worker = start(wait, TakeNothingNew())
    web.answer_next(KEY)
    assert busy.wait(5)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    assert wait_until(lambda: worker.consumers[QUEUE].paused)
    # A fetch that was under way comes to its end.
    time.sleep(0.3)

    web.answer_next(InstallationKey("A0OWN", "T0LATE"))
    time.sleep(0.4)

    assert raw_redis.llen(f"dramatiq:{QUEUE}") == 1
    assert not worker.consumers[f"{QUEUE}.DQ"].paused
    go_on.set()
    stopping.join()
    assert answered == ["T0ACME"]


def test_a_redis_that_is_away_is_storage_that_is_unavailable() -> None:
    server = fakeredis.FakeServer()
    queue = DramatiqTaskQueue(make_broker(fakeredis.FakeRedis(server=server)))
    server.connected = False

    with pytest.raises(StorageUnavailable) as caught:
        queue.answer_next(KEY)

    assert str(caught.value) == "ConnectionError"


def test_the_broker_finds_dead_workers_in_seconds(raw_redis: redis.Redis) -> None:
    broker = make_broker(raw_redis)

    assert isinstance(broker, RedisBroker)
    assert broker.heartbeat_timeout == 15_000
    assert broker.maintenance_chance == 1_000_000
    assert broker.middleware == []


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
