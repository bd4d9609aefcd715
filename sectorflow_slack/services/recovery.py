"""Recovering: what is done about a question that something went wrong with."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.errors import SlackError, SlackRefused, SlackRefusedMessage
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.metrics import RETRIES, Metrics
from sectorflow_slack.domain.progress import Plan, Progress
from sectorflow_slack.domain.question_stores import QuestionStore
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.domain.remotes import TaskQueue
from sectorflow_slack.domain.stores import InstallationStore
from sectorflow_slack.services.asking import AskingService
from sectorflow_slack.services.best_effort import best_effort
from sectorflow_slack.services.failures import SHUT_OUT_CODES, UNINSTALLED_CODES, reason_of, whose_fault
from sectorflow_slack.services.insisting import insist
from sectorflow_slack.services.plans import plan_of_failure
from sectorflow_slack.services.posting import PostingService
from sectorflow_slack.services.retries import counts_as_failure, delay_before_retry
from sectorflow_slack.services.tokens import TokenService

logger = logging.getLogger(__name__)

Finish = Callable[[Question, Plan], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryService:
    """Has a question tried again later, or says what happened and is done."""

    installations: InstallationStore
    questions: QuestionStore
    queue: TaskQueue
    posting: PostingService
    asking: AskingService
    tokens: TokenService
    metrics: Metrics
    random: Callable[[], float] = random.random

    def recover(
        self, question: Question, installation: Installation | None, error: Exception, finish: Finish
    ) -> None:
        """Do what ``services.failures`` says about an error; ``finish`` ends the question."""
        progress = self.questions.progress(question)
        error, delay = self._next_try(error, progress, installation)
        extra = {**question.ids, "reason": reason_of(error)}
        if delay is not None:
            logger.warning("question put back", exc_info=error, extra={**extra, "delay": round(delay, 1)})
            self.metrics.count(RETRIES, whose_fault(error))
            self.questions.put_back(question, delay, counts=counts_as_failure(error))
            self.queue.answer_next(question.installation, delay=delay)
            return
        logger.error("question failed", exc_info=error, extra=extra)
        self._end(question, installation, error, finish)

    def tell_that_the_old_one_stays(self, question: Question) -> None:
        """Tell who wanted a new answer of a model that there is none."""
        self._tell(question, question.channel_id, "regenerate_failed")

    def tell_apart(self, question: Question, stand_in: str) -> None:
        """Tell in an errand of its own that there is no answer: in the place of ``stand_in``, if any."""
        self._tell(question, question.channel_id, "unexpected", stand_in)

    def _next_try(
        self, error: Exception, progress: Progress, installation: Installation | None
    ) -> tuple[Exception, float | None]:
        """Say what stands in the way, and how long to wait before the next try; None for no other try.

        A token that has expired is renewed for it; where Slack cannot do that now, that stands in the way.
        A token that is gone is no hindrance where the installation lives by another one by now.
        """
        code = error.code if isinstance(error, SlackRefused) else ""
        if installation and code in UNINSTALLED_CODES:
            is_over = self._forget(installation, code)
            return error, None if is_over or progress.failures else 0.0
        if installation is None or code != "token_expired":
            return error, delay_before_retry(error, progress.failures, self.random)
        if progress.failures:
            return error, None
        try:
            self.tokens.renew_now(installation)
        except SlackError as refusal:
            logger.warning(
                "bot token not renewed: %s", refusal.code, extra={"installation": str(installation.key)}
            )
            delay = delay_before_retry(refusal, progress.failures, self.random)
            return (error, None) if delay is None else (refusal, delay)
        return error, 0.0

    def _forget(self, installation: Installation, code: str) -> bool:
        """Forget an installation whose token is gone; False where it lives by another by now."""
        key, token = installation.key, installation.bot.bot_token
        if self.installations.delete(key, before=installation.installed_at, bot_token=token):
            logger.error("installation forgotten: %s", code, extra={"installation": str(key)})
            return True
        return self.installations.find(key) is None

    def _end(
        self, question: Question, installation: Installation | None, error: Exception, finish: Finish
    ) -> None:
        plan = plan_of_failure(question, error)
        if question.answer_id:
            self._leave_as_it_was(question)
            finish(question, plan)
        elif installation and _can_be_told(error, self.questions.progress(question)):
            self._apologise(question, installation, plan, finish)
        else:
            if isinstance(error, SlackRefused) and error.code in SHUT_OUT_CODES:
                self._tell(question, "", "not_in_channel")
            finish(question, plan)

    def _leave_as_it_was(self, question: Question) -> None:
        """Take back that a model is being asked again, and tell who wanted it."""
        self.asking.give_up(question)
        self._run(Errand("draw", question.installation, question_id=question.answer_id), question)
        self.tell_that_the_old_one_stays(question)

    def _apologise(self, question: Question, installation: Installation, plan: Plan, finish: Finish) -> None:
        """Say what happened; if Slack is busy, later."""
        insist(partial(self.questions.save_plan, question, plan))
        try:
            self.posting.say(question, installation, plan, posted=())
        except SlackError as error:
            self.recover(question, installation, error, finish)
        else:
            finish(question, plan)

    def _tell(self, question: Question, channel_id: str, sentence: str, stand_in: str = "") -> None:
        errand = Errand(
            "tell",
            question.installation,
            user_id=question.user_id,
            channel_id=channel_id,
            thread_ts=question.reply_thread_ts or "",
            sentence=sentence,
            stand_in=stand_in,
        )
        self._run(errand, question)

    def _run(self, errand: Errand, question: Question) -> None:
        with best_effort(f"errand not sent: {errand.kind}", question.ids):
            self.queue.run(errand)


def _can_be_told(error: Exception, progress: Progress) -> bool:
    """Say whether a sentence may get through: where Slack refused a form, a shorter one may do."""
    if isinstance(error, SlackRefusedMessage):
        return progress.plan is None or not progress.plan.failure
    return not isinstance(error, SlackError)
