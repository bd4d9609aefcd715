"""Drawing: an answer's messages, brought up to date with what people pressed."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sectorflow_slack.domain.errors import SlackRefusedMessage
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.progress import KeptAnswer
from sectorflow_slack.domain.question_stores import AnswerStore
from sectorflow_slack.domain.stores import Locks
from sectorflow_slack.formatting.answers import draw
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.speaking import SpeakingService, next_form, place_of

logger = logging.getLogger(__name__)

#: Whoever dies while it draws holds others up for no longer than this.
LOCK_SECONDS = 30.0
#: How long one waits for another who draws the same answer, and will mostly have drawn this press too.
WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawingService:
    """Makes an answer's messages show its newest version, one process at a time."""

    answers: AnswerStore
    locks: Locks
    speaking: SpeakingService

    def draw(self, answer_id: str, installation: Installation) -> bool:
        """Bring the messages up to date; False where another process is still at it.

        An answer that is not wholly posted yet is drawn by who posts it.

        Raises:
            SlackError: Slack did not take it.

        """
        with self.locks.hold(f"draw:{answer_id}", LOCK_SECONDS, WAIT_SECONDS) as held:
            while held:
                kept = self.answers.find(answer_id)
                if kept is None or not kept.posted or kept.drawn >= kept.version:
                    break
                self._draw(kept, installation)
            return held

    def _draw(self, kept: KeptAnswer, installation: Installation) -> None:
        answer, place = kept.answer, place_of(kept.answer.question)
        messages = list(draw(answer, words_for(answer.question.locale)))
        posted, at = list(kept.posted), 0
        while at < len(messages):
            try:
                ts = self.speaking.put(installation, place, messages[at], "".join(posted[at : at + 1]))
            except SlackRefusedMessage as error:
                messages[at : at + 1] = next_form(messages[at], error)
                logger.warning("message drawn plainer: %s", error.code, extra=answer.question.ids)
                continue
            if posted[at : at + 1] != [ts]:
                posted[at : at + 1] = [ts]
                self.answers.drawn(answer.id, kept.drawn, posted)
            at += 1
        for surplus in posted[at:]:
            self.speaking.delete(installation, place.channel_id, surplus)
        self.answers.drawn(answer.id, kept.version, posted[:at])
        logger.info("answer drawn", extra=answer.question.ids)
