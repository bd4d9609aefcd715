"""What can be asked again.

``letter:{id}``: hash, the question sealed, why it failed and when; a week. ``dead-letters``: sorted set of
the ids of those that failed for good, by when they did; cut to a week with each new one. Letters are
written in the step that ends their question (``storage.questions``).
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.questions import FailedQuestion, Question
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.connection import read_hash, translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import failed_question_key
from sectorflow_slack.storage.metrics import COUNTERS_KEY
from sectorflow_slack.storage.records import read_question

logger = logging.getLogger(__name__)


class FailedQuestionStore:
    """Keeps what can be asked again: questions that failed, or some of whose models did."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher
        self._revive = redis.register_script(scripts.REVIVE)

    @translate_errors
    def find(self, letter_id: str) -> FailedQuestion | None:
        """Load a letter; its id is its question's."""
        place = failed_question_key(letter_id)
        fields = read_hash(self._redis, place)
        if not fields:
            return None
        try:
            question = read_question(self._cipher.open(place, "question", fields["question"]))
        except CannotDecrypt as error:
            # Its key is gone, or comes back; until then it is not to hide the others.
            logger.error("letter cannot be read: %s", error.place)
            return None
        return FailedQuestion(question, fields["reason"], float(fields["at"]))

    @translate_errors
    def list(self) -> tuple[FailedQuestion, ...]:
        """List the questions that failed for good, oldest first."""
        ids = self._redis.zrange(scripts.FAILED_QUESTIONS, 0, -1)
        found = (self.find(str(letter_id)) for letter_id in ids)
        return tuple(failed_question for failed_question in found if failed_question is not None)

    @translate_errors
    def revive(self, question: Question) -> bool:
        """Put a letter's question, as it is given, in line again; False where somebody else already did."""
        place = scripts.question_key(question.id)
        sealed = self._cipher.seal(place, "question", json.dumps(asdict(question)))
        revived = self._revive(
            keys=[
                failed_question_key(question.id),
                scripts.FAILED_QUESTIONS,
                place,
                f"waiting:{question.installation}",
                scripts.INSTALLATIONS,
                COUNTERS_KEY,
            ],
            args=[
                question.id,
                sealed,
                scripts.FAILED_QUESTION_SECONDS,
                str(question.installation),
                question.button_ts or "",
            ],
        )
        return bool(revived)
