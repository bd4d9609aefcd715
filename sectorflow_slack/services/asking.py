"""Asking SectorFlow: all models of an installation, or one of them again."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial

from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.messages import Message
from sectorflow_slack.domain.metrics import SECTORFLOW_SECONDS, Metrics
from sectorflow_slack.domain.progress import Plan
from sectorflow_slack.domain.question_stores import AnswerStore, ConversationStore
from sectorflow_slack.domain.questions import Answer, Question, Reply
from sectorflow_slack.domain.remotes import Clock, SectorFlowClient
from sectorflow_slack.formatting.answers import digest, draw
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.insisting import insist
from sectorflow_slack.services.plans import plan_of_silence, plan_without_asking
from sectorflow_slack.services.timing import timed

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingService:
    """Turns a question into what is to be said to it."""

    sectorflow: SectorFlowClient
    conversations: ConversationStore
    answers: AnswerStore
    metrics: Metrics
    clock: Clock

    def plan(self, question: Question, installation: Installation) -> Plan:
        """Give what is to be said; an answer is kept, so that its buttons work from the first moment.

        Raises:
            SectorFlowError: there is no reply.

        """
        told = plan_without_asking(question, installation)
        if told is not None:
            return told
        reply = self._ask(question, installation)
        if all(each.is_silent for each in reply.answers):
            return plan_of_silence(question, reply.thread_id)
        return Plan(self._lay_out(question, reply, installation), thread_id=reply.thread_id)

    def ask_again(self, question: Question, installation: Installation) -> bool:
        """Put a model's new answer in its old one's place; False where it has none, and stays as it was.

        Raises:
            SectorFlowError: there is no reply.

        """
        kept = self.answers.find(question.answer_id)
        place = place_in(kept.answer, question) if kept else None
        if kept is None or place is None or kept.answer.models[place].model_id not in kept.answer.busy:
            # The answer has expired, or an earlier try came as far as this.
            return True
        reply = self._ask(question, installation)
        new = None if reply.answers[0].is_silent else reply.answers[0]
        insist(partial(self.answers.replace, question.answer_id, place, new, reply.credits))
        return new is not None

    def give_up(self, question: Question) -> None:
        """Leave a model's old answer where it is."""
        kept = self.answers.find(question.answer_id)
        place = place_in(kept.answer, question) if kept else None
        if place is not None:
            self.answers.replace(question.answer_id, place, None)

    def _lay_out(self, question: Question, reply: Reply, installation: Installation) -> tuple[Message, ...]:
        """Keep an answer and draw it; in tabs, the first model's is open that has something to show."""
        words = words_for(question.locale)
        answer = Answer(
            question,
            reply.answers,
            display=installation.terms.display,
            tab=next(at for at, each in enumerate(reply.answers) if not each.is_silent),
            seconds=max(0.0, self.clock() - question.asked_at),
            credits=reply.credits,
        )
        messages = draw(answer, words)
        insist(partial(self.answers.keep, answer, tuple(map(digest, messages))))
        # Whoever died over this question may have kept an earlier reply: buttons are to show what is posted.
        kept = insist(partial(self.answers.find, answer.id))
        return messages if kept is None or kept.answer == answer else draw(kept.answer, words)

    def _ask(self, question: Question, installation: Installation) -> Reply:
        settings = installation.terms.sectorflow
        if question.model_ids:
            settings = replace(settings, model_ids=question.model_ids)
        thread_id = self.conversations.find(question, settings.workspace_id)
        with timed(self.metrics, SECTORFLOW_SECONDS):
            return self.sectorflow.ask(settings, question.text, thread_id)


def place_in(answer: Answer, question: Question) -> int | None:
    """Give which of an answer's models a question asks again; None where it has none such."""
    ids = [model.model_id for model in answer.models]
    return ids.index(question.model_ids[0]) if question.model_ids and question.model_ids[0] in ids else None
