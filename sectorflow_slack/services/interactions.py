"""Interactions with the app's messages: buttons, menus, and the follow-up dialog.

A button's value proves nothing: it is checked against the payload's app, team, channel and message.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sectorflow_slack.domain.installations import DISPLAYS, Installation, InstallationKey
from sectorflow_slack.domain.ports import Clock
from sectorflow_slack.domain.questions import Question, StoredAnswer
from sectorflow_slack.domain.slack_jobs import (
    OpenView,
    PostDirectMessage,
    PostEphemeral,
    PostPlainText,
    RenderAnswer,
)
from sectorflow_slack.formatting import block_kit
from sectorflow_slack.formatting.block_kit import ActionValue
from sectorflow_slack.services.event_payloads import first_installed, is_external_user
from sectorflow_slack.services.interaction_payloads import (
    BlockAction,
    ViewSubmission,
    read_block_actions,
    read_view_submission,
)
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.failed_questions import FailedQuestionStore
from sectorflow_slack.storage.feedback import FeedbackStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.questions import QuestionStore
from sectorflow_slack.storage.slack_jobs import SlackJobQueue

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionService:
    """Handles interactions after their signature has been verified; a worker makes the calls to Slack."""

    installations: InstallationStore
    questions: QuestionStore
    failed_questions: FailedQuestionStore
    answers: AnswerStore
    feedback: FeedbackStore
    queue: SlackJobQueue
    clock: Clock

    def accept(self, payload: Mapping[str, Any]) -> None:
        """Handle one interaction payload (docs.slack.dev, interactivity)."""
        for block_action in read_block_actions(payload):
            installation = first_installed(self.installations, block_action.app_id, block_action.tenant_ids)
            if installation is None:
                logger.info("button ignored", extra={"app_id": block_action.app_id})
            elif block_action.question_id and block_action.action == block_kit.ASK_AGAIN:
                self._ask_failed_question(block_action, installation)
            elif block_action.value is not None and block_action.action in self._handlers:
                self._handle(block_action, block_action.value, installation)
        submission = read_view_submission(payload, block_kit.FOLLOW_UP_DIALOG)
        if submission is not None and submission.value is not None:
            self._follow_up(submission, submission.value)

    # Buttons and menus of an answer

    def _handle(self, block_action: BlockAction, value: ActionValue, installation: Installation) -> None:
        stored = self.answers.find(value.answer_id)
        if stored is None:
            self._post_ephemeral(block_action, installation.key, "expired")
        elif not _belongs(block_action, stored, installation):
            logger.info("button ignored", extra={"question_id": value.answer_id})
        elif _is_forbidden(block_action.user_tenants, stored.answer.question, installation):
            self._post_ephemeral(block_action, installation.key, "external_person")
        elif value.model < len(stored.answer.models):
            self._handlers[block_action.action](block_action, value, stored)

    @property
    def _handlers(self) -> Mapping[str, Callable[[BlockAction, ActionValue, StoredAnswer], None]]:
        return {
            block_kit.SHOW_TAB: self._show_page,
            block_kit.TURN_PAGE: self._show_page,
            block_kit.SWITCH_DISPLAY: self._switch_display,
            block_kit.REGENERATE: self._regenerate,
            block_kit.FOLLOW_UP: self._open_view,
            block_kit.PLAIN_TEXT: self._post_plain_text,
            block_kit.VOTE: self._vote,
        }

    def _show_page(self, _: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        self.answers.show(stored.answer.id, tab=value.model, page=value.page)
        self._render(stored)

    def _switch_display(self, _: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        for display in DISPLAYS:
            if display == value.choice:
                self.answers.show(stored.answer.id, display=display)
        self._render(stored)

    def _regenerate(self, block_action: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        """Ask one model again; its new answer will replace the old one in the message."""
        answer_id = stored.answer.id
        number = self.answers.ask_again(answer_id, value.model)
        if number:
            name = f"again-{answer_id}-{value.model}-{number}"
            question = self._next_question(stored, value.model, name, block_action.user_id)
            self._accept_question(replace(question, answer_id=answer_id))
        self._render(stored)

    def _open_view(self, block_action: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        key, trigger_id = stored.answer.question.installation, block_action.trigger_id
        self.queue.enqueue(
            OpenView(key, answer_id=stored.answer.id, model=value.model, trigger_id=trigger_id)
        )

    def _post_plain_text(self, block_action: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        job = PostPlainText(
            stored.answer.question.installation,
            answer_id=stored.answer.id,
            model=value.model,
            user_id=block_action.user_id,
            channel_id=block_action.channel_id,
            thread_ts=block_action.thread_ts,
        )
        self.queue.enqueue(job)

    def _vote(self, block_action: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        if value.choice in {block_kit.UP, block_kit.DOWN}:
            is_up = value.choice == block_kit.UP
            self.feedback.vote(stored.answer, value.model, block_action.user_id, up=is_up)

    # The button of a failed question, and the dialog

    def _ask_failed_question(self, block_action: BlockAction, installation: Installation) -> None:
        """Ask a failed question again, once; the message with the button goes once it is answered."""
        failed = self.failed_questions.find(block_action.question_id)
        if (
            failed is None
            or failed.question.installation != installation.key
            or failed.question.channel_id != block_action.channel_id
        ):
            logger.info("button ignored", extra={"question_id": block_action.question_id})
            return
        if _is_forbidden(block_action.user_tenants, failed.question, installation):
            self._post_ephemeral(block_action, installation.key, "external_person")
            return
        button_ts = block_action.message_ts or None
        question = replace(failed.question, button_ts=button_ts, is_external=False, asked_at=self.clock())
        if self.failed_questions.revive(question):
            logger.info("question asked again", extra=question.ids)

    def _follow_up(self, submission: ViewSubmission, value: ActionValue) -> None:
        """Ask one model the question of a dialog, in the thread of its answer."""
        installation = first_installed(self.installations, submission.app_id, submission.tenant_ids)
        stored = self.answers.find(value.answer_id)
        if installation is not None and stored is None:
            # The channel is unknown now.
            user_id = submission.user_id
            self.queue.enqueue(
                PostDirectMessage(installation.key, sentence="follow_up_failed", user_id=user_id)
            )
        if (
            installation is None
            or stored is None
            or not submission.question
            or stored.answer.question.installation != installation.key
            or value.model >= len(stored.answer.models)
            or _is_forbidden(submission.user_tenants, stored.answer.question, installation)
        ):
            logger.info("dialog ignored", extra={"question_id": value.answer_id})
            return
        question = self._next_question(stored, value.model, f"dialog-{submission.id}", submission.user_id)
        question = replace(question, text=submission.question, answer_id="", is_hidden=True, has_files=False)
        self._accept_question(question)

    # Questions and jobs

    def _next_question(self, stored: StoredAnswer, model: int, name: str, user_id: str) -> Question:
        """Return a question to one model; ``name``, in place of an event's id, makes it unique."""
        asked = stored.answer.question
        return replace(
            asked,
            id=uuid.uuid4().hex,
            event_id=name,
            ts=name,
            thread_ts=asked.reply_thread_ts,
            user_id=user_id,
            # Users who may not ask were refused before.
            is_external=False,
            model_ids=(stored.answer.models[model].model_id,),
            asked_at=self.clock(),
            button_ts=None,
        )

    def _accept_question(self, question: Question) -> None:
        if self.questions.accept(question):
            logger.info("question accepted", extra=question.ids)

    def _render(self, stored: StoredAnswer) -> None:
        self.queue.enqueue(RenderAnswer(stored.answer.question.installation, answer_id=stored.answer.id))

    def _post_ephemeral(self, block_action: BlockAction, key: InstallationKey, sentence: str) -> None:
        job = PostEphemeral(
            key,
            sentence=sentence,
            user_id=block_action.user_id,
            channel_id=block_action.channel_id,
            thread_ts=block_action.thread_ts,
        )
        self.queue.enqueue(job)


def _belongs(block_action: BlockAction, stored: StoredAnswer, installation: Installation) -> bool:
    """Whether a block action comes from the installation, the channel and a message of the answer."""
    question = stored.answer.question
    return (
        question.installation == installation.key
        and question.channel_id == block_action.channel_id
        and (not stored.posted or block_action.message_ts in stored.posted)
    )


def _is_forbidden(user_tenants: Collection[str], asked: Question, installation: Installation) -> bool:
    """Whether a user belongs to another organisation, and may use no button here."""
    if installation.settings.allow_external_users or not asked.is_shared:
        return False
    return is_external_user(user_tenants, installation, asked.team_id)
