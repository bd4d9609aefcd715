"""Workers and a web side on a real Redis, for the tests of the job engine."""

import threading
from collections.abc import Callable

import dramatiq
import pytest
import redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.tasks import (
    SLACK_JOBS,
    DramatiqTaskQueue,
    SlackJobWorker,
    WorkerSettings,
    declare_question_actor,
    declare_slack_job_actor,
    make_broker,
)

KEY = InstallationKey("A0OWN", "T0ACME")
SECRET = "a-secret-that-nobody-may-see"
THREADS = 3

Start = Callable[..., dramatiq.Worker]


def ignore(_):
    """Do nothing with a job."""


@pytest.fixture
def raw_redis(real_redis_url):
    client = redis.Redis.from_url(real_redis_url)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def web(raw_redis):
    """The web's side: a broker on which no actor was ever declared."""
    return DramatiqTaskQueue(make_broker(raw_redis), make_broker(raw_redis, SLACK_JOBS))


@pytest.fixture
def start(raw_redis, monkeypatch):
    """Start a worker that answers with the first, runs errands with the second, and has these middlewares."""
    # A paused consumer of dramatiq's sleeps this long before it sees that it is to stop.
    monkeypatch.setattr(dramatiq.worker, "CONSUMER_RESTART_DELAY_SECS", 0.02)
    workers = []

    def start_worker(answer_next=ignore, run=ignore, *middleware):
        errands, broker = make_broker(raw_redis, SLACK_JOBS), make_broker(raw_redis)
        declare_slack_job_actor(errands, run)  # type: ignore[arg-type]
        declare_question_actor(broker, answer_next)  # type: ignore[arg-type]
        for one in (WorkerSettings(THREADS), SlackJobWorker(errands), *middleware):
            broker.add_middleware(one)
        workers.append(dramatiq.Worker(broker))
        workers[-1].start()
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.stop(timeout=5000)


@pytest.fixture
def go_on(start):
    """What jobs of a test wait for; let go of before the workers are stopped."""
    event = threading.Event()
    yield event
    event.set()
