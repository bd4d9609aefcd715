"""Interactions with the app's messages and its Home tab: buttons and menus; ``dialogs`` has the dialogs.

A button's value proves nothing: it is checked against the payload's app, team, channel and message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sectorflow_slack.domain.installations import DISPLAYS, Installation, InstallationKey
from sectorflow_slack.domain.ports import Clock
from sectorflow_slack.domain.questions import StoredAnswer
from sectorflow_slack.domain.slack_jobs import OpenView, PostEphemeral, PostPlainText, RenderAnswer
from sectorflow_slack.formatting import block_kit
from sectorflow_slack.formatting.block_kit import ActionValue
from sectorflow_slack.services.dialogs import DialogService, is_forbidden, is_foreign
from sectorflow_slack.services.event_payloads import first_installed
from sectorflow_slack.services.interaction_payloads import (
    BlockAction,
    read_block_actions,
    read_view_submission,
)
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.failed_questions import FailedQuestionStore
from sectorflow_slack.storage.feedback import FeedbackStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.slack_jobs import SlackJobQueue

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionService:
    """Handles interactions after their signature has been verified; a worker makes the calls to Slack."""

    installations: InstallationStore
    dialogs: DialogService
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
            elif block_action.dm_id and block_action.action == block_kit.ASK:
                self._open_ask_dialog(block_action, installation)
            elif block_action.value is not None and block_action.action in self._handlers:
                self._handle(block_action, block_action.value, installation)
        submission = read_view_submission(payload)
        if submission is not None:
            self.dialogs.accept(submission)

    # Buttons and menus of an answer

    def _handle(self, block_action: BlockAction, value: ActionValue, installation: Installation) -> None:
        stored = self.answers.find(value.answer_id)
        if stored is None:
            self._post_ephemeral(block_action, installation.key, "expired")
        elif not _belongs(block_action, stored, installation):
            logger.info("button ignored", extra={"question_id": value.answer_id})
        elif is_forbidden(block_action.user_tenants, stored.answer.question, installation):
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
            block_kit.COMPARE: self._open_view,
            block_kit.MODELS: self._open_view,
            block_kit.PLAIN_TEXT: self._post_plain_text,
            block_kit.VOTE: self._vote,
        }

    def _show_page(self, _: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        self.answers.show(stored.answer.id, tab=value.model, page=value.page)
        self._render(stored)

    def _switch_display(self, _: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        if value.choice in DISPLAYS:
            self.answers.show(stored.answer.id, display=value.choice)
        self._render(stored)

    def _regenerate(self, block_action: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        """Ask one model again; its new answer will replace the old one in the message."""
        answer_id = stored.answer.id
        number = self.answers.ask_again(answer_id, value.model)
        if number:
            name = f"again-{answer_id}-{value.model}-{number}"
            question = self.dialogs.next_question(
                stored,
                name,
                user_id=block_action.user_id,
                model_ids=(stored.answer.models[value.model].model_id,),
                answer_id=answer_id,
            )
            self.dialogs.accept_question(question)
        self._render(stored)

    def _open_view(self, block_action: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        job = OpenView(
            stored.answer.question.installation,
            trigger_id=block_action.trigger_id,
            view=block_action.action,
            answer_id=stored.answer.id,
            model=value.model,
        )
        self.queue.enqueue(job)

    def _post_plain_text(self, block_action: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        key, answer_id = stored.answer.question.installation, stored.answer.id
        place = block_action.ephemeral_place
        self.queue.enqueue(PostPlainText(key, answer_id=answer_id, model=value.model, **place))

    def _vote(self, block_action: BlockAction, value: ActionValue, stored: StoredAnswer) -> None:
        if value.choice in {block_kit.UP, block_kit.DOWN}:
            is_up = value.choice == block_kit.UP
            self.feedback.vote(stored.answer, value.model, block_action.user_id, up=is_up)

    # The buttons of a failed question, and of the Home tab

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
        if is_forbidden(block_action.user_tenants, failed.question, installation):
            self._post_ephemeral(block_action, installation.key, "external_person")
            return
        button_ts = block_action.message_ts or None
        question = replace(failed.question, button_ts=button_ts, is_external=False, asked_at=self.clock())
        if self.failed_questions.revive(question):
            logger.info("question asked again", extra=question.ids)

    def _open_ask_dialog(self, block_action: BlockAction, installation: Installation) -> None:
        if is_foreign(block_action.user_tenants, installation):
            logger.info("button ignored", extra=installation.key.ids)
            return
        dm, trigger_id = block_action.dm_id, block_action.trigger_id
        self.queue.enqueue(OpenView(installation.key, trigger_id=trigger_id, view="ask", channel_id=dm))

    # Jobs

    def _render(self, stored: StoredAnswer) -> None:
        self.queue.enqueue(RenderAnswer(stored.answer.question.installation, answer_id=stored.answer.id))

    def _post_ephemeral(self, block_action: BlockAction, key: InstallationKey, sentence: str) -> None:
        self.queue.enqueue(PostEphemeral(key, sentence=sentence, **block_action.ephemeral_place))


def _belongs(block_action: BlockAction, stored: StoredAnswer, installation: Installation) -> bool:
    """Whether a block action comes from the installation, the channel and a message of the answer.

    The notice that a comparison failed has its button, too: it is in the thread of the answer.
    """
    question = stored.answer.question
    is_notice = block_action.action == block_kit.COMPARE and block_action.thread_ts == (
        question.reply_thread_ts or ""
    )
    return (
        question.installation == installation.key
        and question.channel_id == block_action.channel_id
        and (not stored.posted or block_action.message_ts in stored.posted or is_notice)
    )
