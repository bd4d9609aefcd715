"""Questions that buttons ask: a failed one again, one model again, and more of one model."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, replace

from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.progress import KeptAnswer, Letter
from sectorflow_slack.domain.question_stores import AnswerStore, LetterStore, QuestionStore
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.domain.remotes import Clock, TaskQueue
from sectorflow_slack.services.best_effort import best_effort

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaskingService:
    """Puts such questions in line, each once however often it is pressed."""

    questions: QuestionStore
    answers: AnswerStore
    letters: LetterStore
    queue: TaskQueue
    clock: Clock

    def letter(self, letter: Letter, button_ts: str) -> None:
        """Ask a failed question again; the message with the button stands in for its answer."""
        question = replace(letter.question, button_ts=button_ts or None)
        if self.letters.revive(question):
            logger.info("question asked again", extra=question.ids)
            self._wake(question)
            self._greet(question, button_ts)

    def model(self, kept: KeptAnswer, place: int, user_id: str) -> None:
        """Ask one model of an answer again; what it says will stand in its old answer's place."""
        number = self.answers.ask_again(kept.answer.id, place)
        if number:
            name = f"again-{kept.answer.id}-{place}-{number}"
            question = self._question(kept, place, name, user_id)
            self._ask(replace(question, answer_id=kept.answer.id))

    def follow_up(self, kept: KeptAnswer, place: int, text: str, dialog_id: str, user_id: str) -> None:
        """Ask one model of an answer something else, in the same thread."""
        question = self._question(kept, place, f"dialog-{dialog_id}", user_id)
        question = replace(question, text=text, answer_id="", is_hidden=True, has_files=False)
        if self._ask(question):
            self._greet(question)

    def _question(self, kept: KeptAnswer, place: int, name: str, user_id: str) -> Question:
        """Make a question to one model, known by a name that makes it the only one."""
        asked = kept.answer.question
        return replace(
            asked,
            id=uuid.uuid4().hex,
            event_id=name,
            ts=name,
            thread_ts=asked.reply_thread_ts,
            user_id=user_id,
            # Whoever may not ask here was turned away at the button.
            is_external=False,
            model_ids=(kept.answer.models[place].model_id,),
            asked_at=self.clock(),
            button_ts=None,
        )

    def _ask(self, question: Question) -> bool:
        accepted = self.questions.accept(question)
        if accepted:
            logger.info("question accepted", extra=question.ids)
            self._wake(question)
        return accepted

    def _wake(self, question: Question) -> None:
        with best_effort("no worker woken", question.ids):
            self.queue.answer_next(question.installation)

    def _greet(self, question: Question, stand_in: str = "") -> None:
        errand = Errand("greet", question.installation, question_id=question.id, stand_in=stand_in)
        with best_effort("errand not sent: greet", question.ids):
            self.queue.run(errand)
