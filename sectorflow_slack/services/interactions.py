"""Button presses: what a button carries is a claim, checked again against app, team, channel and message."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.ports import Clock, TaskQueue
from sectorflow_slack.domain.questions import FailedQuestion, Question, StoredAnswer
from sectorflow_slack.domain.slack_jobs import Kind, SlackJob
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.actions import ActionValue
from sectorflow_slack.services.event_payloads import first_installed, is_stranger
from sectorflow_slack.services.interaction_payloads import (
    BlockAction,
    ViewSubmission,
    read_block_actions,
    read_view_submission,
)
from sectorflow_slack.services.resilience import best_effort
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.failed_questions import FailedQuestionStore
from sectorflow_slack.storage.feedback import FeedbackStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.questions import QuestionStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaskingService:
    """Puts such questions in line, each once however often it is pressed."""

    questions: QuestionStore
    answers: AnswerStore
    failed_questions: FailedQuestionStore
    queue: TaskQueue
    clock: Clock

    def ask_failed_question(self, failed_question: FailedQuestion, button_ts: str) -> None:
        """Ask a failed question again; the message with the button stands in for its answer."""
        question = replace(failed_question.question, button_ts=button_ts or None)
        if self.failed_questions.revive(question):
            logger.info("question asked again", extra=question.ids)
            self._wake(question)
            self._post_placeholder(question, button_ts)

    def regenerate(self, kept: StoredAnswer, place: int, user_id: str) -> None:
        """Ask one model of an answer again; what it says will stand in its old answer's place."""
        number = self.answers.ask_again(kept.answer.id, place)
        if number:
            name = f"again-{kept.answer.id}-{place}-{number}"
            question = self._question(kept, place, name, user_id)
            self._ask(replace(question, answer_id=kept.answer.id))

    def follow_up(self, kept: StoredAnswer, place: int, text: str, dialog_id: str, user_id: str) -> None:
        """Ask one model of an answer something else, in the same thread."""
        question = self._question(kept, place, f"dialog-{dialog_id}", user_id)
        question = replace(question, text=text, answer_id="", is_hidden=True, has_files=False)
        if self._ask(question):
            self._post_placeholder(question)

    def _question(self, kept: StoredAnswer, place: int, name: str, user_id: str) -> Question:
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

    def _post_placeholder(self, question: Question, placeholder: str = "") -> None:
        job = SlackJob("greet", question.installation, question_id=question.id, placeholder=placeholder)
        with best_effort("Slack job not enqueued: greet", question.ids):
            self.queue.enqueue(job)


#: What costs the customer something, and is not for people of other organisations unless they may ask.
COSTLY = frozenset({actions.REGENERATE, actions.FOLLOW_UP})


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionService:
    """Takes in what people press, once the signature has verified; whatever asks Slack is an errand."""

    installations: InstallationStore
    failed_questions: FailedQuestionStore
    answers: AnswerStore
    feedback: FeedbackStore
    reasking: ReaskingService
    queue: TaskQueue

    def accept(self, payload: Mapping[str, Any]) -> None:
        """Take in one interaction payload (docs.slack.dev, interactivity)."""
        for block_action in read_block_actions(payload):
            installation = first_installed(self.installations, block_action.app_id, block_action.tenant_ids)
            if installation is None:
                logger.info("button ignored", extra={"app_id": block_action.app_id})
            elif block_action.question_id and block_action.action == actions.ASK_AGAIN:
                self._ask_failed_question_again(block_action, installation)
            elif block_action.value is not None and block_action.action in self._handlers:
                self._take_in(block_action, block_action.value, installation)
        submission = read_view_submission(payload, actions.FOLLOW_UP_DIALOG)
        if submission is not None and submission.value is not None:
            self._follow_up(submission, submission.value)

    @property
    def _handlers(self) -> Mapping[str, Callable[[BlockAction, ActionValue, StoredAnswer], None]]:
        return {
            actions.SHOW_TAB: self._show,
            actions.TURN_PAGE: self._show,
            actions.SWITCH_DISPLAY: self._switch,
            actions.REGENERATE: self._ask_model_again,
            actions.FOLLOW_UP: lambda block_action, value, kept: self._send("dialog", block_action, kept),
            actions.PLAIN_TEXT: lambda block_action, value, kept: self._send("copy", block_action, kept),
            actions.VOTE: self._vote,
        }

    def _take_in(self, block_action: BlockAction, value: ActionValue, installation: Installation) -> None:
        kept = self.answers.find(value.answer_id)
        if kept is None:
            self._post_notice(block_action, installation.key, "expired")
        elif not _belongs(block_action, kept, installation):
            logger.info("button ignored", extra={"question_id": value.answer_id})
        elif block_action.action in COSTLY and _is_shut_out(
            block_action.user_tenants, kept.answer.question, installation
        ):
            self._post_notice(block_action, installation.key, "external_person")
        elif value.model < len(kept.answer.models):
            self._handlers[block_action.action](block_action, value, kept)

    def _show(self, block_action: BlockAction, value: ActionValue, kept: StoredAnswer) -> None:
        """Open a tab, or turn a page of one."""
        self.answers.show(kept.answer.id, tab=value.model, page=value.page)
        self._send("draw", block_action, kept)

    def _switch(self, block_action: BlockAction, value: ActionValue, kept: StoredAnswer) -> None:
        self.answers.show(kept.answer.id, display="tabs" if value.choice == "tabs" else "separated")
        self._send("draw", block_action, kept)

    def _vote(self, block_action: BlockAction, value: ActionValue, kept: StoredAnswer) -> None:
        if value.choice in {actions.UP, actions.DOWN}:
            self.feedback.vote(kept.answer, value.model, block_action.user_id, up=value.choice == actions.UP)

    def _ask_model_again(self, block_action: BlockAction, value: ActionValue, kept: StoredAnswer) -> None:
        self.reasking.regenerate(kept, value.model, block_action.user_id)
        self._send("draw", block_action, kept)

    def _ask_failed_question_again(self, block_action: BlockAction, installation: Installation) -> None:
        failed_question = self.failed_questions.find(block_action.question_id)
        if (
            failed_question is None
            or failed_question.question.installation != installation.key
            or failed_question.question.channel_id != block_action.channel_id
        ):
            logger.info("button ignored", extra={"question_id": block_action.question_id})
        else:
            self.reasking.ask_failed_question(failed_question, block_action.message_ts)

    def _follow_up(self, submission: ViewSubmission, value: ActionValue) -> None:
        """Ask one model what somebody asked it in a dialog."""
        installation = first_installed(self.installations, submission.app_id, submission.tenant_ids)
        kept = self.answers.find(value.answer_id)
        if installation is not None and kept is None:
            # Nobody knows any more which channel it was: told in a DM.
            job = SlackJob("tell", installation.key, user_id=submission.user_id, sentence="follow_up_failed")
            self.queue.enqueue(job)
        if (
            installation is None
            or kept is None
            or not submission.question
            or kept.answer.question.installation != installation.key
            or value.model >= len(kept.answer.models)
            or _is_shut_out(submission.user_tenants, kept.answer.question, installation)
        ):
            logger.info("dialog ignored", extra={"question_id": value.answer_id})
            return
        self.reasking.follow_up(kept, value.model, submission.question, submission.id, submission.user_id)

    def _send(self, kind: Kind, block_action: BlockAction, kept: StoredAnswer) -> None:
        job = SlackJob(
            kind,
            kept.answer.question.installation,
            question_id=kept.answer.id,
            model=block_action.value.model if block_action.value else 0,
            user_id=block_action.user_id,
            channel_id=block_action.channel_id,
            thread_ts=block_action.thread_ts,
            trigger_id=block_action.trigger_id,
        )
        self.queue.enqueue(job)

    def _post_notice(self, block_action: BlockAction, key: InstallationKey, sentence: str) -> None:
        job = SlackJob(
            "tell",
            key,
            user_id=block_action.user_id,
            channel_id=block_action.channel_id,
            thread_ts=block_action.thread_ts,
            sentence=sentence,
        )
        self.queue.enqueue(job)


def _belongs(block_action: BlockAction, kept: StoredAnswer, installation: Installation) -> bool:
    """Say whether the press comes from the installation, the channel and a message of the answer."""
    question = kept.answer.question
    return (
        question.installation == installation.key
        and question.channel_id == block_action.channel_id
        and (not kept.posted or block_action.message_ts in kept.posted)
    )


def _is_shut_out(person: Collection[str], asked: Question, installation: Installation) -> bool:
    """Say whether somebody is of another organisation, and may not ask here."""
    if installation.settings.allow_external_users or not asked.is_shared:
        return False
    return is_stranger(person, installation, asked.team_id)
