"""A queue and workers on a real Redis."""

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
SECRET = "the-secret"
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
    """The queue of a web process, whose brokers have no actors."""
    return DramatiqTaskQueue(make_broker(raw_redis), make_broker(raw_redis, SLACK_JOBS))


@pytest.fixture
def start(raw_redis, monkeypatch):
    """Start a worker with functions for questions and for Slack jobs, and with middleware."""
    # A paused consumer sleeps this long before it stops.
    monkeypatch.setattr(dramatiq.worker, "CONSUMER_RESTART_DELAY_SECS", 0.02)
    workers = []

    def start_worker(answer_next=ignore, run=ignore, *middleware):
        slack_jobs, broker = make_broker(raw_redis, SLACK_JOBS), make_broker(raw_redis)
        declare_slack_job_actor(slack_jobs, run)  # type: ignore[arg-type]
        declare_question_actor(broker, answer_next)  # type: ignore[arg-type]
        for one in (WorkerSettings(THREADS), SlackJobWorker(slack_jobs), *middleware):
            broker.add_middleware(one)
        workers.append(dramatiq.Worker(broker))
        workers[-1].start()
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.stop(timeout=5000)


@pytest.fixture
def go_on(start):
    """An event for jobs to wait for; set before the workers are stopped."""
    event = threading.Event()
    yield event
    event.set()
