"""Answering: the whole way of a question through a worker."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from functools import partial

from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.errors import LeaseLost, StorageUnavailable
from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.metrics import QUEUE_SECONDS, Metrics
from sectorflow_slack.domain.progress import Plan, Progress
from sectorflow_slack.domain.question_stores import AnswerStore, ConversationStore, QuestionStore
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.domain.remotes import Clock, TaskQueue
from sectorflow_slack.domain.stores import InstallationStore
from sectorflow_slack.services.asking import AskingService
from sectorflow_slack.services.failures import Deadly
from sectorflow_slack.services.insisting import insist
from sectorflow_slack.services.plans import plan_of_failure, to_ask_again
from sectorflow_slack.services.posting import PostingService
from sectorflow_slack.services.recovery import RecoveryService
from sectorflow_slack.services.tokens import TokenService

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
    kept: AnswerStore
    queue: TaskQueue
    asking: AskingService
    posting: PostingService
    recovery: RecoveryService
    tokens: TokenService
    metrics: Metrics
    clock: Clock
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
            installation = self.tokens.fresh(installation)
            self._answer(question, installation)
        except LeaseLost:
            raise
        except StorageUnavailable as error:
            # Nothing can be recorded now. The question is let go in a few seconds, and taken up again.
            logger.warning("answer interrupted: %s", error, extra=question.ids)
        except Exception as error:
            self.recovery.recover(question, installation, error, self._finish)

    def _answer(self, question: Question, installation: Installation) -> None:
        progress = self.questions.progress(question)
        if progress.deaths >= MAX_DEATHS and progress.plan is None:
            raise Deadly
        if progress.deaths >= MAX_DEATHS_TOLD:
            self._give_up(question)
            return
        if question.answer_id:
            self._answer_again(question, installation)
            return
        plan = progress.plan or self._plan(question, installation, progress)
        if plan.thread_id and not progress.posted:
            self.conversations.save(question, installation.terms.sectorflow.workspace_id, plan.thread_id)
        posted = self.posting.say(question, installation, plan, progress.posted)
        if not plan.failure and self.kept.posted(question.id, posted):
            # Somebody pressed one of its buttons before all of it was posted.
            self.queue.run(Errand("draw", question.installation, question_id=question.id))
        self._finish(question, plan)

    def _give_up(self, question: Question) -> None:
        """End a question over which workers die even where they only say that it failed."""
        if question.answer_id:
            self.asking.give_up(question)
        else:
            self.recovery.tell_apart(question, self.posting.take_over(question))
        self._finish(question, plan_of_failure(question, Deadly()))

    def _answer_again(self, question: Question, installation: Installation) -> None:
        if not self.asking.ask_again(question, installation):
            self.recovery.tell_that_the_old_one_stays(question)
        self.queue.run(Errand("draw", question.installation, question_id=question.answer_id))
        self._finish(question, Plan(()))

    def _plan(self, question: Question, installation: Installation, progress: Progress) -> Plan:
        if progress == Progress():
            self.metrics.observe(QUEUE_SECONDS, max(0.0, self.clock() - question.asked_at))
        plan = self.asking.plan(question, installation)
        insist(partial(self.questions.save_plan, question, plan, progress.posted))
        logger.info("plan kept", extra=question.ids)
        return plan

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
