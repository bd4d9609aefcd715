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
from sectorflow_slack.domain.progress import Letter
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.connection import read_hash, translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.metrics import COUNTERS_KEY
from sectorflow_slack.storage.records import read_question

logger = logging.getLogger(__name__)


class RedisLetterStore:
    """Keeps letters in Redis."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher
        self._revive = redis.register_script(scripts.REVIVE)

    @translate_errors
    def find(self, letter_id: str) -> Letter | None:
        """Load a letter."""
        place = letter_key(letter_id)
        fields = read_hash(self._redis, place)
        if not fields:
            return None
        try:
            question = read_question(self._cipher.open(place, "question", fields["question"]))
        except CannotDecrypt as error:
            # Its key is gone, or comes back; until then it is not to hide the others.
            logger.error("letter cannot be read: %s", error.place)
            return None
        return Letter(question, fields["reason"], float(fields["at"]))

    @translate_errors
    def dead(self) -> tuple[Letter, ...]:
        """List the questions that failed for good, oldest first."""
        ids = self._redis.zrange(scripts.DEAD_LETTERS, 0, -1)
        found = (self.find(str(letter_id)) for letter_id in ids)
        return tuple(letter for letter in found if letter is not None)

    @translate_errors
    def revive(self, question: Question) -> bool:
        """Put a letter's question, as it is given, in line again; False where somebody else already did."""
        place = scripts.question_key(question.id)
        sealed = self._cipher.seal(place, "question", json.dumps(asdict(question)))
        revived = self._revive(
            keys=[
                letter_key(question.id),
                scripts.DEAD_LETTERS,
                place,
                f"waiting:{question.installation}",
                scripts.INSTALLATIONS,
                COUNTERS_KEY,
            ],
            args=[
                question.id,
                sealed,
                scripts.LETTER_SECONDS,
                str(question.installation),
                question.button_ts or "",
            ],
        )
        return bool(revived)


def letter_key(letter_id: str) -> str:
    """Give the Redis key of a letter."""
    return f"letter:{letter_id}"
