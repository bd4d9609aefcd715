"""The job queues: one for questions and one for Slack jobs, each with one actor, and dramatiq's middleware.

A question's job has two ids and means "answer the next question of this installation". The questions wait in
``storage.questions``, so a lost, repeated or late job does no harm, and no job fails: the service releases a
question that it can't answer now. A Slack job (``domain.slack_jobs``) runs at most once.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.slack_jobs import SlackJob, from_json, to_json

logger = logging.getLogger(__name__)

QUEUE = "questions"
ACTOR = "answer_next"
#: Slack jobs have a queue and, in each worker, threads of their own: a user waits for each of them, and
#: questions may fill all other threads for minutes.
SLACK_JOBS = "errands"
SLACK_JOB_ACTOR = "run_errand"
SLACK_JOB_THREADS = 8
#: How long a worker that stops waits for its running Slack jobs.
SLACK_JOB_STOP_MS = 10_000

#: After this without a heartbeat a worker counts as dead; dramatiq's default is a minute.
HEARTBEAT_TIMEOUT_MS = 15_000
#: dramatiq looks for dead workers on this many of a million commands; its default of 0.1 % takes minutes.
MAINTENANCE_CHANCE = 1_000_000
#: How long an idle worker sleeps between polls of a queue. dramatiq's default of a second would delay every
#: answer; a shorter time costs Redis commands.
POLL_MS = 100
#: How often a worker looks for users whose questions have waited for a long time.
NOTIFY_SECONDS = 5.0
#: How often a worker looks for tokens that are still to be revoked.
REVOKE_SECONDS = 10.0
#: How often a worker extends its leases and looks for questions without a worker.
HEARTBEAT_SECONDS = 3.0


class DramatiqTaskQueue:
    """Enqueues jobs in dramatiq; needs no declared actor, so a web process has none."""

    def __init__(self, questions: dramatiq.Broker, slack_jobs: dramatiq.Broker) -> None:
        self._questions = questions
        self._slack_jobs = slack_jobs

    def answer_next(self, key: InstallationKey, delay: float = 0.0) -> None:
        """Enqueue a job that answers the next question of this installation, in ``delay`` seconds."""
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=QUEUE, actor_name=ACTOR, args=(key.app_id, key.tenant_id), kwargs={}, options={}
        )
        _enqueue(self._questions, message, delay)

    def enqueue(self, job: SlackJob, delay: float = 0.0) -> None:
        """Enqueue a Slack job that runs in ``delay`` seconds."""
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=SLACK_JOBS, actor_name=SLACK_JOB_ACTOR, args=(), kwargs=to_json(job), options={}
        )
        _enqueue(self._slack_jobs, message, delay)


def _enqueue(broker: dramatiq.Broker, message: dramatiq.Message[None], delay: float) -> None:
    try:
        broker.enqueue(message, delay=round(delay * 1000) or None)
    except redis.RedisError as error:
        raise StorageUnavailable(type(error).__name__) from None


def make_broker(client: redis.Redis, namespace: str = "dramatiq") -> RedisBroker:
    """Make a broker without dramatiq's own middleware, which this service does not need.

    Takes a client, because ``RedisBroker`` silently drops TLS options given as keywords.
    """
    return RedisBroker(  # type: ignore[no-untyped-call]
        client=client,
        namespace=namespace,
        middleware=[],
        heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
        maintenance_chance=MAINTENANCE_CHANCE,
    )


def declare_question_actor(broker: dramatiq.Broker, answer_next: Callable[[InstallationKey], None]) -> None:
    """Declare the actor of questions on ``broker``; called by workers only."""

    def act(app_id: str, tenant_id: str) -> None:
        try:
            answer_next(InstallationKey(app_id, tenant_id))
        except StorageUnavailable as error:
            logger.warning("job abandoned: %s", error)
        except Exception as error:
            logger.error("job failed", exc_info=error)

    dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE, broker=broker)(act)


def declare_slack_job_actor(broker: dramatiq.Broker, run: Callable[[SlackJob], None]) -> None:
    """Declare the actor of Slack jobs on ``broker``; called by workers only."""

    def act(**fields: Any) -> None:
        extra = {"slack_job": str(fields.get("kind"))}
        try:
            # Another release may send fields that this one doesn't know.
            run(from_json(**fields))
        except StorageUnavailable as error:
            logger.warning("Slack job abandoned: %s", error, extra=extra)
        except Exception as error:
            logger.error("Slack job failed", exc_info=error, extra=extra)

    dramatiq.actor(actor_name=SLACK_JOB_ACTOR, queue_name=SLACK_JOBS, broker=broker)(act)


class SlackJobWorker(Middleware):
    """Runs Slack jobs in threads of their own."""

    def __init__(self, broker: dramatiq.Broker) -> None:
        """Make a worker for the broker of Slack jobs, whose actor is declared."""
        self._worker = dramatiq.Worker(broker, worker_threads=SLACK_JOB_THREADS, worker_timeout=POLL_MS)

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Start the threads."""
        self._worker.start()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Stop the threads; other workers run the waiting jobs."""
        self._worker.stop(timeout=SLACK_JOB_STOP_MS)


class WorkerSettings(Middleware):
    """Sets a worker's threads and poll interval, which dramatiq reads from flags and variables."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Change the worker's settings before its threads start."""
        worker.worker_threads = self._threads
        worker.worker_timeout = POLL_MS
        # As many as threads: more messages would wait here while other workers idle, and fewer leave threads
        # idle, because dramatiq counts the running ones.
        worker.queue_prefetch = self._threads


class PauseConsumers(Middleware):
    """Stops a worker that shuts down from fetching messages, which dramatiq would go on doing."""

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Pause the consumers, except the delay queue's, whose polling is the worker's heartbeat."""
        for name, consumer in worker.consumers.items():
            if not name.endswith(".DQ"):
                consumer.pause()


class IgnoreRepeatedSigterm(Middleware):
    """Ignores every SIGTERM after the first.

    Heroku signals every process of a dyno, and dramatiq's master also signals its children; a child exits
    without a shutdown on the second signal.
    """

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Wrap dramatiq's signal handler."""
        stop = signal.getsignal(signal.SIGTERM)
        if not callable(stop):
            return

        def once(signum: int, frame: FrameType | None) -> None:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            stop(signum, frame)

        signal.signal(signal.SIGTERM, once)


class PeriodicCalls(Middleware):
    """Makes calls every few seconds until the worker shuts down, each in a thread of its own."""

    def __init__(self, *calls: tuple[Callable[[], None], float]) -> None:
        """Store the calls with their intervals; dramatiq warns of a second middleware of this class."""
        self._calls = calls
        self._is_over = threading.Event()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Start the threads."""
        for call, seconds in self._calls:
            threading.Thread(target=self._run, args=(call, seconds), name="periodic", daemon=True).start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Stop the threads."""
        self._is_over.set()

    def _run(self, call: Callable[[], None], seconds: float) -> None:
        while not self._is_over.wait(seconds):
            _log_errors(call)


class Heartbeat(Middleware):
    """Calls ``extend_leases`` every few seconds while the worker lives, even during its shutdown.

    Also ends a worker whose master was killed: dramatiq's would run on without supervision. After the
    shutdown it hands over the questions whose answers the shutdown did not wait for.
    """

    def __init__(self, extend_leases: Callable[[], None], hand_over: Callable[[], None]) -> None:
        self._extend_leases = extend_leases
        self._hand_over = hand_over
        self._is_over = threading.Event()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Stop the thread, and hand over the questions without an answer."""
        self._is_over.set()
        _log_errors(self._hand_over)

    def _run(self) -> None:
        master = os.getppid()
        while not self._is_over.wait(HEARTBEAT_SECONDS):
            _log_errors(self._extend_leases)
            if os.getppid() != master:
                os.kill(os.getpid(), signal.SIGTERM)


def _log_errors(call: Callable[[], None]) -> None:
    try:
        call()
    except StorageUnavailable as error:
        logger.warning("periodic call failed: %s", error)
    except Exception as error:
        logger.error("periodic call failed", exc_info=error)
