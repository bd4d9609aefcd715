"""Lines that have grown long: who waits in them is told so, once.

Reads what ``storage.questions`` keeps, and adds to it: the field ``told`` of ``question:{id}``, and
``told:{app}:{tenant}``, which keeps every worker from looking at once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.models import InstallationKey, Question
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.connection import translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.records import read_question

logger = logging.getLogger(__name__)

#: Who waits longer than this is told.
PATIENCE_SECONDS = 30
#: So many are told at a time, and no more often than this: Slack takes about one message a second.
TOLD_AT_ONCE = 5
TOLD_EVERY_SECONDS = 5


class RedisLineStore:
    """Looks after lines in Redis."""

    def __init__(self, redis: Redis, cipher: Cipher, *, patience: float = PATIENCE_SECONDS) -> None:
        """Take the store, the cipher, and after how many seconds somebody is told."""
        self._redis = redis
        self._cipher = cipher
        self._patience = patience
        self._slow = redis.register_script(scripts.SLOW)
        self._untold = redis.register_script(scripts.UNTOLD)

    @translate_errors
    def slow(self) -> tuple[InstallationKey, ...]:
        """List installations whose next question has waited for long; each at most every few seconds."""
        found = self._slow(keys=[scripts.INSTALLATIONS], args=[self._patience, TOLD_EVERY_SECONDS])
        return tuple(InstallationKey(*str(member).split(":")) for member in found)

    @translate_errors
    def untold(self, key: InstallationKey) -> tuple[Question, ...]:
        """Take questions that have waited for long and whose people nobody has told; each comes once."""
        ids = self._untold(keys=[f"waiting:{key}"], args=[self._patience, TOLD_AT_ONCE])
        questions = (self._read(str(question_id)) for question_id in ids)
        return tuple(question for question in questions if question is not None)

    @translate_errors
    def leave_untold(self, questions: Sequence[Question]) -> None:
        """Say that these could not be told after all."""
        with self._redis.pipeline(transaction=False) as pipe:
            for question in questions:
                pipe.hdel(f"question:{question.id}", "told")
            pipe.execute()

    def _read(self, question_id: str) -> Question | None:
        place = f"question:{question_id}"
        sealed = self._redis.hget(place, "question")
        try:
            return read_question(self._cipher.open(place, "question", str(sealed))) if sealed else None
        except CannotDecrypt as error:
            logger.error("question cannot be read: %s", error.place)
            return None
