"""Answering: the whole way of a question through a worker."""

from __future__ import annotations

import logging
import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from sectorflow_slack.domain import slack_jobs
from sectorflow_slack.domain.errors import (
    LeaseLost,
    SlackError,
    SlackRefused,
    SlackRefusedMessage,
    StorageUnavailable,
)
from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.metrics import QUEUE_SECONDS, RETRIES, SECTORFLOW_SECONDS
from sectorflow_slack.domain.ports import Clock, SectorFlowClient, TaskQueue
from sectorflow_slack.domain.questions import Answer, Message, Plan, Progress, Question, Reply
from sectorflow_slack.formatting.answers import digest, draw
from sectorflow_slack.formatting.plain import help_notice, notice, notice_to_ask_again
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.failures import (
    SHUT_OUT_CODES,
    UNINSTALLED_CODES,
    Deadly,
    counts_as_failure,
    delay_before_retry,
    excuse_for,
    reason_of,
    whose_fault,
)
from sectorflow_slack.services.messaging import PostingService
from sectorflow_slack.services.resilience import best_effort, retry_while_store_is_down, timed
from sectorflow_slack.services.tokens import TokenService
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.conversations import ConversationStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.metrics import Metrics
from sectorflow_slack.storage.questions import QuestionStore

logger = logging.getLogger(__name__)


#: All that is said by somebody who asks for help, and for nothing else.
HELP = re.compile(r"/?help( me)?(,? please)?[\s.!?…]*|\?+", re.IGNORECASE)


def plan_without_asking(question: Question, installation: Installation) -> Plan | None:
    """Say what needs no LLM; None where SectorFlow is to be asked."""
    words = words_for(question.locale)
    if question.is_external and not installation.settings.allow_external_users:
        return Plan((notice(words.external_person),))
    if question.has_files and not question.text:
        return Plan((notice(words.file_only),))
    if not question.text or HELP.fullmatch(question.text.strip()):
        return Plan((help_notice(model_names(installation), words),))
    return None


def plan_of_silence(question: Question, thread_id: str | None) -> Plan:
    """Say that no model had an answer."""
    words = words_for(question.locale)
    told = notice_to_ask_again(words.no_answer, question.id, words)
    return Plan((told,), failure="no_answer", thread_id=thread_id)


def plan_of_failure(question: Question, error: Exception) -> Plan:
    """Say in one sentence that there is no answer, with a button to ask again."""
    words = words_for(question.locale)
    told = notice_to_ask_again(excuse_for(error, words), question.id, words)
    return Plan((told,), failure=reason_of(error))


def to_ask_again(question: Question, plan: Plan) -> Question | None:
    """Give what is asked when somebody presses the button; None where there is none."""
    if not plan.failure or plan.failure == "uninstalled" or question.answer_id:
        return None
    return replace(question, button_ts=None)


def model_names(installation: Installation, model_ids: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Give the names of the models that are asked, as far as they are known; "" for the others."""
    settings = installation.settings.sectorflow
    return tuple(settings.model_names.get(model_id, "") for model_id in model_ids or settings.model_ids)


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
        retry_while_store_is_down(
            partial(self.answers.replace, question.answer_id, place, new, reply.credits)
        )
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
            display=installation.settings.display,
            tab=next(at for at, each in enumerate(reply.answers) if not each.is_silent),
            seconds=max(0.0, self.clock() - question.asked_at),
            credits=reply.credits,
        )
        messages = draw(answer, words)
        retry_while_store_is_down(partial(self.answers.save, answer, tuple(map(digest, messages))))
        # Whoever died over this question may have kept an earlier reply: buttons are to show what is posted.
        kept = retry_while_store_is_down(partial(self.answers.find, answer.id))
        return messages if kept is None or kept.answer == answer else draw(kept.answer, words)

    def _ask(self, question: Question, installation: Installation) -> Reply:
        settings = installation.settings.sectorflow
        if question.model_ids:
            settings = replace(settings, model_ids=question.model_ids)
        thread_id = self.conversations.find(question, settings.workspace_id)
        with timed(self.metrics, SECTORFLOW_SECONDS):
            return self.sectorflow.ask(settings, question.text, thread_id)


def place_in(answer: Answer, question: Question) -> int | None:
    """Give which of an answer's models a question asks again; None where it has none such."""
    ids = [model.model_id for model in answer.models]
    return ids.index(question.model_ids[0]) if question.model_ids and question.model_ids[0] in ids else None


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
            self.questions.release(question, delay, counts=counts_as_failure(error))
            self.queue.answer_next(question.installation, delay=delay)
            return
        logger.error("question failed", exc_info=error, extra=extra)
        self._end(question, installation, error, finish)

    def notify_regenerate_failed(self, question: Question) -> None:
        """Tell who wanted a new answer of a model that there is none."""
        self._enqueue_notice(question, "regenerate_failed")

    def notify_no_answer(self, question: Question, placeholder: str) -> None:
        """Tell in an errand of its own that there is no answer: in the place of ``stand_in``, if any."""
        if not placeholder:
            self._enqueue_notice(question, "unexpected")
            return
        key, channel_id = question.installation, question.channel_id
        job = slack_jobs.UpdateMessage(key, sentence="unexpected", channel_id=channel_id, ts=placeholder)
        self._enqueue(job, question)

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
                key, user_id = question.installation, question.user_id
                job = slack_jobs.PostDirectMessage(key, sentence="not_in_channel", user_id=user_id)
                self._enqueue(job, question)
            finish(question, plan)

    def _leave_as_it_was(self, question: Question) -> None:
        """Take back that a model is being asked again, and tell who wanted it."""
        self.asking.give_up(question)
        self._enqueue(slack_jobs.RenderAnswer(question.installation, answer_id=question.answer_id), question)
        self.notify_regenerate_failed(question)

    def _apologise(self, question: Question, installation: Installation, plan: Plan, finish: Finish) -> None:
        """Say what happened; if Slack is busy, later."""
        retry_while_store_is_down(partial(self.questions.save_plan, question, plan))
        try:
            self.posting.post_plan(question, installation, plan, posted=())
        except SlackError as error:
            self.recover(question, installation, error, finish)
        else:
            finish(question, plan)

    def _enqueue_notice(self, question: Question, sentence: str) -> None:
        job = slack_jobs.PostEphemeral(
            question.installation,
            sentence=sentence,
            user_id=question.user_id,
            channel_id=question.channel_id,
            thread_ts=question.reply_thread_ts or "",
        )
        self._enqueue(job, question)

    def _enqueue(self, job: slack_jobs.SlackJob, question: Question) -> None:
        with best_effort(f"Slack job not enqueued: {job.kind}", question.ids):
            self.queue.enqueue(job)


def _can_be_told(error: Exception, progress: Progress) -> bool:
    """Say whether a sentence may get through: where Slack refused a form, a shorter one may do."""
    if isinstance(error, SlackRefusedMessage):
        return progress.plan is None or not progress.plan.failure
    return not isinstance(error, SlackError)


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
    answers: AnswerStore
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
        question = self.questions.lease(key)
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

    def extend_leases(self) -> None:
        """Say that this process still works on what it holds, and wake workers for what nobody took up."""
        with self._lock:
            held = list(self._held.values())
        if held:
            self.questions.extend(held)
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
                self.questions.release(question, 0.0, counts=False)
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
            installation = self.tokens.ensure_fresh(installation)
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
            self.conversations.save(question, installation.settings.sectorflow.workspace_id, plan.thread_id)
        posted = self.posting.post_plan(question, installation, plan, progress.posted)
        if not plan.failure and self.answers.mark_posted(question.id, posted):
            # Somebody pressed one of its buttons before all of it was posted.
            self.queue.enqueue(slack_jobs.RenderAnswer(question.installation, answer_id=question.id))
        self._finish(question, plan)

    def _give_up(self, question: Question) -> None:
        """End a question over which workers die even where they only say that it failed."""
        if question.answer_id:
            self.asking.give_up(question)
        else:
            self.recovery.notify_no_answer(question, self.posting.take_over(question))
        self._finish(question, plan_of_failure(question, Deadly()))

    def _answer_again(self, question: Question, installation: Installation) -> None:
        if not self.asking.ask_again(question, installation):
            self.recovery.notify_regenerate_failed(question)
        self.queue.enqueue(slack_jobs.RenderAnswer(question.installation, answer_id=question.answer_id))
        self._finish(question, Plan(()))

    def _plan(self, question: Question, installation: Installation, progress: Progress) -> Plan:
        if progress == Progress():
            self.metrics.observe(QUEUE_SECONDS, max(0.0, self.clock() - question.asked_at))
        plan = self.asking.plan(question, installation)
        retry_while_store_is_down(partial(self.questions.save_plan, question, plan, progress.posted))
        logger.info("plan kept", extra=question.ids)
        return plan

    def _finish(self, question: Question, plan: Plan) -> None:
        more = self.questions.complete(question, plan.failure, to_ask_again(question, plan))
        logger.info("question failed for good" if plan.failure else "question answered", extra=question.ids)
        if more:
            self.queue.answer_next(question.installation)

    def _hold(self, question: Question) -> None:
        with self._lock:
            self._held[question.holder] = question

    def _let_go(self, question: Question) -> None:
        with self._lock:
            self._held.pop(question.holder, None)
