"""The job engine: its two queues, each with one actor, and what dramatiq must be told to do this job well.

A job says "take the next question of this installation" and carries two ids. The questions themselves
wait in ``storage.questions``; so a job that is lost, repeated or late does no harm, and no job ever fails:
what cannot be done now is put back there. A Slack job (``domain.slack_jobs``) is run once, or not at all.
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
#: Errands have a line, and in each worker threads, of their own: somebody looks at Slack and waits for them,
#: and questions may fill all other threads for minutes.
ERRANDS = "errands"
ERRAND_ACTOR = "run_errand"
ERRAND_THREADS = 8
ERRAND_TIMEOUT_MS = 100  # shorter costs Redis commands, as below
#: How long a worker that stops waits for the errands it runs.
ERRAND_STOP_MS = 10_000

#: A worker that was killed is known to be dead after this; dramatiq's default is a minute.
HEARTBEAT_TIMEOUT_MS = 15_000
#: dramatiq looks for dead workers on this many of a million commands; its default of 0.1 % takes minutes.
MAINTENANCE_CHANCE = 1_000_000
#: How long an idle worker sleeps between looks at the queue. dramatiq's default of a second would be
#: added to every answer; shorter costs Redis commands.
WORKER_TIMEOUT_MS = 100
#: How often a worker looks for people whose questions have waited for long.
TELL_SECONDS = 5.0
#: How often a worker looks for tokens that are still to be taken back.
REVOKE_SECONDS = 10.0
#: How often a worker says that it goes on, and looks for questions that nobody took up.
CARE_SECONDS = 3.0


class DramatiqTaskQueue:
    """Wakes workers through dramatiq; needs no actor to be declared, so that the web has none."""

    def __init__(self, broker: dramatiq.Broker, errands: dramatiq.Broker) -> None:
        """Take the brokers of the questions and of the errands."""
        self._broker = broker
        self._errands = errands

    def answer_next(self, key: InstallationKey, delay: float = 0.0) -> None:
        """Have a worker take the next question of this installation, in ``delay`` seconds."""
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=QUEUE, actor_name=ACTOR, args=(key.app_id, key.tenant_id), kwargs={}, options={}
        )
        _enqueue(self._broker, message, delay)

    def enqueue(self, job: SlackJob, delay: float = 0.0) -> None:
        """Have a worker run an errand, in ``delay`` seconds."""
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=ERRANDS, actor_name=ERRAND_ACTOR, args=(), kwargs=to_json(job), options={}
        )
        _enqueue(self._errands, message, delay)


def _enqueue(broker: dramatiq.Broker, message: dramatiq.Message[None], delay: float) -> None:
    try:
        broker.enqueue(message, delay=round(delay * 1000) or None)
    except redis.RedisError as error:
        raise StorageUnavailable(type(error).__name__) from None


def make_broker(client: redis.Redis, namespace: str = "dramatiq") -> RedisBroker:
    """Make a broker with no middleware: none of dramatiq's own has anything to do here.

    The client is given ready-made: ``RedisBroker`` silently drops TLS options given as keywords.
    """
    return RedisBroker(  # type: ignore[no-untyped-call]
        client=client,
        namespace=namespace,
        middleware=[],
        heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
        maintenance_chance=MAINTENANCE_CHANCE,
    )


def declare_actors(broker: dramatiq.Broker, answer_next: Callable[[InstallationKey], None]) -> None:
    """Declare the queue's one actor on ``broker``; called by workers only."""

    def act(app_id: str, tenant_id: str) -> None:
        try:
            answer_next(InstallationKey(app_id, tenant_id))
        except StorageUnavailable as error:
            logger.warning("job given up: %s", error)
        except Exception as error:
            logger.error("job failed", exc_info=error)

    dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE, broker=broker)(act)


def declare_errands(broker: dramatiq.Broker, run: Callable[[SlackJob], None]) -> None:
    """Declare the errands' one actor on ``broker``; called by workers only."""

    def act(**fields: Any) -> None:
        extra = {"errand": str(fields.get("kind"))}
        try:
            # Another release may send what this one cannot read.
            run(from_json(**fields))
        except StorageUnavailable as error:
            logger.warning("errand given up: %s", error, extra=extra)
        except Exception as error:
            logger.error("errand failed", exc_info=error, extra=extra)

    dramatiq.actor(actor_name=ERRAND_ACTOR, queue_name=ERRANDS, broker=broker)(act)


class ErrandWorker(Middleware):
    """Runs errands beside the questions, in threads of their own."""

    def __init__(self, broker: dramatiq.Broker) -> None:
        """Take the errands' broker, with its actor declared."""
        self._worker = dramatiq.Worker(
            broker, worker_threads=ERRAND_THREADS, worker_timeout=ERRAND_TIMEOUT_MS
        )

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Start the threads."""
        self._worker.start()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """End the threads; what waits is left to other workers."""
        self._worker.stop(timeout=ERRAND_STOP_MS)


class WorkerSettings(Middleware):
    """Gives a worker its thread count and its pace, which dramatiq takes from flags and variables."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Set what the worker's threads are about to be made with."""
        worker.worker_threads = self._threads
        worker.worker_timeout = WORKER_TIMEOUT_MS
        # As many as there are threads: more would wait here while other workers idle, fewer leave threads
        # idle (dramatiq counts the running ones in).
        worker.queue_prefetch = self._threads


class TakeNothingNew(Middleware):
    """Stops a worker that shuts down from fetching; dramatiq's goes on and holds what it gets."""

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Pause the consumers, but for the delay queue's, whose polling is the worker's heartbeat."""
        for name, consumer in worker.consumers.items():
            if not name.endswith(".DQ"):
                consumer.pause()


class OneSigterm(Middleware):
    """Lets only the first SIGTERM count.

    Heroku signals every process of a dyno, dramatiq's master signals its children too, and a child exits
    hard on the second.
    """

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Put a gate before dramatiq's own handler."""
        stop = signal.getsignal(signal.SIGTERM)
        if not callable(stop):
            return

        def once(signum: int, frame: FrameType | None) -> None:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            stop(signum, frame)

        signal.signal(signal.SIGTERM, once)


class Rounds(Middleware):
    """Does work every few seconds as long as the worker lives, each in a thread that no question fills."""

    def __init__(self, *rounds: tuple[Callable[[], None], float]) -> None:
        """Take each work with its seconds; one of these does for all (dramatiq warns of a second)."""
        self._rounds = rounds
        self._over = threading.Event()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Start the threads."""
        for work, seconds in self._rounds:
            threading.Thread(target=self._run, args=(work, seconds), name="rounds", daemon=True).start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """End the threads."""
        self._over.set()

    def _run(self, work: Callable[[], None], seconds: float) -> None:
        while not self._over.wait(seconds):
            _guarded(work)


class Caretaker(Middleware):
    """Runs ``care`` every few seconds as long as the worker lives, its shutdown included.

    It also ends a worker whose master was killed: dramatiq's would live on, unseen and unsupervised. What
    the shutdown did not wait for is handed over at the end.
    """

    def __init__(self, care: Callable[[], None], hand_over: Callable[[], None]) -> None:
        self._care = care
        self._hand_over = hand_over
        self._over = threading.Event()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="caretaker", daemon=True).start()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """End the thread, and give what is still under way to others."""
        self._over.set()
        _guarded(self._hand_over)

    def _run(self) -> None:
        master = os.getppid()
        while not self._over.wait(CARE_SECONDS):
            _guarded(self._care)
            if os.getppid() != master:
                os.kill(os.getpid(), signal.SIGTERM)


def _guarded(care: Callable[[], None]) -> None:
    try:
        care()
    except StorageUnavailable as error:
        logger.warning("no care taken: %s", error)
    except Exception as error:
        logger.error("no care taken", exc_info=error)
