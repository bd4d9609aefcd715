"""Questions that can be asked again.

``letter:{id}``: hash of the sealed question, why it failed and when; for a week. ``dead-letters``: sorted set
of the ids of those without any answer, by when they failed; cut to a week with each new one. ``COMPLETE``
(``storage.scripts``) writes both.
"""

from __future__ import annotations

import logging

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.questions import FailedQuestion, Question
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.connection import read_hash, translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import FAILED_QUESTIONS, failed_question_key, question_key
from sectorflow_slack.storage.records import read_question, to_json

logger = logging.getLogger(__name__)


class FailedQuestionStore:
    """Loads and revives questions that failed, or of which some models failed."""

    def __init__(self, redis: Redis, cipher: Cipher, *, limit: int) -> None:
        """Set how many questions of one installation may be under way."""
        self._redis = redis
        self._limit = limit
        self._cipher = cipher
        self._revive = redis.register_script(scripts.REVIVE)

    @translate_errors
    def find(self, question_id: str) -> FailedQuestion | None:
        """Load a failed question; None if it is unknown, has expired or does not decrypt."""
        key = failed_question_key(question_id)
        fields = read_hash(self._redis, key)
        if not fields:
            return None
        try:
            question = read_question(self._cipher.open(key, "question", fields["question"]))
        except CannotDecrypt as error:
            # It must not hide the others; its encryption key may be restored.
            logger.error("failed question cannot be read: %s", error.location)
            return None
        return FailedQuestion(question, fields["reason"], float(fields["at"]))

    @translate_errors
    def list(self) -> tuple[FailedQuestion, ...]:
        """List the questions without any answer, oldest first."""
        ids = self._redis.zrange(FAILED_QUESTIONS, 0, -1)
        found = (self.find(str(question_id)) for question_id in ids)
        return tuple(each for each in found if each is not None)

    @translate_errors
    def revive(self, question: Question) -> bool:
        """Queue a failed question again as given, in one step; False if it is gone or already revived."""
        sealed = self._cipher.seal(question_key(question.id), "question", to_json(question))
        revived = self._revive(
            args=[
                *(question.id, str(question.installation), sealed),
                *(question.channel_id, question.status_thread_ts, self._limit),
                scripts.FAILED_QUESTION_SECONDS,
            ]
        )
        return bool(revived)
