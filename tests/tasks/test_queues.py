"""The two queues: questions and Slack jobs."""

import threading
import time

import dramatiq
import fakeredis
import pytest
from dramatiq.brokers.stub import StubBroker

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.slack_jobs import SlackJob
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.tasks import ACTOR, QUEUE, SLACK_JOBS, DramatiqTaskQueue, PauseConsumers, make_broker
from tests.tasks.conftest import KEY, SECRET, THREADS
from tests.waiting import until

pytestmark = pytest.mark.real_redis

SLACK_JOB = SlackJob("dialog", KEY, "0" * 32, 2, "U1", "C1", "1.2", "trigger", "expired")


@pytest.mark.parametrize("is_first", [True, False], ids=["enqueued first", "started first"])
def test_a_worker_runs_the_jobs_that_the_web_enqueues(web, start, is_first):
    answered = []
    ran = []

    def enqueue():
        web.answer_next(KEY)
        web.enqueue(SLACK_JOB)

    if is_first:
        enqueue()
    start(answered.append, ran.append)
    if not is_first:
        enqueue()

    until(lambda: (answered, ran) == ([KEY], [SLACK_JOB]))


def test_a_job_can_have_a_delay(web, start):
    at = {}
    start(
        lambda _: at.setdefault("question", time.monotonic()),
        lambda _: at.setdefault("slack job", time.monotonic()),
    )

    enqueued = time.monotonic()
    web.answer_next(KEY, delay=0.4)
    web.enqueue(SLACK_JOB, delay=0.4)

    until(lambda: len(at) == 2)
    assert min(at.values()) - enqueued > 0.35


def test_a_question_job_has_two_ids_and_nothing_else():
    broker = StubBroker(middleware=[])
    broker.declare_queue(QUEUE)

    DramatiqTaskQueue(broker, StubBroker(middleware=[])).answer_next(KEY)

    message = dramatiq.Message.decode(broker.queues[QUEUE].get_nowait())
    assert (message.actor_name, message.args, message.kwargs) == (ACTOR, ("A0OWN", "T0ACME"), {})


@pytest.mark.parametrize("error", [RuntimeError(SECRET), StorageUnavailable("ConnectionError")])
def test_a_failed_job_is_not_retried_and_its_error_is_not_stored(raw_redis, web, start, caplog, error):
    ran = []

    def fail(job):
        ran.append(job)
        raise error

    start(fail, fail)
    web.answer_next(KEY)
    web.enqueue(SLACK_JOB)

    until(lambda: len(ran) == 2)
    until(
        lambda: not any(map(raw_redis.hgetall, (f"dramatiq:{QUEUE}.msgs", f"{SLACK_JOBS}:{SLACK_JOBS}.msgs")))
    )
    assert len(ran) == 2
    stored = "".join(f"{key!r}{raw_redis.dump(key)!r}" for key in raw_redis.scan_iter())
    assert SECRET not in stored
    assert ".XQ" not in stored
    lines = [JsonFormatter().format(each) for each in caplog.records if each.name == "sectorflow_slack.tasks"]
    assert len(lines) == 2
    assert SECRET not in "".join(lines)


def test_a_worker_fetches_a_question_per_thread_and_runs_slack_jobs_besides(web, start, go_on):
    running = []
    ran = []
    worker = start(lambda key: (running.append(key), go_on.wait(60)), ran.append)
    for _ in range(THREADS + 2):
        web.answer_next(KEY)
    until(lambda: len(running) == THREADS)

    web.enqueue(SLACK_JOB)

    until(lambda: ran)
    assert len(running) == THREADS
    assert (worker.queue_prefetch, worker.worker_threads) == (THREADS, THREADS)
    assert worker.work_queue.qsize() == 0
    go_on.set()
    until(lambda: len(running) == THREADS + 2)


def test_a_worker_that_shuts_down_finishes_its_jobs_and_fetches_no_new_ones(raw_redis, web, start, go_on):
    ended = []
    begun = []

    def wait(job):
        begun.append(job)
        go_on.wait(60)
        ended.append(job.tenant_id if isinstance(job, InstallationKey) else job.kind)

    worker = start(wait, wait, PauseConsumers())
    web.answer_next(KEY)
    web.enqueue(SLACK_JOB)
    until(lambda: len(begun) == 2)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    # A running fetch ends first.
    until(lambda: worker.consumers[QUEUE].paused_event.is_set())

    web.answer_next(InstallationKey("A0OWN", "T0LATE"))

    assert not worker.consumers[f"{QUEUE}.DQ"].paused
    go_on.set()
    stopping.join()
    assert sorted(ended) == ["T0ACME", "dialog"]
    assert raw_redis.llen(f"dramatiq:{QUEUE}") == 1


def test_an_error_of_redis_is_storage_unavailable():
    server = fakeredis.FakeServer()
    broker = make_broker(fakeredis.FakeRedis(server=server))
    server.connected = False

    with pytest.raises(StorageUnavailable) as caught:
        DramatiqTaskQueue(broker, broker).answer_next(KEY)

    assert str(caught.value) == "ConnectionError"


def test_the_broker_finds_dead_workers_in_seconds_and_has_no_middleware():
    broker = make_broker(fakeredis.FakeRedis())

    assert broker.heartbeat_timeout == 15_000
    assert broker.maintenance_chance == 1_000_000
    assert broker.middleware == []
