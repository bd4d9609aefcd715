from __future__ import annotations

import logging
import threading
import time

import dramatiq
import fakeredis
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.tasks import (
    ACTOR,
    QUEUE,
    DramatiqTaskQueue,
    TakeNothingNew,
    declare_actors,
    make_broker,
)
from tests.tasks.conftest import KEY, SECRET, THREADS, dump, wait_until

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

    DramatiqTaskQueue(broker, StubBroker(middleware=[])).answer_next(KEY)

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
    broker = make_broker(fakeredis.FakeRedis(server=server))
    queue = DramatiqTaskQueue(broker, broker)
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
