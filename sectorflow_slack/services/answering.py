"""Answering: the way of a question through a worker.

A worker leases a question, makes sure that the bot token is usable, asks SectorFlow (``asking``), posts the
answer (``messaging``) and completes the question. What happens after a failure is in ``failures``.

Each step is stored before the next. After a crash another worker continues from the last stored step: it
neither pays for a second reply nor posts a message twice.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from sectorflow_slack.domain.errors import (
    LeaseLost,
    SlackError,
    SlackRefused,
    StorageUnavailable,
    TokenRefused,
)
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.metrics import QUEUE_SECONDS, RETRIES
from sectorflow_slack.domain.ports import Clock
from sectorflow_slack.domain.questions import Lease, Plan, Progress, Question
from sectorflow_slack.domain.slack_jobs import PostDirectMessage, PostEphemeral, RenderAnswer, SlackJob
from sectorflow_slack.formatting.notices import notice
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.asking import AskingService, for_chosen_models, plan_without_asking
from sectorflow_slack.services.event_payloads import question_of
from sectorflow_slack.services.failures import (
    UNINSTALLED_CODES,
    DeadlyQuestion,
    can_be_posted,
    counts_as_failure,
    delay_before_retry,
    failed_side,
    plan_of_failure,
    reason_of,
)
from sectorflow_slack.services.messaging import NO_ACCESS_CODES, PostingService
from sectorflow_slack.services.resilience import best_effort, retry_while_store_is_down
from sectorflow_slack.services.statuses import StatusService
from sectorflow_slack.services.tokens import TokenService
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.conversations import ConversationStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.metrics import Metrics
from sectorflow_slack.storage.pauses import PauseStore
from sectorflow_slack.storage.questions import QuestionStore
from sectorflow_slack.storage.slack_jobs import SlackJobQueue

logger = logging.getLogger(__name__)

#: After this many deaths of workers a question is not asked any more: it may be what kills them.
DEATHS_BEFORE_FAILURE = 3
#: After this many a worker does not even post the notice: a Slack job does.
DEATHS_BEFORE_GIVING_UP = 6
DAY_SECONDS = 24 * 3600
#: The reason of a question that a user stopped.
STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerService:
    """Takes questions from their lease to their completion."""

    installations: InstallationStore
    questions: QuestionStore
    conversations: ConversationStore
    answers: AnswerStore
    queue: SlackJobQueue
    asking: AskingService
    posting: PostingService
    statuses: StatusService
    tokens: TokenService
    pauses: PauseStore
    metrics: Metrics
    clock: Clock
    random: Callable[[], float] = random.random
    #: The questions that this process works on, by their holder.
    _leased: dict[str, Question] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def answer_next(self) -> bool:
        """Lease the question that has the next turn and answer it; True if another one can start."""
        lease = self.questions.lease()
        if lease is None:
            return False
        try:
            question = question_of(lease, None)
        except Exception as error:
            # Nothing would extend its lease: other workers would fail over it again and again.
            self.questions.postpone(lease, error)
            return True
        self._log("question leased", question)
        with self._lock:
            self._leased[question.holder] = question
        try:
            return self._answer(question, lease)
        except LeaseLost:
            logger.warning("question left to another worker", extra=question.ids)
        except StorageUnavailable as error:
            # Nothing can be stored now. The lease ends in a few seconds, and another worker continues.
            logger.warning("answer interrupted: %s", error, extra=question.ids)
        finally:
            self.statuses.leave(question)
            with self._lock:
                del self._leased[question.holder]
        return True

    def extend_leases(self) -> None:
        """Extend the leases of this process."""
        if leased := self._leased_now():
            self.questions.extend(leased)

    def hand_over(self, seconds: float = 0.0) -> None:
        """Release the questions of this process to other workers at once, because it is about to end.

        This counts as no failure of the questions. From now on their threads get ``LeaseLost``. A message on
        its way to Slack has ``seconds`` to be stored as posted, so that no other worker posts it again.
        """
        deadline = time.monotonic() + seconds
        with_a_message = [each for each in self._leased_now() if not self._hand_over(each, 0.0)]
        for question in with_a_message:
            # If it does not land in time, its lease ends.
            self._hand_over(question, max(0.0, deadline - time.monotonic()))

    def _hand_over(self, question: Question, seconds: float) -> bool:
        """Release a question; False if one of its messages is still on its way after ``seconds``."""
        if not self.posting.leave(question, seconds):
            return False
        with suppress(LeaseLost):
            self.questions.release(question, 0.0, counts=False)
            logger.info("question handed over", extra=question.ids)
        return True

    def _leased_now(self) -> list[Question]:
        with self._lock:
            return list(self._leased.values())

    def _answer(self, question: Question, lease: Lease) -> bool:
        """Take a question to its completion, or release it for another try; True if another one can start."""
        installation = None
        try:
            installation = self.installations.find(lease.installation)
            if installation is None:
                return self._complete(question, Plan((), failure="uninstalled"))
            question = question_of(lease, installation)
            installation = self.tokens.ensure_fresh(installation)
            plan: Plan | None = self._post_answer(question, installation, lease.progress)
        except (LeaseLost, StorageUnavailable):
            raise
        except Exception as error:
            plan = self._recover(question, installation, error)
        return plan is None or self._complete(question, plan, installation)

    def _post_answer(self, question: Question, installation: Installation, progress: Progress) -> Plan:
        """Post the messages of an answer that are not posted yet; return its plan."""
        plan = progress.plan
        if progress.stopped and not _is_settled(plan, progress.posted):
            plan, progress = self._stop(question), Progress()
        if progress.deaths >= DEATHS_BEFORE_FAILURE and plan is None:
            raise DeadlyQuestion
        if progress.deaths >= DEATHS_BEFORE_GIVING_UP:
            self._notify(question, "unexpected")
            return Plan((), failure=reason_of(DeadlyQuestion()))
        if question.answer_id:
            return plan or self._regenerate(question, installation)
        plan = plan or self._ask(question, installation, progress)
        if plan.thread_id and not progress.posted:
            self.conversations.save(question, installation.settings.sectorflow.workspace_id, plan.thread_id)
        posted = self.posting.post_plan(question, installation, plan, progress.posted)
        if not plan.failure and self.answers.mark_posted(question.id, posted):
            # A user pressed one of its buttons before all of it was posted.
            self.queue.enqueue(RenderAnswer(question.installation, answer_id=question.id))
        return plan

    def _ask(self, question: Question, installation: Installation, progress: Progress) -> Plan:
        if progress == Progress():
            self.metrics.observe(QUEUE_SECONDS, max(0.0, self.clock() - question.asked_at))
        if question.compares:
            self.statuses.start(question, installation)
            plan = self.asking.compare(question, installation)
        elif known := plan_without_asking(question, installation):
            plan = known
        else:
            conversation = self.conversations.find(question, installation.settings.sectorflow.workspace_id)
            question = for_chosen_models(question, installation, conversation.model_ids)
            self.statuses.start(question, installation)
            plan = self.asking.plan(question, installation, conversation.thread_id)
        retry_while_store_is_down(partial(self.questions.save_plan, question, plan, progress.posted))
        self._log("plan stored", question)
        return plan

    def _stop(self, question: Question) -> Plan:
        """Store that one line is all that is still posted for a question.

        A model that was to be asked again keeps its old answer, and nothing is posted.
        """
        if question.answer_id:
            self._keep_old_answer(question)
            return Plan((), failure=STOPPED)
        plan = Plan((notice(words_for(question.locale).stopped),), failure=STOPPED)
        retry_while_store_is_down(partial(self.questions.save_plan, question, plan))
        return plan

    def _regenerate(self, question: Question, installation: Installation) -> Plan:
        """Ask one model of an answer again; the answer's own messages show the outcome."""
        if not self.asking.regenerate(question, installation):
            self._notify(question, "regenerate_failed")
        self.queue.enqueue(RenderAnswer(question.installation, answer_id=question.answer_id))
        return Plan(())

    def _keep_old_answer(self, question: Question) -> None:
        """Store that a model is not asked again, and show it."""
        self.asking.cancel_regenerate(question)
        self._enqueue(RenderAnswer(question.installation, answer_id=question.answer_id), question)

    def _complete(self, question: Question, plan: Plan, installation: Installation | None = None) -> bool:
        """End the status and the question; True if another question can start."""
        if installation is not None and not question.answer_id:
            self._end_status(question, installation, posted=bool(plan.messages))
        is_listed = plan.failure not in {"", "uninstalled", STOPPED}
        can_be_asked_again = is_listed and not question.answer_id and not question.compares
        again = replace(question, button_ts=None) if can_be_asked_again else None
        if plan.failure and question.compares:
            self.questions.forget(question)
        more = self.questions.complete(question, plan.failure, again)
        self._log("question failed for good" if plan.failure else "question answered", question)
        return more

    def _log(self, message: str, question: Question) -> None:
        """Log a step, with the seconds since the question was asked."""
        seconds = round(max(0.0, self.clock() - question.asked_at), 3)
        logger.info(message, extra={**question.ids, "seconds": seconds})

    def _end_status(self, question: Question, installation: Installation, *, posted: bool) -> None:
        """Remove what showed that a question was worked on: its status, or the button that asked again."""
        try:
            shown = self.statuses.end(question, installation, posted=posted)
            for each in (shown, question.button_ts if posted else None):
                self.statuses.remove(question, installation, each or "")
        except (LeaseLost, StorageUnavailable):
            raise
        except Exception as error:
            # It must not keep the question from its end.
            logger.error("status not ended", exc_info=error, extra=question.ids)

    # After a failure

    def _recover(
        self, question: Question, installation: Installation | None, error: Exception
    ) -> Plan | None:
        """Release a question for another try and return None, or return the plan that it fails with."""
        progress = self.questions.progress(question)
        error, delay = self._next_try(error, progress, installation)
        extra = {**question.ids, "reason": reason_of(error)}
        if delay is not None:
            logger.warning("question released", exc_info=error, extra={**extra, "delay": round(delay, 1)})
            self.metrics.count(RETRIES, failed_side(error))
            self.questions.release(question, delay, counts=counts_as_failure(error))
            return None
        logger.error("question failed", exc_info=error, extra=extra)
        if isinstance(error, TokenRefused) and installation:
            self._tell_installer(question, installation)
        plan = plan_of_failure(question, error)
        if question.answer_id:
            self._keep_old_answer(question)
            self._notify(question, "regenerate_failed")
        elif installation and can_be_posted(error, progress):
            retry_while_store_is_down(partial(self.questions.save_plan, question, plan))
            try:
                self.posting.post_plan(question, installation, plan, posted=())
            except SlackError as refusal:
                return self._recover(question, installation, refusal)
        else:
            plan = replace(plan, messages=())
            if isinstance(error, SlackRefused) and error.code in NO_ACCESS_CODES:
                key, user_id = question.installation, question.user_id
                self._enqueue(PostDirectMessage(key, sentence="not_in_channel", user_id=user_id), question)
        return plan

    def _next_try(
        self, error: Exception, progress: Progress, installation: Installation | None
    ) -> tuple[Exception, float | None]:
        """Return the error that counts, and the delay before the next try; None if the question fails.

        An expired token is renewed first; if Slack cannot renew it now, that is the error that counts.
        """
        code = error.code if isinstance(error, SlackRefused) else ""
        if installation and code in UNINSTALLED_CODES:
            is_uninstalled = self._forget(installation, code)
            return error, None if is_uninstalled or progress.failures else 0.0
        if installation is None or code != "token_expired":
            return error, delay_before_retry(error, progress.failures, self.random)
        if progress.failures:
            return error, None
        try:
            self.tokens.renew_now(installation)
        except SlackError as refusal:
            logger.warning("bot token not renewed: %s", refusal.code, extra=installation.key.ids)
            delay = delay_before_retry(refusal, progress.failures, self.random)
            return (error, None) if delay is None else (refusal, delay)
        return error, 0.0

    def _forget(self, installation: Installation, code: str) -> bool:
        """Delete an installation whose token was revoked; False if it has another token by now."""
        key, token = installation.key, installation.bot.bot_token
        if self.installations.delete(key, before=installation.installed_at, bot_token=token):
            logger.error("installation forgotten: %s", code, extra=key.ids)
            return True
        return self.installations.find(key) is None

    def _tell_installer(self, question: Question, installation: Installation) -> None:
        """Notify the user who installed the app, once a day, that SectorFlow refuses its token."""
        user_id = installation.bot.installer_id
        if user_id and self.pauses.begin(installation.key, "token-refused", DAY_SECONDS):
            job = PostDirectMessage(installation.key, sentence="token_refused_for_installer", user_id=user_id)
            self._enqueue(job, question)

    def _notify(self, question: Question, sentence: str) -> None:
        """Enqueue a sentence that only the user sees."""
        job = PostEphemeral(question.installation, sentence=sentence, **question.ephemeral_place)
        self._enqueue(job, question)

    def _enqueue(self, job: SlackJob, question: Question) -> None:
        with best_effort(f"Slack job not enqueued: {job.kind}", question.ids):
            self.queue.enqueue(job)


def _is_settled(plan: Plan | None, posted: tuple[str, ...]) -> bool:
    """Whether a stop changes nothing any more: all is posted, or the plan says that it was stopped."""
    return plan is not None and (plan.failure == STOPPED or len(posted) == len(plan.messages))
