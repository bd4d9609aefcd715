"""Questions, from acceptance to completion.

============================================  ==========================================================
``question:{id}``                             hash: sealed ``question`` and ``plan``, ``holder``, the fields
                                              of ``Progress`` and of ``storage.placeholders``
``event:{app}:{tenant}:{event_id}``           marks an accepted event: Slack's retries are repeats
``asked:{app}:{tenant}:{channel}:{ts}``       marks an accepted message: an ``app_mention`` and a ``message``
                                              event of one ``ts`` are repeats
``waiting:{app}:{tenant}``                    list of ids that wait for a worker
``later:{app}:{tenant}``                      sorted set of ids that are tried again, by when they are due
``underway:{app}:{tenant}``                   sorted set of ids that are leased, by when their leases end
``installations-with-questions``              set of ``{app}:{tenant}`` that have any of the three
``nudged:{app}:{tenant}``                     marks that a worker was woken a moment ago
============================================  ==========================================================

Each step that moves a question is one script, so that a crash cannot lose it between two keys. Times are
Redis's own, in seconds since the epoch: the clocks of machines may differ.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt, LeaseLost
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.metrics import ANSWERED, FAILED
from sectorflow_slack.domain.questions import Plan, Progress, Question
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.connection import translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import (
    FAILED_QUESTIONS,
    INSTALLATIONS_WITH_QUESTIONS,
    METRICS,
    failed_question_key,
    later_key,
    question_key,
    underway_key,
    waiting_key,
)
from sectorflow_slack.storage.metrics import counter_field
from sectorflow_slack.storage.records import read_plan, read_question

logger = logging.getLogger(__name__)

#: Slack retries an event for up to a day ("Delayed Events"); it is known for twice as long.
REPEAT_SECONDS = 48 * 3600
#: How long a question that no worker could complete is stored.
QUESTION_SECONDS = 7 * 24 * 3600
#: A worker that has not extended a lease for this long counts as dead.
LEASE_SECONDS = 12.0
#: How long a question that does not decrypt waits for its encryption key.
UNREADABLE_SECONDS = 60
#: At most one wake-up per installation in this time; busy workers need no more.
WAKE_SECONDS = 3


class QuestionStore:
    """Stores every accepted question until it is completed, and which worker has leased it.

    Jobs only wake a worker, which leases the next question of an installation here. Each step is atomic.
    ``assert_held``, ``save_plan``, ``mark_posted``, ``release`` and ``complete`` raise ``LeaseLost`` and
    change nothing if another worker has leased the question by now.
    """

    def __init__(
        self, redis: Redis, cipher: Cipher, *, limit: int, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        """Set how many questions of one installation may be under way, and how long a lease lasts."""
        self._redis = redis
        self._cipher = cipher
        self._limit = limit
        self._lease = lease_seconds
        self._accept_script = redis.register_script(scripts.ACCEPT)
        self._lease_script = redis.register_script(scripts.LEASE)
        self._extend_script = redis.register_script(scripts.EXTEND)
        self._save_plan_script = redis.register_script(scripts.SAVE_PLAN)
        self._mark_posted_script = redis.register_script(scripts.MARK_POSTED)
        self._release_script = redis.register_script(scripts.RELEASE)
        self._complete_script = redis.register_script(scripts.COMPLETE)
        self._due_script = redis.register_script(scripts.DUE)

    @translate_errors
    def accept(self, question: Question) -> bool:
        """Store a question as the last that waits; False if its event or its message was accepted before."""
        key, redis_key = question.installation, question_key(question.id)
        sealed = self._cipher.seal(redis_key, "question", json.dumps(asdict(question)))
        accepted = self._accept_script(
            keys=[
                f"event:{key}:{question.event_id}",
                f"asked:{key}:{question.channel_id}:{question.ts}",
                redis_key,
                waiting_key(key),
                INSTALLATIONS_WITH_QUESTIONS,
                METRICS,
            ],
            args=[question.id, sealed, REPEAT_SECONDS, QUESTION_SECONDS, str(key)],
        )
        return bool(accepted)

    @translate_errors
    def has_room(self, key: InstallationKey) -> bool:
        """Whether the newest question of an installation can start now, so that waking a worker helps."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.llen(waiting_key(key))
            pipe.zcard(underway_key(key))
            return bool(sum(pipe.execute()) <= self._limit)

    @translate_errors
    def lease(self, key: InstallationKey) -> Question | None:
        """Lease the next question of an installation; None if none waits or the limit is under way.

        Questions of expired leases and those that are due again come first. A question that does not decrypt
        is postponed.
        """
        holder = uuid.uuid4().hex
        keys = [waiting_key(key), later_key(key), underway_key(key), INSTALLATIONS_WITH_QUESTIONS, METRICS]
        while question_id := self._lease_script(keys=keys, args=[self._lease, self._limit, str(key), holder]):
            redis_key = question_key(str(question_id))
            sealed = self._redis.hget(redis_key, "question")
            try:
                text = self._cipher.open(redis_key, "question", str(sealed))
            except CannotDecrypt as error:
                # It must not block the others; its encryption key may be restored.
                logger.error("question cannot be read: %s", error.location)
                self._release(key, str(question_id), holder, UNREADABLE_SECONDS, counts=0)
            else:
                return replace(read_question(text), holder=holder)
        return None

    @translate_errors
    def extend(self, questions: Sequence[Question]) -> None:
        """Extend the leases of questions that are worked on; without that, other workers get them."""
        with self._redis.pipeline(transaction=False) as pipe:
            for question in questions:
                self._extend(question, pipe)
            pipe.execute()

    @translate_errors
    def assert_held(self, question: Question) -> None:
        """Extend the lease of a question before a step that cannot be undone, such as posting."""
        check_held(self._extend(question, self._redis))

    @translate_errors
    def progress(self, question: Question) -> Progress:
        """Load the progress of earlier tries."""
        key = question_key(question.id)
        names = ("plan", "posted", "failures", "deaths")
        sealed, posted, failures, deaths = self._redis.hmget(key, *names)
        try:
            plan = read_plan(self._cipher.open(key, "plan", str(sealed))) if sealed else None
        except CannotDecrypt as error:
            logger.error("plan cannot be read: %s", error.location)
            plan = None
        return Progress(plan, tuple(json.loads(posted or "[]")), int(failures or 0), int(deaths or 0))

    @translate_errors
    def save_plan(self, question: Question, plan: Plan, posted: Sequence[str] = ()) -> None:
        """Store the messages to post, so that a retry neither asks SectorFlow nor posts a message again.

        ``posted`` has the ``ts`` of each message of the plan that is already posted.
        """
        key = question_key(question.id)
        sealed = self._cipher.seal(key, "plan", json.dumps(asdict(plan)))
        check_held(self._save_plan_script(keys=[key], args=[question.holder, sealed, json.dumps(posted)]))

    @translate_errors
    def mark_posted(self, question: Question, posted: Sequence[str]) -> None:
        """Record the ``ts`` of all posted messages of the plan."""
        args = [question.holder, json.dumps(posted)]
        check_held(self._mark_posted_script(keys=[question_key(question.id)], args=args))

    @translate_errors
    def release(self, question: Question, delay: float, *, counts: bool) -> None:
        """End a lease; after ``delay`` seconds the question is next. ``counts`` adds a failed try."""
        key, holder = question.installation, question.holder
        check_held(self._release(key, question.id, holder, delay, int(counts)))

    @translate_errors
    def complete(self, question: Question, failure: str = "", again: Question | None = None) -> bool:
        """Delete a question; True if more of its installation wait.

        ``failure`` is the reason if there is no answer. ``again`` is stored for a week to be asked again, and
        listed among the failed questions if there is a ``failure``.
        """
        key, failed_question = question.installation, failed_question_key(question.id)
        sealed = self._cipher.seal(failed_question, "question", json.dumps(asdict(again))) if again else ""
        result = self._complete_script(
            keys=[
                question_key(question.id),
                waiting_key(key),
                underway_key(key),
                METRICS,
                failed_question,
                FAILED_QUESTIONS,
            ],
            args=[
                question.holder,
                question.id,
                counter_field(FAILED, failure) if failure else ANSWERED,
                sealed,
                failure,
                int(bool(failure and again)),
                scripts.FAILED_QUESTION_SECONDS,
            ],
        )
        return bool(check_held(result))

    @translate_errors
    def due(self) -> tuple[InstallationKey, ...]:
        """List the installations with room and a question that waits, is due again, or lost its worker.

        Each is listed at most once per ``WAKE_SECONDS``.
        """
        found = self._due_script(keys=[INSTALLATIONS_WITH_QUESTIONS], args=[self._limit, WAKE_SECONDS])
        return tuple(InstallationKey(*str(member).split(":")) for member in found)

    def _extend(self, question: Question, client: Redis) -> object:
        keys = [question_key(question.id), underway_key(question.installation)]
        return self._extend_script(keys=keys, args=[question.holder, question.id, self._lease], client=client)

    def _release(
        self, key: InstallationKey, question_id: str, holder: str, delay: float, counts: int
    ) -> object:
        keys = [question_key(question_id), underway_key(key), later_key(key)]
        return self._release_script(keys=keys, args=[holder, question_id, delay, counts])


def check_held(result: object) -> int:
    """Return the result of a script for holders only, or raise ``LeaseLost`` if it refused."""
    number = int(str(result))
    if number < 0:
        raise LeaseLost("another worker has the question now")
    return number
