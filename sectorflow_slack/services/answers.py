"""Answering: what a worker does with a question it holds."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from sectorflow_slack.domain.errors import (
    LeaseLost,
    SlackError,
    SlackRefused,
    SlackRefusedMessage,
    StorageUnavailable,
)
from sectorflow_slack.domain.interfaces import (
    Clock,
    ConversationStore,
    InstallationStore,
    QuestionStore,
    SectorFlowClient,
    TaskQueue,
)
from sectorflow_slack.domain.metrics import QUEUE_SECONDS, RETRIES, SECTORFLOW_SECONDS, Metrics
from sectorflow_slack.domain.models import Installation, InstallationKey, Question, Reply
from sectorflow_slack.domain.progress import Plan, Progress
from sectorflow_slack.services.failures import (
    UNINSTALLED_CODES,
    Deadly,
    reason_of,
    whose_fault,
)
from sectorflow_slack.services.insisting import insist
from sectorflow_slack.services.plans import plan_of, plan_of_failure, plan_without_asking, to_ask_again
from sectorflow_slack.services.posting import PostingService
from sectorflow_slack.services.retries import counts_as_failure, delay_before_retry
from sectorflow_slack.services.timing import timed

logger = logging.getLogger(__name__)

#: A question that so many workers died over is not tried again: it may be what kills them.
MAX_DEATHS = 3
MAX_DEATHS_TOLD = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerService:
    """Answers questions: asks SectorFlow, plans what to say, has it posted.

    Every step is recorded before the next, so that whoever takes the question up after a crash goes on
    where it stopped: a reply is not asked for twice, a posted message is not posted twice.
    """

    installations: InstallationStore
    questions: QuestionStore
    conversations: ConversationStore
    queue: TaskQueue
    posting: PostingService
    sectorflow: SectorFlowClient
    metrics: Metrics
    clock: Clock
    random: Callable[[], float] = random.random
    _held: dict[str, Question] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def answer_next(self, key: InstallationKey) -> None:
        """Take the next question of an installation, if one waits and there is room, and answer it."""
        question = self.questions.take(key)
        if question is None:
            return
        logger.info("question taken", extra=question.ids)
        self._hold(question)
        try:
            self._try(question)
        except LeaseLost:
            logger.warning("question left to another worker", extra=question.ids)
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

    def hand_over(self) -> None:
        """Give what this process still holds to other workers at once: it is about to end.

        That is no fault of the questions. Whoever works on one here can record nothing more of it.
        """
        with self._lock:
            held = list(self._held.values())
        for question in held:
            if question.holder in self.posting.under_way:
                # Slack may have taken it: what is not recorded before the end is left to the lease.
                continue
            try:
                self.questions.put_back(question, 0.0, counts=False)
            except LeaseLost:
                continue
            self.queue.answer_next(question.installation)
            logger.info("question handed over", extra=question.ids)

    def _try(self, question: Question) -> None:
        installation = None
        try:
            installation = self.installations.find(question.installation)
            if installation is None:
                self._finish(question, Plan((), failure="uninstalled"))
                return
            self._answer(question, installation)
        except LeaseLost:
            raise
        except StorageUnavailable as error:
            # Nothing can be recorded now. The question is let go in a few seconds, and taken up again.
            logger.warning("answer interrupted: %s", error, extra=question.ids)
        except Exception as error:
            self._recover(question, installation, error)

    def _answer(self, question: Question, installation: Installation) -> None:
        progress = self.questions.progress(question)
        if progress.deaths >= MAX_DEATHS and progress.plan is None:
            raise Deadly
        if progress.deaths >= MAX_DEATHS_TOLD:
            # Saying even that it failed kills workers; whoever reads the dead letters is told.
            self._finish(question, plan_of_failure(question, Deadly()))
            return
        plan = progress.plan or self._plan(question, installation, progress)
        if plan.thread_id and progress.posted == 0:
            self.conversations.save(question, installation.terms.sectorflow.workspace_id, plan.thread_id)
        self.posting.say(question, installation, plan, progress.posted)
        self._finish(question, plan)

    def _plan(self, question: Question, installation: Installation, progress: Progress) -> Plan:
        if progress == Progress():
            self.metrics.observe(QUEUE_SECONDS, max(0.0, self.clock() - question.asked_at))
        if progress.failures == 0:
            self.posting.acknowledge_button(question, installation)
        plan = plan_without_asking(question, installation)
        if plan is None:
            plan = plan_of(question, self._ask(question, installation))
        insist(partial(self.questions.save_plan, question, plan, progress.posted))
        logger.info("plan kept", extra=question.ids)
        return plan

    def _ask(self, question: Question, installation: Installation) -> Reply:
        settings = installation.terms.sectorflow
        if question.model_ids:
            settings = replace(settings, model_ids=question.model_ids)
        thread_id = self.conversations.find(question, settings.workspace_id)
        with timed(self.metrics, SECTORFLOW_SECONDS):
            return self.sectorflow.ask(settings, question.text, thread_id)

    def _recover(self, question: Question, installation: Installation | None, error: Exception) -> None:
        """Try again later, or say what happened and be done."""
        extra = {**question.ids, "reason": reason_of(error)}
        progress = self.questions.progress(question)
        delay = delay_before_retry(error, progress.failures, self.random)
        if delay is not None:
            logger.warning("question put back", exc_info=error, extra={**extra, "delay": round(delay, 1)})
            self.metrics.count(RETRIES, whose_fault(error))
            self.questions.put_back(question, delay, counts=counts_as_failure(error))
            self.queue.answer_next(question.installation, delay=delay)
            return
        logger.error("question failed", exc_info=error, extra=extra)
        if isinstance(error, SlackRefused) and error.code in UNINSTALLED_CODES and installation:
            self.installations.delete(installation.key, before=installation.installed_at)
            logger.error("installation forgotten: %s", error.code, extra=extra)
        plan = plan_of_failure(question, error)
        if installation and _can_be_told(error, progress):
            self._apologise(question, installation, plan)
        else:
            self._finish(question, plan)

    def _apologise(self, question: Question, installation: Installation, plan: Plan) -> None:
        """Say what happened; if Slack is busy, later."""
        insist(partial(self.questions.save_plan, question, plan))
        try:
            self.posting.say(question, installation, plan, posted=0)
        except SlackError as error:
            self._recover(question, installation, error)
        else:
            self._finish(question, plan)

    def _finish(self, question: Question, plan: Plan) -> None:
        more = self.questions.finish(question, plan.failure, to_ask_again(question, plan))
        logger.info("question failed for good" if plan.failure else "question answered", extra=question.ids)
        if more:
            self.queue.answer_next(question.installation)

    def _hold(self, question: Question) -> None:
        with self._lock:
            self._held[question.holder] = question

    def _let_go(self, question: Question) -> None:
        with self._lock:
            self._held.pop(question.holder, None)


def _can_be_told(error: Exception, progress: Progress) -> bool:
    """Say whether a sentence may get through: where Slack refused a form, a shorter one may do."""
    if isinstance(error, SlackRefusedMessage):
        return progress.plan is None or not progress.plan.failure
    return not isinstance(error, SlackError)
