"""The two lines of jobs: questions, and errands beside them."""

from __future__ import annotations

import threading
import time

import dramatiq
import fakeredis
import pytest
import redis
from dramatiq.brokers.stub import StubBroker

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.slack_jobs import OpenView, SlackJob
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.tasks import ACTOR, ERRANDS, QUEUE, DramatiqTaskQueue, TakeNothingNew, make_broker
from tests.tasks.conftest import KEY, SECRET, THREADS, Start
from tests.waiting import until

pytestmark = pytest.mark.real_redis

ERRAND = OpenView(KEY, answer_id="0" * 32, model=2, trigger_id="trigger")


@pytest.mark.parametrize("is_first", [True, False], ids=["enqueued first", "started first"])
def test_a_worker_gets_whole_what_the_web_enqueues(
    web: DramatiqTaskQueue, start: Start, is_first: bool
) -> None:
    answered: list[InstallationKey] = []
    ran: list[SlackJob] = []

    def enqueue() -> None:
        web.answer_next(KEY)
        web.enqueue(ERRAND)

    if is_first:
        enqueue()
    start(answered.append, ran.append)
    if not is_first:
        enqueue()

    until(lambda: (answered, ran) == ([KEY], [ERRAND]))


def test_a_job_may_be_for_later(web: DramatiqTaskQueue, start: Start) -> None:
    at: dict[str, float] = {}
    start(
        lambda _: at.setdefault("question", time.monotonic()),
        lambda _: at.setdefault("errand", time.monotonic()),
    )

    enqueued = time.monotonic()
    web.answer_next(KEY, delay=0.4)
    web.enqueue(ERRAND, delay=0.4)

    until(lambda: len(at) == 2)
    assert min(at.values()) - enqueued > 0.35


def test_a_job_carries_two_ids_and_nothing_else() -> None:
    broker = StubBroker(middleware=[])
    broker.declare_queue(QUEUE)

    DramatiqTaskQueue(broker, StubBroker(middleware=[])).answer_next(KEY)

    message = dramatiq.Message.decode(broker.queues[QUEUE].get_nowait())
    assert (message.actor_name, message.args, message.kwargs) == (ACTOR, ("A0OWN", "T0ACME"), {})


@pytest.mark.parametrize("error", [RuntimeError(SECRET), StorageUnavailable("ConnectionError")])
def test_a_job_that_fails_is_not_run_again_and_nothing_of_its_error_is_kept(
    raw_redis: redis.Redis,
    web: DramatiqTaskQueue,
    start: Start,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    ran: list[object] = []

    def fail(job: object) -> None:
        ran.append(job)
        raise error

    start(fail, fail)
    web.answer_next(KEY)
    web.enqueue(ERRAND)

    until(lambda: len(ran) == 2)
    until(lambda: not any(map(raw_redis.hgetall, (f"dramatiq:{QUEUE}.msgs", f"{ERRANDS}:{ERRANDS}.msgs"))))
    assert len(ran) == 2
    stored = "".join(f"{key!r}{raw_redis.dump(key)!r}" for key in raw_redis.scan_iter())
    assert SECRET not in stored
    assert ".XQ" not in stored
    lines = [JsonFormatter().format(each) for each in caplog.records if each.name == "sectorflow_slack.tasks"]
    assert len(lines) == 2
    assert SECRET not in "".join(lines)


def test_a_worker_takes_as_many_questions_as_it_has_threads_and_errands_beside_them(
    web: DramatiqTaskQueue, start: Start, go_on: threading.Event
) -> None:
    running: list[InstallationKey] = []
    ran: list[SlackJob] = []
    worker = start(lambda key: (running.append(key), go_on.wait(60)), ran.append)
    for _ in range(THREADS + 2):
        web.answer_next(KEY)
    until(lambda: len(running) == THREADS)

    web.enqueue(ERRAND)

    until(lambda: ran)
    assert len(running) == THREADS
    assert (worker.queue_prefetch, worker.worker_threads) == (THREADS, THREADS)
    assert worker.work_queue.qsize() == 0
    go_on.set()
    until(lambda: len(running) == THREADS + 2)


def test_a_worker_that_shuts_down_ends_its_jobs_and_leaves_new_ones_to_others(
    raw_redis: redis.Redis, web: DramatiqTaskQueue, start: Start, go_on: threading.Event
) -> None:
    ended: list[str] = []
    begun: list[object] = []

    def wait(job: InstallationKey | SlackJob) -> None:
        begun.append(job)
        go_on.wait(60)
        ended.append(job.tenant_id if isinstance(job, InstallationKey) else job.kind)

    worker = start(wait, wait, TakeNothingNew())
    web.answer_next(KEY)
    web.enqueue(ERRAND)
    until(lambda: len(begun) == 2)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    # A fetch that was under way comes to its end.
    until(lambda: worker.consumers[QUEUE].paused_event.is_set())

    web.answer_next(InstallationKey("A0OWN", "T0LATE"))

    assert not worker.consumers[f"{QUEUE}.DQ"].paused
    go_on.set()
    stopping.join()
    assert sorted(ended) == ["T0ACME", "open_view"]
    assert raw_redis.llen(f"dramatiq:{QUEUE}") == 1


def test_a_redis_that_is_away_is_storage_that_is_unavailable() -> None:
    server = fakeredis.FakeServer()
    broker = make_broker(fakeredis.FakeRedis(server=server))
    server.connected = False

    with pytest.raises(StorageUnavailable) as caught:
        DramatiqTaskQueue(broker, broker).answer_next(KEY)

    assert str(caught.value) == "ConnectionError"


def test_the_broker_finds_dead_workers_in_seconds_and_brings_nothing_of_dramatiqs_own() -> None:
    broker = make_broker(fakeredis.FakeRedis())

    assert broker.heartbeat_timeout == 15_000
    assert broker.maintenance_chance == 1_000_000
    assert broker.middleware == []
