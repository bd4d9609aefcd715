"""Dialogs: what users send with them, and where their questions go.

What a dialog carries proves nothing: it is checked against the payload's app and team.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.ports import Clock
from sectorflow_slack.domain.questions import Question, StoredAnswer
from sectorflow_slack.domain.slack_jobs import AnnounceModels, PostDirectMessage, PostEphemeral, refusals
from sectorflow_slack.formatting import block_kit
from sectorflow_slack.services.event_payloads import first_installed, is_external_user
from sectorflow_slack.services.interaction_payloads import ViewSubmission
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.conversations import ConversationStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.questions import QuestionStore
from sectorflow_slack.storage.slack_jobs import SlackJobQueue

logger = logging.getLogger(__name__)

#: What a user is told if the answer that a dialog is about has expired: a field of ``Words``.
_EXPIRED = {block_kit.FOLLOW_UP_DIALOG: "follow_up_failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogService:
    """Handles the submissions of dialogs."""

    installations: InstallationStore
    questions: QuestionStore
    conversations: ConversationStore
    answers: AnswerStore
    queue: SlackJobQueue
    clock: Clock

    def accept(self, submission: ViewSubmission) -> None:
        """Handle a submission; one that is not allowed is ignored."""
        installation = first_installed(self.installations, submission.app_id, submission.tenant_ids)
        if installation is None:
            logger.info("dialog ignored", extra={"app_id": submission.app_id})
        elif submission.dialog == block_kit.ASK_DIALOG:
            self._ask(submission, installation)
        elif submission.dialog in self._handlers and submission.value is not None:
            self._handle(submission, submission.value.answer_id, installation)

    def _handle(self, submission: ViewSubmission, answer_id: str, installation: Installation) -> None:
        """Handle the dialog of an answer."""
        stored = self.answers.find(answer_id)
        if stored is None:
            # The channel is unknown now.
            sentence, user_id = _EXPIRED.get(submission.dialog, "expired"), submission.user_id
            self.queue.enqueue(PostDirectMessage(installation.key, sentence=sentence, user_id=user_id))
        elif stored.answer.question.installation != installation.key or is_forbidden(
            submission.user_tenants, stored.answer.question, installation
        ):
            logger.info("dialog ignored", extra={"question_id": answer_id})
        else:
            self._handlers[submission.dialog](submission, stored, installation)

    @property
    def _handlers(self) -> Mapping[str, Callable[[ViewSubmission, StoredAnswer, Installation], None]]:
        return {
            block_kit.FOLLOW_UP_DIALOG: self._follow_up,
            block_kit.COMPARE_DIALOG: self._compare,
            block_kit.MODELS_DIALOG: self._choose_models,
        }

    def _follow_up(self, submission: ViewSubmission, stored: StoredAnswer, _: Installation) -> None:
        """Ask one model the question of a dialog, in the thread of its answer."""
        model = submission.value.model if submission.value else 0
        if not submission.question or model >= len(stored.answer.models):
            logger.info("dialog ignored", extra={"question_id": stored.answer.id})
            return
        question = self.next_question(
            stored,
            f"dialog-{submission.id}",
            user_id=submission.user_id,
            model_ids=(stored.answer.models[model].model_id,),
            text=submission.question,
            is_hidden=True,
            has_files=False,
            left_out=(),
        )
        self.accept_question(question)

    def _compare(self, submission: ViewSubmission, stored: StoredAnswer, installation: Installation) -> None:
        """Ask one model to compare an answer's models, once for each answer and model in all."""
        (model_id, *_) = *_installed(submission.model_ids, installation), ""
        if not model_id:
            logger.info("dialog ignored", extra={"question_id": stored.answer.id})
            return
        asked = stored.answer.question
        question = self.next_question(
            stored,
            f"compare-{asked.id}-{model_id}",
            user_id=submission.user_id,
            model_ids=(model_id,),
            text="",
            compares=asked.id,
        )
        self.conversations.choose_to_compare(asked, model_id)
        if not self.accept_question(question):
            place = question.ephemeral_place
            self.queue.enqueue(PostEphemeral(installation.key, sentence="compared_already", **place))

    def _choose_models(
        self, submission: ViewSubmission, stored: StoredAnswer, installation: Installation
    ) -> None:
        """Let some models only answer from now on where an answer was given; no names mean all models."""
        chosen, asked = _installed(submission.model_ids, installation), stored.answer.question
        if chosen == installation.settings.sectorflow.model_ids:
            chosen = ()
        is_new = self.conversations.choose_models(asked, chosen)
        if is_new or submission.is_open:
            view_id = submission.id if submission.is_open else ""
            self.queue.enqueue(
                AnnounceModels(installation.key, answer_id=asked.id, is_new=is_new, view_id=view_id)
            )

    def _ask(self, submission: ViewSubmission, installation: Installation) -> None:
        """Ask some models the question of a dialog, in the user's DM."""
        if (
            not submission.question
            or not submission.dm_id
            or is_foreign(submission.user_tenants, installation)
        ):
            logger.info("dialog ignored", extra=installation.key.ids)
            return
        name = f"dialog-{submission.id}"
        question = Question(
            id=uuid.uuid4().hex,
            installation=installation.key,
            event_id=name,
            channel_id=submission.dm_id,
            user_id=submission.user_id,
            ts=name,
            thread_ts=None,
            text=submission.question,
            team_id=installation.bot.team_id or "",
            is_direct=True,
            is_hidden=True,
            model_ids=_installed(submission.model_ids, installation)
            or installation.settings.sectorflow.model_ids,
            asked_at=self.clock(),
        )
        self.accept_question(question)

    def next_question(self, stored: StoredAnswer, name: str, **changes: Any) -> Question:
        """Return a question in the thread of an answer; ``name``, in place of an event's id, is its own."""
        asked = stored.answer.question
        question = replace(
            asked,
            id=uuid.uuid4().hex,
            event_id=name,
            ts=name,
            thread_ts=asked.reply_thread_ts,
            answer_id="",
            # Users who may not ask were refused before.
            is_external=False,
            asked_at=self.clock(),
            button_ts=None,
        )
        return replace(question, **changes)

    def accept_question(self, question: Question) -> bool:
        """Accept a question; False if it was accepted before, or refused.

        One that was typed may be refused, as an event's may. The others are bounded by the answers.
        """
        is_typed = question.is_hidden and not (question.answer_id or question.compares)
        notices = refusals(question.installation, **question.ephemeral_place) if is_typed else ()
        is_new = self.questions.accept(question, notices)
        logger.info("question accepted" if is_new else "question refused or repeated", extra=question.ids)
        return is_new


def is_forbidden(user_tenants: Collection[str], asked: Question, installation: Installation) -> bool:
    """Whether a user belongs to another organisation, and may use no button or dialog here."""
    return asked.is_shared and is_foreign(user_tenants, installation, asked.team_id)


def is_foreign(user_tenants: Collection[str], installation: Installation, *own: str) -> bool:
    """Whether a user belongs to another organisation, and those may not ask."""
    is_external = is_external_user(user_tenants, installation, *own)
    return is_external and not installation.settings.allow_external_users


def _installed(model_ids: Collection[str], installation: Installation) -> tuple[str, ...]:
    """Return those of the models that the installation has, in its order."""
    return tuple(each for each in installation.settings.sectorflow.model_ids if each in model_ids)
