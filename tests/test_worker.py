from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import dramatiq
import pytest
import redis

from sectorflow_slack import tasks
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.slack_jobs import RenderAnswer, SlackJob
from sectorflow_slack.services.answering import AnswerService
from sectorflow_slack.services.slack_jobs import SlackJobService
from sectorflow_slack.tasks import (
    ACTOR,
    ERRANDS,
    Caretaker,
    DramatiqTaskQueue,
    OneSigterm,
    Rounds,
    TakeNothingNew,
    make_broker,
)
from sectorflow_slack.worker import setup_broker
from tests.values import INSTALL_API_KEY
from tests.waiting import until

KEY = InstallationKey("A0OWN", "T0ACME")
ERRAND = RenderAnswer(KEY, answer_id="0" * 32)
VARIABLES = {
    "PUBLIC_URL": "https://slack.example.com",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "INSTALL_API_KEYS": INSTALL_API_KEY,
    "WORKER_THREADS": "2",
    "LOG_LEVEL": "WARNING",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker's settings; the logging and the global broker that it changes are put back afterwards."""
    monkeypatch.setattr(dramatiq.broker, "global_broker", None)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_worker_is_set_up_without_reaching_for_redis_and_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    setup_broker()

    broker = dramatiq.get_broker()
    assert broker.get_declared_actors() == {ACTOR}
    assert {OneSigterm, TakeNothingNew, Caretaker, Rounds} <= {type(one) for one in broker.middleware}
    assert caplog.records == []


def test_a_worker_with_wrong_settings_does_not_start_and_says_which(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORKER_THREADS", "none")
    monkeypatch.setenv("ENCRYPTION_KEYS", "not-a-key-but-a-secret")

    with pytest.raises(SystemExit) as caught:
        setup_broker()

    text = str(caught.value)
    assert "WORKER_THREADS" in text
    assert "ENCRYPTION_KEYS" in text
    assert "not-a-key-but-a-secret" not in text


@pytest.mark.real_redis
def test_a_worker_answers_jobs_runs_errands_and_takes_care(
    real_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", real_redis_url)
    monkeypatch.setattr(tasks, "CARE_SECONDS", 0.02)
    # A paused consumer of dramatiq's sleeps this long before it sees that it is to stop.
    monkeypatch.setattr(dramatiq.worker, "CONSUMER_RESTART_DELAY_SECS", 0.1)
    answered: list[InstallationKey] = []
    ran: list[SlackJob] = []
    cared = threading.Event()
    monkeypatch.setattr(AnswerService, "answer_next", lambda self, key: answered.append(key))
    monkeypatch.setattr(SlackJobService, "run", lambda self, errand: ran.append(errand))
    monkeypatch.setattr(AnswerService, "extend_leases", lambda self: cared.set())
    setup_broker()
    worker = dramatiq.Worker(dramatiq.get_broker())
    client = redis.Redis.from_url(real_redis_url)
    worker.start()
    try:
        queue = DramatiqTaskQueue(make_broker(client), make_broker(client, ERRANDS))
        queue.answer_next(KEY)
        queue.enqueue(ERRAND)

        until(lambda: (answered, ran) == ([KEY], [ERRAND]))
        assert cared.wait(20)
        assert len(worker.workers) == 2
    finally:
        worker.stop()
        client.flushdb()
        client.close()
