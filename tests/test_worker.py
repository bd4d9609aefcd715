import logging
import threading

import dramatiq
import pytest
import redis
from sectorflow_slack.tasks import (
    ACTOR,
    SLACK_JOBS,
    DramatiqTaskQueue,
    Heartbeat,
    IgnoreRepeatedSigterm,
    PauseConsumers,
    PeriodicCalls,
    make_broker,
)

from sectorflow_slack import tasks
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.slack_jobs import RenderAnswer
from sectorflow_slack.services.answering import AnswerService
from sectorflow_slack.services.slack_jobs import SlackJobService
from sectorflow_slack.worker import setup_broker
from tests.values import INSTALL_API_KEY
from tests.waiting import until

KEY = InstallationKey("A0OWN", "T0ACME")
SLACK_JOB = RenderAnswer(KEY, answer_id="0" * 32)
VARIABLES = {
    "PUBLIC_URL": "https://slack.example.com",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "INSTALL_API_KEYS": INSTALL_API_KEY,
    "WORKER_THREADS": "2",
    "LOG_LEVEL": "WARNING",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Set a worker's settings; restore the logging and the global broker afterwards."""
    monkeypatch.setattr(dramatiq.broker, "global_broker", None)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_worker_is_set_up_without_redis_and_logs_nothing(caplog):
    setup_broker()

    broker = dramatiq.get_broker()
    assert broker.get_declared_actors() == {ACTOR}
    assert {IgnoreRepeatedSigterm, PauseConsumers, Heartbeat, PeriodicCalls} <= {
        type(one) for one in broker.middleware
    }
    assert caplog.records == []


def test_a_worker_with_wrong_settings_exits_and_names_them(monkeypatch):
    monkeypatch.setenv("WORKER_THREADS", "none")
    monkeypatch.setenv("ENCRYPTION_KEYS", "not-a-key-but-a-secret")

    with pytest.raises(SystemExit) as caught:
        setup_broker()

    text = str(caught.value)
    assert "WORKER_THREADS" in text
    assert "ENCRYPTION_KEYS" in text
    assert "not-a-key-but-a-secret" not in text


@pytest.mark.real_redis
def test_a_worker_runs_both_kinds_of_jobs_and_its_heartbeat(real_redis_url, monkeypatch):
    monkeypatch.setenv("REDIS_URL", real_redis_url)
    monkeypatch.setattr(tasks, "HEARTBEAT_SECONDS", 0.02)
    # A paused consumer sleeps this long before it stops.
    monkeypatch.setattr(dramatiq.worker, "CONSUMER_RESTART_DELAY_SECS", 0.1)
    answered = []
    ran = []
    extended = threading.Event()
    monkeypatch.setattr(AnswerService, "answer_next", lambda self, key: answered.append(key))
    monkeypatch.setattr(SlackJobService, "run", lambda self, job: ran.append(job))
    monkeypatch.setattr(AnswerService, "extend_leases", lambda self: extended.set())
    setup_broker()
    worker = dramatiq.Worker(dramatiq.get_broker())
    client = redis.Redis.from_url(real_redis_url)
    worker.start()
    try:
        queue = DramatiqTaskQueue(make_broker(client), make_broker(client, SLACK_JOBS))
        queue.answer_next(KEY)
        queue.enqueue(SLACK_JOB)

        until(lambda: (answered, ran) == ([KEY], [SLACK_JOB]))
        assert extended.wait(20)
        assert len(worker.workers) == 2
    finally:
        worker.stop()
        client.flushdb()
        client.close()
