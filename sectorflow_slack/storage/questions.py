"""Questions, from their acceptance to their answer.

============================================  ==========================================================
``question:{id}``                             hash: ``question``, ``plan`` sealed; ``Progress``; see also
                                              ``storage.interim``
``event:{app}:{tenant}:{event_id}``           seen before: Slack's retries
``asked:{app}:{tenant}:{channel}:{ts}``       seen before: ``app_mention`` and ``message`` of one ``ts``
``waiting:{app}:{tenant}``                    list of ids: an installation's line
``later:{app}:{tenant}``                      sorted set of ids by when they are due: tried, to be tried again
``underway:{app}:{tenant}``                   sorted set of ids by when they are let go unless held
``installations-with-questions``              set of ``{app}:{tenant}`` that have any of the three
``nudged:{app}:{tenant}``                     a worker was woken for it a moment ago
============================================  ==========================================================

Each step that moves a question is one script, so that no crash finds it between two places. Times are
Redis's own: machines need not agree on theirs.
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
from sectorflow_slack.storage.keys import failed_question_key
from sectorflow_slack.storage.metrics import COUNTERS_KEY, counter_field
from sectorflow_slack.storage.records import read_plan, read_question

logger = logging.getLogger(__name__)

#: Slack repeats an event for up to a day ("Delayed Events"); a repeat after that day is known too.
REPEAT_SECONDS = 48 * 3600
#: A question that nobody could answer is forgotten after this.
QUESTION_SECONDS = 7 * 24 * 3600
#: A worker that has not said for this long that it goes on is taken for dead.
LEASE_SECONDS = 12.0
#: How long a question that no key opens waits for the next look at it.
UNREADABLE_SECONDS = 60
#: At most one wake-up per installation in this time; workers that are merely busy need no more.
WAKE_SECONDS = 3


class QuestionStore:
    """Keeps every accepted question until it is answered, and who works on it.

    The store, not the job engine, is the truth: a job only says "take the next of this installation".
    """

    def __init__(
        self, redis: Redis, cipher: Cipher, *, limit: int, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        """Take the store, the cipher, and how many questions of one installation go on at once."""
        self._redis = redis
        self._cipher = cipher
        self._limit = limit
        self._lease = lease_seconds
        self._accept = redis.register_script(scripts.ACCEPT)
        self._take = redis.register_script(scripts.LEASE)
        self._hold = redis.register_script(scripts.EXTEND)
        self._save_plan = redis.register_script(scripts.SAVE_PLAN)
        self._mark_posted = redis.register_script(scripts.MARK_POSTED)
        self._put_back = redis.register_script(scripts.RELEASE)
        self._finish = redis.register_script(scripts.COMPLETE)
        self._due = redis.register_script(scripts.DUE)

    @translate_errors
    def accept(self, question: Question) -> bool:
        """Store a question and put it in its installation's waiting line, in one step.

        Returns False where its event, or its message, was accepted before.
        """
        key, place = question.installation, scripts.question_key(question.id)
        sealed = self._cipher.seal(place, "question", json.dumps(asdict(question)))
        accepted = self._accept(
            keys=[
                f"event:{key}:{question.event_id}",
                f"asked:{key}:{question.channel_id}:{question.ts}",
                place,
                f"waiting:{key}",
                scripts.INSTALLATIONS,
                COUNTERS_KEY,
            ],
            args=[question.id, sealed, REPEAT_SECONDS, QUESTION_SECONDS, str(key)],
        )
        return bool(accepted)

    @translate_errors
    def has_room(self, key: InstallationKey) -> bool:
        """Say whether what waits now may be under way at once, so that a worker is worth waking."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.llen(f"waiting:{key}")
            pipe.zcard(f"underway:{key}")
            return bool(sum(pipe.execute()) <= self._limit)

    @translate_errors
    def lease(self, key: InstallationKey) -> Question | None:
        """Take the next waiting question of an installation; nobody else gets it while it is held.

        Returns None when none waits or as many as allowed are under way.
        """
        holder = uuid.uuid4().hex
        lines = [f"waiting:{key}", f"later:{key}", f"underway:{key}", scripts.INSTALLATIONS, COUNTERS_KEY]
        while question_id := self._take(keys=lines, args=[self._lease, self._limit, str(key), holder]):
            place = scripts.question_key(str(question_id))
            sealed = self._redis.hget(place, "question")
            try:
                text = self._cipher.open(place, "question", str(sealed))
            except CannotDecrypt as error:
                # Its key may come back; until then it is not to stand in the way of the others.
                logger.error("question cannot be read: %s", error.place)
                self._run_put_back(key, str(question_id), holder, UNREADABLE_SECONDS, counts=0)
            else:
                return replace(read_question(text), holder=holder)
        return None

    @translate_errors
    def extend(self, questions: Sequence[Question]) -> None:
        """Say that these are still being worked on; not said for a while, they go to others."""
        with self._redis.pipeline(transaction=False) as pipe:
            for question in questions:
                self._run_hold(question, pipe)
            pipe.execute()

    @translate_errors
    def assert_held(self, question: Question) -> None:
        """Say that this is still being worked on, before a step that cannot be taken back.

        Raises ``LeaseLost``, as each method below does, where it went to somebody else meanwhile.
        """
        check_held(self._run_hold(question, self._redis))

    @translate_errors
    def progress(self, question: Question) -> Progress:
        """Load how far earlier tries came."""
        place = scripts.question_key(question.id)
        names = ("plan", "posted", "failures", "deaths")
        sealed, posted, failures, deaths = self._redis.hmget(place, *names)
        try:
            plan = read_plan(self._cipher.open(place, "plan", str(sealed))) if sealed else None
        except CannotDecrypt as error:
            logger.error("plan cannot be read: %s", error.place)
            plan = None
        return Progress(plan, tuple(json.loads(posted or "[]")), int(failures or 0), int(deaths or 0))

    @translate_errors
    def save_plan(self, question: Question, plan: Plan, posted: Sequence[str] = ()) -> None:
        """Keep what is to be said, so that a reply is not paid for again and nothing is said twice.

        ``posted`` are the messages of this plan that Slack has taken.
        """
        place = scripts.question_key(question.id)
        sealed = self._cipher.seal(place, "plan", json.dumps(asdict(plan)))
        check_held(self._save_plan(keys=[place], args=[question.holder, sealed, json.dumps(posted)]))

    @translate_errors
    def mark_posted(self, question: Question, posted: Sequence[str]) -> None:
        """Record the ``ts`` of each message of the plan that Slack has taken; may be said again."""
        args = [question.holder, json.dumps(posted)]
        check_held(self._mark_posted(keys=[scripts.question_key(question.id)], args=args))

    @translate_errors
    def release(self, question: Question, delay: float, *, counts: bool) -> None:
        """Let a question wait for ``delay`` seconds, then go first; ``counts`` as a failed try or not."""
        key, holder = question.installation, question.holder
        check_held(self._run_put_back(key, question.id, holder, delay, int(counts)))

    @translate_errors
    def complete(self, question: Question, failure: str = "", again: Question | None = None) -> bool:
        """Forget the question and its reply; returns whether more of its installation wait.

        ``failure`` is the reason where there is no answer. ``again`` is kept for a week as a letter, so that
        it can be asked again; it is among the dead letters where all has failed.
        """
        key, failed_question = question.installation, failed_question_key(question.id)
        sealed = self._cipher.seal(failed_question, "question", json.dumps(asdict(again))) if again else ""
        result = self._finish(
            keys=[
                scripts.question_key(question.id),
                f"waiting:{key}",
                f"underway:{key}",
                COUNTERS_KEY,
                failed_question,
                scripts.FAILED_QUESTIONS,
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
        """List installations with a question to take up: waiting, due again, or let go by a dead worker."""
        found = self._due(keys=[scripts.INSTALLATIONS], args=[self._limit, WAKE_SECONDS])
        return tuple(InstallationKey(*str(member).split(":")) for member in found)

    def _run_hold(self, question: Question, client: Redis) -> object:
        keys = [scripts.question_key(question.id), f"underway:{question.installation}"]
        return self._hold(keys=keys, args=[question.holder, question.id, self._lease], client=client)

    def _run_put_back(
        self, key: InstallationKey, question_id: str, holder: str, delay: float, counts: int
    ) -> object:
        keys = [scripts.question_key(question_id), f"underway:{key}", f"later:{key}"]
        return self._put_back(keys=keys, args=[holder, question_id, delay, counts])


def check_held(result: object) -> int:
    """Give what a script for holders only returned, or raise ``LeaseLost`` where it refused."""
    number = int(str(result))
    if number < 0:
        raise LeaseLost("another worker has the question now")
    return number
