from __future__ import annotations

import threading
import time
from collections.abc import Callable

import dramatiq
import pytest
import redis

from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.tasks import (
    ERRANDS,
    DramatiqTaskQueue,
    ErrandWorker,
    declare_errands,
    make_broker,
)
from tests.tasks.conftest import KEY, SECRET, THREADS, dump, wait_until

pytestmark = pytest.mark.real_redis


@pytest.fixture
def start_beside(raw_redis: redis.Redis, start) -> Callable[..., dramatiq.Worker]:
    """Start a worker that answers with the first and runs errands with the second."""

    def start_both(
        answer_next: Callable[[InstallationKey], None], run: Callable[[Errand], None]
    ) -> dramatiq.Worker:
        errands = make_broker(raw_redis, ERRANDS)
        declare_errands(errands, run)
        worker: dramatiq.Worker = start(answer_next, ErrandWorker(errands))
        return worker

    return start_both


def test_an_errand_arrives_whole(web: DramatiqTaskQueue, start_beside) -> None:
    errand = Errand("dialog", KEY, "0" * 32, 2, "U1", "C1", "1.2", "trigger", "expired")
    ran: list[Errand] = []
    start_beside(lambda _: None, ran.append)

    web.run(errand)

    assert wait_until(lambda: ran == [errand])


def test_an_errand_is_run_at_once_while_questions_fill_all_threads(
    web: DramatiqTaskQueue, start_beside
) -> None:
    busy: list[InstallationKey] = []
    ran: list[float] = []
    go_on = threading.Event()
    start_beside(lambda key: (busy.append(key), go_on.wait(10)), lambda errand: ran.append(time.monotonic()))
    for _ in range(THREADS + 5):
        web.answer_next(KEY)
    assert wait_until(lambda: len(busy) == THREADS)

    sent = time.monotonic()
    web.run(Errand("draw", KEY))

    assert wait_until(lambda: ran)
    go_on.set()
    assert ran[0] - sent < 0.5


def test_an_errand_may_be_for_later(web: DramatiqTaskQueue, start_beside) -> None:
    ran: list[float] = []
    start_beside(lambda _: None, lambda errand: ran.append(time.monotonic()))

    sent = time.monotonic()
    web.run(Errand("draw", KEY), delay=0.6)

    assert wait_until(lambda: ran)
    assert 0.5 < ran[0] - sent < 2


@pytest.mark.parametrize("error", [RuntimeError(SECRET), StorageUnavailable("ConnectionError")])
def test_an_errand_that_fails_is_not_run_again_and_stops_no_other(
    raw_redis: redis.Redis,
    web: DramatiqTaskQueue,
    start_beside,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    ran: list[str] = []

    def run(errand: Errand) -> None:
        ran.append(errand.kind)
        if errand.kind == "draw":
            raise error

    start_beside(lambda _: None, run)
    web.run(Errand("draw", KEY))
    web.run(Errand("home", KEY))

    assert wait_until(lambda: not raw_redis.hgetall(f"{ERRANDS}:{ERRANDS}.msgs"))
    assert sorted(ran) == ["draw", "home"]
    assert SECRET not in dump(raw_redis)
    assert SECRET not in "".join(JsonFormatter().format(record) for record in caplog.records)


def test_a_worker_that_shuts_down_ends_the_errand_that_it_runs(
    web: DramatiqTaskQueue, start_beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dramatiq.worker, "CONSUMER_RESTART_DELAY_SECS", 0.1)
    ended: list[str] = []
    begun = threading.Event()

    def run(errand: Errand) -> None:
        begun.set()
        time.sleep(0.5)
        ended.append(errand.kind)

    worker = start_beside(lambda _: None, run)
    web.run(Errand("draw", KEY))
    assert begun.wait(5)

    worker.stop()

    assert ended == ["draw"]
