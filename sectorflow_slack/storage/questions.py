"""Questions, from their acceptance to their answer.

============================================  ==========================================================
``question:{id}``                             hash: ``question``, ``reply`` sealed; counters (``Progress``)
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
from collections.abc import Sequence
from dataclasses import asdict

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.models import (
    InstallationKey,
    ModelAnswer,
    Progress,
    Question,
    Reply,
)
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.connection import translate_errors
from sectorflow_slack.storage.crypto import Cipher

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
NUDGE_SECONDS = 3


class RedisQuestionStore:
    """Keeps questions in Redis."""

    def __init__(
        self, redis: Redis, cipher: Cipher, *, limit: int, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        """Take the store, the cipher, and how many questions of one installation go on at once."""
        self._redis = redis
        self._cipher = cipher
        self._limit = limit
        self._lease = lease_seconds
        self._accept = redis.register_script(scripts.ACCEPT)
        self._take = redis.register_script(scripts.TAKE)
        self._hold = redis.register_script(scripts.HOLD)
        self._save_reply = redis.register_script(scripts.SAVE_REPLY)
        self._mark_posted = redis.register_script(scripts.MARK_POSTED)
        self._put_back = redis.register_script(scripts.PUT_BACK)
        self._finish = redis.register_script(scripts.FINISH)
        self._due = redis.register_script(scripts.DUE)

    @translate_errors
    def accept(self, question: Question) -> bool:
        """Store a question and put it in its installation's waiting line, in one step."""
        key, place = question.installation, _place(question.id)
        sealed = self._cipher.seal(place, "question", json.dumps(asdict(question)))
        accepted = self._accept(
            keys=[
                f"event:{key}:{question.event_id}",
                f"asked:{key}:{question.channel_id}:{question.ts}",
                place,
                f"waiting:{key}",
                scripts.INSTALLATIONS,
            ],
            args=[question.id, sealed, REPEAT_SECONDS, QUESTION_SECONDS, str(key)],
        )
        return bool(accepted)

    @translate_errors
    def take(self, key: InstallationKey) -> Question | None:
        """Take the next waiting question of an installation."""
        while question_id := self._take(keys=_lines(key), args=[self._lease, self._limit, str(key)]):
            place = _place(str(question_id))
            sealed = self._redis.hget(place, "question")
            try:
                if sealed:
                    return _read_question(self._cipher.open(place, "question", str(sealed)))
            except CannotDecrypt as error:
                # Its key may come back; until then it is not to stand in the way of the others.
                logger.error("question cannot be read: %s", error.place)
                self._put_back(
                    keys=[f"underway:{key}", f"later:{key}", place], args=[question_id, UNREADABLE_SECONDS, 0]
                )
            else:
                self._finish(keys=[*_lines(key), place], args=[question_id])
        return None

    @translate_errors
    def hold(self, questions: Sequence[Question]) -> None:
        """Say that these are still being worked on."""
        with self._redis.pipeline(transaction=False) as pipe:
            for question in questions:
                self._hold(
                    keys=[f"underway:{question.installation}"], args=[question.id, self._lease], client=pipe
                )
            pipe.execute()

    @translate_errors
    def progress(self, question: Question) -> Progress:
        """Load how far earlier tries came."""
        place = _place(question.id)
        names = ("reply", "posted", "failures", "deaths")
        sealed, posted, failures, deaths = self._redis.hmget(place, *names)
        try:
            reply = _read_reply(self._cipher.open(place, "reply", str(sealed))) if sealed else None
        except CannotDecrypt as error:
            logger.error("reply cannot be read: %s", error.place)
            reply = None
        return Progress(reply, int(posted or 0), int(failures or 0), int(deaths or 0))

    @translate_errors
    def save_reply(self, question: Question, reply: Reply) -> None:
        """Keep SectorFlow's reply, so that it is not asked and paid for again."""
        place = _place(question.id)
        sealed = self._cipher.seal(place, "reply", json.dumps(asdict(reply)))
        self._save_reply(keys=[place], args=[sealed])

    @translate_errors
    def mark_posted(self, question: Question) -> None:
        """Record that Slack took one more message of the answer."""
        self._mark_posted(keys=[_place(question.id)])

    @translate_errors
    def put_back(self, question: Question, delay: float, *, counts: bool) -> None:
        """Let a question wait for ``delay`` seconds, then go first."""
        key = question.installation
        self._put_back(
            keys=[f"underway:{key}", f"later:{key}", _place(question.id)],
            args=[question.id, delay, int(counts)],
        )

    @translate_errors
    def finish(self, question: Question) -> bool:
        """Forget the question and its reply; returns whether more of its installation wait."""
        keys = [*_lines(question.installation), _place(question.id)]
        return bool(self._finish(keys=keys, args=[question.id]))

    @translate_errors
    def due(self) -> tuple[InstallationKey, ...]:
        """List installations that have a question to take up."""
        found = self._due(keys=[scripts.INSTALLATIONS], args=[self._limit, NUDGE_SECONDS])
        return tuple(InstallationKey(*str(member).split(":")) for member in found)


def _lines(key: InstallationKey) -> list[str]:
    return [f"waiting:{key}", f"later:{key}", f"underway:{key}", scripts.INSTALLATIONS]


def _place(question_id: str) -> str:
    return f"question:{question_id}"


def _read_question(text: str) -> Question:
    values = json.loads(text)
    return Question(**{**values, "installation": InstallationKey(**values["installation"])})


def _read_reply(text: str) -> Reply:
    values = json.loads(text)
    return Reply(tuple(ModelAnswer(**answer) for answer in values["answers"]), values["thread_id"])
