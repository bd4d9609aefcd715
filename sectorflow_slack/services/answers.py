"""Answering: what a worker does with a question it holds."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from sectorflow_slack.domain.errors import (
    SectorFlowBroken,
    SectorFlowBusy,
    SectorFlowError,
    SlackBusy,
    SlackRefused,
    SlackRefusedMessage,
    StorageUnavailable,
)
from sectorflow_slack.domain.interfaces import (
    ConversationStore,
    InstallationStore,
    QuestionStore,
    SectorFlowClient,
    SlackClient,
    TaskQueue,
)
from sectorflow_slack.domain.models import (
    Address,
    Installation,
    InstallationKey,
    Message,
    Question,
    Reply,
)
from sectorflow_slack.formatting.plain import notice, plainer
from sectorflow_slack.formatting.separated import separated
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.excuses import excuse_for
from sectorflow_slack.services.retries import counts_as_failure, delay_before_retry

logger = logging.getLogger(__name__)

#: A question that so many workers died over is not tried again: it may be what kills them.
MAX_DEATHS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerService:
    """Answers questions: asks SectorFlow, lays the reply out, posts it.

    Every step is recorded before the next, so that whoever takes the question up after a crash goes on
    where it stopped: a reply is not asked for twice, a posted message is not posted twice.
    """

    installations: InstallationStore
    questions: QuestionStore
    conversations: ConversationStore
    queue: TaskQueue
    slack: SlackClient
    sectorflow: SectorFlowClient
    #: The app whose name belongs to nobody in particular; its posts carry the customer's name for it.
    shared_app_id: str | None
    random: Callable[[], float] = random.random
    _held: dict[str, Question] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def answer_next(self, key: InstallationKey) -> None:
        """Take the next question of an installation, if one waits and there is room, and answer it."""
        question = self.questions.take(key)
        if question is None:
            return
        self._hold(question)
        try:
            self._try(question)
        finally:
            self._let_go(question)

    def keep_going(self) -> None:
        """Say that this process still works on what it holds, and wake workers for what nobody took up."""
        with self._lock:
            held = list(self._held.values())
        if held:
            self.questions.hold(held)
        for key in self.questions.due():
            self.queue.answer_next(key)

    def _try(self, question: Question) -> None:
        try:
            self._answer(question)
        except StorageUnavailable as error:
            # Nothing can be recorded now. The question is let go in a few seconds, and taken up again.
            logger.warning("answer interrupted: %s", error, extra={"question_id": question.id})
        except Exception as error:
            self._recover(question, error)
        else:
            logger.info("question answered", extra={"question_id": question.id})
            self._finish(question)

    def _answer(self, question: Question) -> None:
        installation = self.installations.find(question.installation)
        if installation is None:
            logger.info("question dropped: not installed any more", extra={"question_id": question.id})
            return
        progress = self.questions.progress(question)
        if progress.deaths > MAX_DEATHS:
            raise _Deadly
        if progress.posted and progress.reply is None:
            return  # a notice or an excuse was all there was to say, and Slack has it
        messages = self._turn_away(question, installation)
        if messages is None:
            reply = progress.reply or self._ask(question, installation)
            messages = _lay_out(reply)
        for message in messages[progress.posted :]:
            self._post(question, installation, message)

    def _turn_away(self, question: Question, installation: Installation) -> tuple[Message, ...] | None:
        """Give what to say instead of an answer, or None where SectorFlow is to be asked."""
        if question.is_external and not installation.terms.allow_external_users:
            return (notice(ENGLISH.external_person),)
        if not question.text:
            return (notice(ENGLISH.help),)
        return None

    def _ask(self, question: Question, installation: Installation) -> Reply:
        sectorflow = installation.terms.sectorflow
        thread_id = self.conversations.find(question, sectorflow.workspace_id)
        reply = self.sectorflow.ask(sectorflow, question.text, thread_id)
        self.questions.save_reply(question, reply)
        if reply.thread_id:
            self.conversations.save(question, sectorflow.workspace_id, reply.thread_id)
        return reply

    def _post(self, question: Question, installation: Installation, message: Message) -> None:
        bot, terms = installation.bot, installation.terms
        shared = terms.app_id == self.shared_app_id
        address = Address(question.channel_id, question.reply_thread_ts, terms.app_name if shared else None)
        try:
            self.slack.post(bot.bot_token, address, message)
        except SlackRefusedMessage as error:
            logger.warning("message posted plainer: %s", error.code, extra={"question_id": question.id})
            for plain in plainer(message):
                self.slack.post(bot.bot_token, address, plain)
        self.questions.mark_posted(question)

    def _recover(self, question: Question, error: Exception) -> None:
        """Try again later, or say what happened and be done."""
        extra = {"question_id": question.id}
        failures = self.questions.progress(question).failures
        delay = _delay(error, failures, self.random)
        if delay is not None:
            logger.warning("question put back", exc_info=error, extra={**extra, "delay": round(delay, 1)})
            self.questions.put_back(question, delay, counts=counts_as_failure(error))
            self.queue.answer_next(question.installation, delay=delay)
            return
        logger.error("question failed", exc_info=error, extra=extra)
        if not isinstance(error, SlackBusy | SlackRefused | SlackRefusedMessage):
            self._apologise(question, error)
        self._finish(question)

    def _apologise(self, question: Question, error: Exception) -> None:
        try:
            installation = self.installations.find(question.installation)
            if installation is not None:
                self._post(question, installation, notice(excuse_for(error)))
        except Exception as failure:
            logger.error("apology not posted", exc_info=failure, extra={"question_id": question.id})

    def _finish(self, question: Question) -> None:
        if self.questions.finish(question):
            self.queue.answer_next(question.installation)

    def _hold(self, question: Question) -> None:
        with self._lock:
            self._held[question.id] = question

    def _let_go(self, question: Question) -> None:
        with self._lock:
            self._held.pop(question.id, None)


class _Deadly(SectorFlowError):
    """Workers have died over this question."""


def _lay_out(reply: Reply) -> tuple[Message, ...]:
    if all(answer.failed for answer in reply.answers):
        return (notice(ENGLISH.no_answer),)
    return separated(reply.answers)


def _delay(error: Exception, failures: int, random: Callable[[], float]) -> float | None:
    retried = isinstance(error, SectorFlowBusy | SectorFlowBroken | SlackBusy)
    final = isinstance(error, SectorFlowError | SlackRefused | SlackRefusedMessage)
    if final and not retried:
        return None
    return delay_before_retry(error, failures, random)
