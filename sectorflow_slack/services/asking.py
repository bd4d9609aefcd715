"""Asking: from a question to the plan of its answer, or to a model's new answer in one that is posted."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from functools import partial

from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.metrics import SECTORFLOW_SECONDS
from sectorflow_slack.domain.ports import Clock, SectorFlowClient
from sectorflow_slack.domain.questions import Answer, Message, Plan, Question, Reply
from sectorflow_slack.formatting.comparing import compare, comparison_failed, comparison_messages
from sectorflow_slack.formatting.displays import digest, render
from sectorflow_slack.formatting.notices import help_notice, notice, notice_to_ask_again
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.resilience import retry_while_store_is_down, timed
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.conversations import ConversationStore
from sectorflow_slack.storage.metrics import Metrics

logger = logging.getLogger(__name__)

#: The whole text of a question that asks for help and for nothing else.
HELP = re.compile(r"/?help( me)?(,? please)?[\s.!?…]*|\?+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingService:
    """Asks SectorFlow's models, and stores their answers.

    Each method raises ``SectorFlowError`` if there is no reply.
    """

    sectorflow: SectorFlowClient
    conversations: ConversationStore
    answers: AnswerStore
    metrics: Metrics
    clock: Clock

    def plan(self, question: Question, installation: Installation, thread_id: str | None) -> Plan:
        """Return the messages that answer a question; the answer is stored, for its buttons to work.

        ``thread_id`` is of SectorFlow's thread that the question continues.
        """
        reply = self._ask(question, installation, thread_id)
        if all(model.is_silent for model in reply.answers):
            words = words_for(question.locale)
            message = notice_to_ask_again(words.no_answer, question.id, words)
            return Plan((message,), failure="no_answer", thread_id=reply.thread_id)
        return Plan(self._store(question, reply, installation), thread_id=reply.thread_id)

    def compare(self, question: Question, installation: Installation) -> Plan:
        """Return the messages with which one model compares an answer's models, outside any conversation."""
        words = words_for(question.locale)
        stored = self.answers.find(question.compares)
        if stored is None or stored.answer.question.installation != question.installation:
            return Plan((notice(words.expired),))
        comparison = compare(stored.answer)
        reply = self._ask(replace(question, text=comparison.prompt), installation, None)
        (model,) = reply.answers
        if model.is_silent:
            return Plan((comparison_failed(question.compares, words),), failure="no_answer")
        is_cut = comparison.is_cut
        return Plan(comparison_messages(stored.answer, model, is_cut=is_cut, words=words))

    def regenerate(self, question: Question, installation: Installation) -> bool:
        """Replace one model's answer with a new one; False if the model gave none and the old one stays."""
        index = self._index_of_busy_model(question)
        if index is None:
            return True
        conversation = self.conversations.find(question, installation.settings.sectorflow.workspace_id)
        reply = self._ask(question, installation, conversation.thread_id)
        new = None if reply.answers[0].is_silent else reply.answers[0]
        retry_while_store_is_down(
            partial(self.answers.replace, question.answer_id, index, new, reply.credits)
        )
        return new is not None

    def cancel_regenerate(self, question: Question) -> None:
        """Store that a model is not asked again any more, and that its old answer stays."""
        index = self._index_of_busy_model(question)
        if index is not None:
            self.answers.replace(question.answer_id, index, None)

    def _index_of_busy_model(self, question: Question) -> int | None:
        """Return the index of the model to regenerate; None if an earlier try did, or the answer expired."""
        stored = self.answers.find(question.answer_id)
        if stored is None or question.model_ids[0] not in stored.answer.busy:
            return None
        return [model.model_id for model in stored.answer.models].index(question.model_ids[0])

    def _ask(self, question: Question, installation: Installation, thread_id: str | None) -> Reply:
        settings = installation.settings.sectorflow
        if question.model_ids:
            settings = replace(settings, model_ids=question.model_ids)
        with timed(self.metrics, SECTORFLOW_SECONDS):
            reply = self.sectorflow.ask(settings, question.text, thread_id)
        for model in reply.answers:
            self.metrics.count_model(installation.key, model)
            if model.failed:
                ids = {**question.ids, "model_id": model.model_id}
                logger.warning("model failed: %s", model.failure, extra=ids)
        return reply

    def _store(self, question: Question, reply: Reply, installation: Installation) -> tuple[Message, ...]:
        """Store an answer and return its messages; with tabs, the first model that has text is open."""
        words = words_for(question.locale)
        answer = Answer(
            question,
            reply.answers,
            display=installation.settings.display,
            tab=next(index for index, model in enumerate(reply.answers) if not model.is_silent),
            seconds=max(0.0, self.clock() - question.asked_at),
            credits=reply.credits,
        )
        messages = render(answer, words, installation.refused, can_compare=True)
        save = partial(self.answers.save, answer, tuple(map(digest, messages)))
        if retry_while_store_is_down(save):
            return messages
        # A worker that died over this question, or a step whose confirmation was lost, has stored an answer.
        # That one is posted, because the buttons show the stored answer.
        stored = retry_while_store_is_down(partial(self.answers.find, answer.id))
        if stored is None or stored.answer == answer:
            return messages
        return render(stored.answer, words, installation.refused, can_compare=True)


def plan_without_asking(question: Question, installation: Installation) -> Plan | None:
    """Return the plan of an answer that needs no model; None if SectorFlow is to be asked."""
    words = words_for(question.locale)
    if question.is_external and not installation.settings.allow_external_users:
        return Plan((notice(words.external_person),))
    if question.has_files and not question.text:
        return Plan((notice(words.file_only),))
    if not question.text or HELP.fullmatch(question.text.strip()):
        return Plan((help_notice(model_names(installation), words),))
    return None


def for_chosen_models(question: Question, installation: Installation, chosen: tuple[str, ...]) -> Question:
    """Return a question with the models that were chosen for its thread, as far as there still are such."""
    installed = installation.settings.sectorflow.model_ids
    model_ids = tuple(model_id for model_id in installed if model_id in chosen)
    if question.model_ids or not model_ids or model_ids == installed:
        return question
    return replace(question, model_ids=model_ids)


def model_names(installation: Installation, model_ids: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names of all models of an installation, or of those named; "" for an unknown name."""
    settings = installation.settings.sectorflow
    return tuple(settings.model_names.get(model_id, "") for model_id in model_ids or settings.model_ids)
