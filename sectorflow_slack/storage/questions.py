"""Questions, from acceptance to completion; ``storage.scripts`` lists the keys and has each step."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt, LeaseLost
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.metrics import ANSWERED, FAILED
from sectorflow_slack.domain.questions import Acceptance, IncomingQuestion, Lease, Plan, Progress, Question
from sectorflow_slack.domain.slack_jobs import SlackJob
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.connection import translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import question_key, wakes_key
from sectorflow_slack.storage.metrics import counter_field
from sectorflow_slack.storage.records import read_leased, read_plan
from sectorflow_slack.storage.slack_jobs import job_body

logger = logging.getLogger(__name__)

#: Slack retries an event for up to a day ("Delayed Events"); it is known for twice as long.
REPEAT_SECONDS = 48 * 3600
#: How long a question that no worker could complete is stored.
QUESTION_SECONDS = 7 * 24 * 3600
#: A worker that has not extended a lease for this long counts as dead.
LEASE_SECONDS = 12.0
#: How long a question that cannot be read waits for its encryption key, or for a worker of another release.
UNREADABLE_SECONDS = 60
#: How often a worker runs ``TICK`` at least.
TICK_SECONDS = 3.0
#: How many installations and Slack jobs that moves at most.
TICK_SIZE = 200

Fields = Mapping[str, str | None]

_LEASED_FIELDS = ("question", "event", "plan", "posted", "failures", "deaths", "stopped")


@dataclass(frozen=True, slots=True)
class QuestionLimits:
    """What one installation, and one person in it, may ask."""

    #: How many questions of an installation are under way at once, and how many wait.
    underway: int = 16
    waiting: int = 1000
    #: How many questions a person may ask within a period; 0 for any number.
    per_person: int = 0
    period_seconds: int = 60


class QuestionStore:
    """Stores every accepted question until it is completed, and which worker has leased it.

    Each step is atomic. ``assert_held``, ``save_plan``, ``mark_posted``, ``release`` and ``complete`` raise
    ``LeaseLost`` and change nothing if the question was leased by another worker, or stopped.
    """

    def __init__(
        self, redis: Redis, cipher: Cipher, *, limits: QuestionLimits, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._redis = redis
        self._cipher = cipher
        self._limits = limits
        self._lease = lease_seconds
        self._accept_script = redis.register_script(scripts.ACCEPT)
        self._lease_script = redis.register_script(scripts.LEASE)
        self._extend_script = redis.register_script(scripts.EXTEND)
        self._save_plan_script = redis.register_script(scripts.SAVE_PLAN)
        self._mark_posted_script = redis.register_script(scripts.MARK_POSTED)
        self._release_script = redis.register_script(scripts.RELEASE)
        self._complete_script = redis.register_script(scripts.COMPLETE)
        self._stop_script = redis.register_script(scripts.STOP)
        self._tick_script = redis.register_script(scripts.TICK)

    @translate_errors
    def accept_event(self, incoming: IncomingQuestion, notices: Sequence[SlackJob]) -> Acceptance:
        """Store the question of an event as the last that waits, and wake a worker, in one step.

        ``notices`` are sent to a person whose installation has too many questions waiting, and to one who
        asks too often; at most one a minute.
        """
        sealed = self._cipher.seal(question_key(incoming.id), "event", incoming.record)
        outcome, installation = self._accept(incoming, "event", sealed, notices, self._limits.per_person)
        key = InstallationKey.parse(installation) if installation else None
        return Acceptance(outcome, key)

    @translate_errors
    def accept(self, question: Question, notices: Sequence[SlackJob] = ()) -> bool:
        """Store the question of an interaction as the last that waits; False if it was accepted before.

        With ``notices`` it may be refused, as that of an event. Without, it is not: its message shows already
        that a model is asked.
        """
        sealed = self._seal(question_key(question.id), question)
        incoming = IncomingQuestion(
            id=question.id,
            app_id=question.installation.app_id,
            tenant_ids=(question.installation.tenant_id,),
            event_id=question.event_id,
            channel_id=question.channel_id,
            ts=question.ts,
            thread_ts=question.status_thread_ts,
            user_id=question.user_id,
            record="",
        )
        per_person = self._limits.per_person if notices else 0
        outcome, _ = self._accept(incoming, "question", sealed, notices, per_person)
        return outcome == Acceptance.ACCEPTED

    @translate_errors
    def lease(self) -> Lease | None:
        """Lease the question that has the next turn; None if none can start.

        A question that cannot be read is postponed.
        """
        while True:
            holder = uuid.uuid4().hex
            args: list[Any] = [self._lease, self._limits.underway, holder, *_LEASED_FIELDS]
            found = self._lease_script(args=args)
            if found is None:
                return None
            question_id, installation, values = found
            lease = Lease(str(question_id), InstallationKey.parse(str(installation)), holder)
            try:
                return self._read(lease, _fields(values))
            except Exception as error:
                # It must not block the others.
                self.postpone(lease, error)

    @translate_errors
    def postpone(self, lease: Lease, error: Exception) -> None:
        """Release a question that cannot be read, and log why."""
        log_unreadable(lease, error)
        self._release(lease.id, lease.holder, lease.installation, UNREADABLE_SECONDS, counts=0)

    @translate_errors
    def extend(self, questions: Sequence[Question]) -> None:
        """Extend the leases of questions that are worked on; without that, other workers get them."""
        self._extend(*questions)

    @translate_errors
    def assert_held(self, question: Question) -> None:
        """Extend the lease of a question before a step that cannot be undone, such as posting."""
        check_held(self._extend(question))

    @translate_errors
    def progress(self, question: Question) -> Progress:
        """Load the progress of earlier tries."""
        key = question_key(question.id)
        return self._progress(key, _fields(self._redis.hmget(key, _LEASED_FIELDS)))

    @translate_errors
    def save_plan(self, question: Question, plan: Plan, posted: Sequence[str] = ()) -> None:
        """Store the messages to post, so that a retry neither asks SectorFlow nor posts a message again.

        ``posted`` has the ``ts`` of each message of the plan that is already posted.
        """
        sealed = self._cipher.seal(question_key(question.id), "plan", json.dumps(asdict(plan)))
        args = [question.id, question.holder, sealed, json.dumps(posted)]
        check_held(self._save_plan_script(args=args))

    @translate_errors
    def mark_posted(self, question: Question, posted: Sequence[str]) -> None:
        """Record the ``ts`` of all posted messages of the plan."""
        check_held(self._mark_posted_script(args=[question.id, question.holder, json.dumps(posted)]))

    @translate_errors
    def release(self, question: Question, delay: float, *, counts: bool) -> None:
        """End a lease; after ``delay`` seconds the question is next. ``counts`` adds a failed try."""
        check_held(self._release(question.id, question.holder, question.installation, delay, int(counts)))

    @translate_errors
    def complete(self, question: Question, failure: str = "", again: Question | None = None) -> bool:
        """Delete a question; True if another question can start, of whatever installation.

        ``failure`` is the reason if there is no answer. ``again`` is stored for a week to be asked again, and
        listed among the failed questions if there is a ``failure``.
        """
        sealed = self._seal(f"letter:{question.id}", again) if again else ""
        result = self._complete_script(
            args=[
                question.id,
                question.holder,
                str(question.installation),
                self._limits.underway,
                counter_field(FAILED, failure) if failure else ANSWERED,
                sealed,
                failure,
                int(bool(failure and again)),
                scripts.FAILED_QUESTION_SECONDS,
            ]
        )
        return bool(check_held(result))

    @translate_errors
    def forget(self, question: Question) -> None:
        """Forget that the question of an interaction was accepted, so that it can be asked again."""
        event = f"event:{question.installation}:{question.event_id}"
        self._redis.delete(event, f"asked:{question.installation}:{question.channel_id}:{question.ts}")

    @translate_errors
    def stop(self, key: InstallationKey, channel_id: str, thread_ts: str, user_id: str) -> int:
        """End the open questions of a thread, of whatever worker; return how many there were."""
        args: list[Any] = [str(key), channel_id, thread_ts, user_id, self._limits.underway]
        return int(str(self._stop_script(args=args)))

    @translate_errors
    def tick(self, worker: str) -> float:
        """Move what is due to its line; return the seconds until the next look.

        What is due is what is tried again, and what was left by workers that died. ``worker`` names the
        caller, who is counted as alive for some seconds.
        """
        return float(self._tick_script(args=[worker, self._limits.underway, TICK_SECONDS, TICK_SIZE]))

    @translate_errors
    def sign_off(self, worker: str) -> None:
        """Record that a worker ends, and wake another for what may have been meant for it.

        Two wake-ups a line: the worker's own threads, which may still wait, take one at most.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.zrem("workers", worker)
            for line in ("questions", "jobs"):
                pipe.rpush(wakes_key(line), "1", "1")
            pipe.execute()

    @translate_errors
    def wake(self, line: str) -> None:
        """Wake a worker that waits for ``questions`` or ``jobs``."""
        self._redis.rpush(wakes_key(line), "1")

    @translate_errors
    def await_wake(self, line: str, seconds: float) -> bool:
        """Wait for a wake-up of ``questions`` or ``jobs``; False if none comes within ``seconds``."""
        return self._redis.blpop([wakes_key(line)], timeout=seconds) is not None

    def _accept(
        self, incoming: IncomingQuestion, name: str, sealed: str, notices: Sequence[SlackJob], per_person: int
    ) -> tuple[str, str]:
        limits = self._limits
        full, braked = map(job_body, notices) if notices else ("", "")
        waiting = limits.waiting if notices else 10**9
        args: list[Any] = [incoming.id, name, sealed, limits.underway, waiting, per_person]
        args += [limits.period_seconds, incoming.user_id, incoming.channel_id, incoming.thread_ts]
        args += [incoming.event_id, incoming.ts, full, braked, REPEAT_SECONDS, QUESTION_SECONDS]
        args += (f"{incoming.app_id}:{tenant_id}" for tenant_id in incoming.tenant_ids)
        result = self._accept_script(args=args)
        outcome, installation = result
        return str(outcome), str(installation)

    def _read(self, lease: Lease, fields: Fields) -> Lease:
        lease = replace(lease, progress=self._progress(question_key(lease.id), fields))
        return read_leased(self._cipher, lease, fields["question"], fields["event"])

    def _progress(self, key: str, fields: Fields) -> Progress:
        sealed = fields["plan"]
        try:
            plan = read_plan(self._cipher.open(key, "plan", sealed)) if sealed else None
        except CannotDecrypt as error:
            logger.error("plan cannot be read: %s", error.location)
            plan = None
        return Progress(
            plan,
            tuple(json.loads(fields["posted"] or "[]")),
            int(fields["failures"] or 0),
            int(fields["deaths"] or 0),
            fields["stopped"] or "",
        )

    def _seal(self, key: str, question: Question) -> str:
        return self._cipher.seal(key, "question", json.dumps(asdict(question)))

    def _extend(self, *questions: Question) -> object:
        held = [(each.id, each.holder, str(each.installation)) for each in questions]
        return self._extend_script(args=[self._lease, *(part for each in held for part in each)])

    def _release(
        self, question_id: str, holder: str, key: InstallationKey, delay: float, counts: int
    ) -> object:
        return self._release_script(
            args=[question_id, holder, str(key), delay, counts, self._limits.underway]
        )


def _fields(values: Any) -> Fields:
    """Return the fields that ``_LEASED_FIELDS`` names, of a question's record."""
    return dict(zip(_LEASED_FIELDS, values, strict=True))


def log_unreadable(lease: Lease, error: Exception) -> None:
    """Log why a question cannot be read.

    Its encryption key is missing, and may be restored; or another release stored it in an unknown form.
    """
    if isinstance(error, CannotDecrypt):
        logger.error("question cannot be read: %s", error.location)
    else:
        ids = {"question_id": lease.id, **lease.installation.ids}
        logger.error("question cannot be read", exc_info=error, extra=ids)


def check_held(result: object) -> int:
    """Return the result of a script for holders only, or raise ``LeaseLost`` if it refused."""
    number = int(str(result))
    if number < 0:
        raise LeaseLost("another worker has the question now, or it was stopped")
    return number
