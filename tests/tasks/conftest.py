"""Workers and a web side on a real Redis, for the tests of the job engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import dramatiq
import pytest
import redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.tasks import ERRANDS, DramatiqTaskQueue, WorkerSettings, declare_actors, make_broker

KEY = InstallationKey("A0OWN", "T0ACME")
SECRET = "a-secret-that-nobody-may-see"
THREADS = 3


def wait_until(condition: Callable[[], object], seconds: float = 5.0) -> bool:
    """Wait until a condition holds; False where it does not in time."""
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
    return DramatiqTaskQueue(make_broker(raw_redis), make_broker(raw_redis, ERRANDS))


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


def dump(client: redis.Redis) -> str:
    """Give all that is stored as text."""
    return "".join(f"{key!r}{client.dump(key)!r}" for key in client.scan_iter())
