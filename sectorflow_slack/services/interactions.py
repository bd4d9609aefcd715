"""Button presses: what a button carries is a claim, checked again against app, team, channel and message."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sectorflow_slack.domain.errands import Errand, Kind
from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.progress import KeptAnswer
from sectorflow_slack.domain.question_stores import AnswerStore, FeedbackStore, LetterStore
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.domain.remotes import TaskQueue
from sectorflow_slack.domain.stores import InstallationStore
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.actions import ActionValue
from sectorflow_slack.services.installed import first_installed
from sectorflow_slack.services.payloads import is_stranger
from sectorflow_slack.services.presses import Press, Submission, read_presses, read_submission
from sectorflow_slack.services.reasking import ReaskingService

logger = logging.getLogger(__name__)

#: What costs the customer something, and is not for people of other organisations unless they may ask.
COSTLY = frozenset({actions.REGENERATE, actions.FOLLOW_UP})


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionService:
    """Takes in what people press, once the signature has verified; whatever asks Slack is an errand."""

    installations: InstallationStore
    letters: LetterStore
    answers: AnswerStore
    feedback: FeedbackStore
    reasking: ReaskingService
    queue: TaskQueue

    def accept(self, payload: Mapping[str, Any]) -> None:
        """Take in one interaction payload (docs.slack.dev, interactivity)."""
        for press in read_presses(payload):
            installation = first_installed(self.installations, press.app_id, press.tenant_ids)
            if installation is None:
                logger.info("button ignored", extra={"app_id": press.app_id})
            elif press.letter_id and press.action == actions.ASK_AGAIN:
                self._ask_letter_again(press, installation)
            elif press.value is not None and press.action in self._handlers:
                self._take_in(press, press.value, installation)
        submission = read_submission(payload, actions.FOLLOW_UP_DIALOG)
        if submission is not None and submission.value is not None:
            self._follow_up(submission, submission.value)

    @property
    def _handlers(self) -> Mapping[str, Callable[[Press, ActionValue, KeptAnswer], None]]:
        return {
            actions.SHOW_TAB: self._show,
            actions.TURN_PAGE: self._show,
            actions.SWITCH_DISPLAY: self._switch,
            actions.REGENERATE: self._ask_model_again,
            actions.FOLLOW_UP: lambda press, value, kept: self._send("dialog", press, kept),
            actions.PLAIN_TEXT: lambda press, value, kept: self._send("copy", press, kept),
            actions.VOTE: self._vote,
        }

    def _take_in(self, press: Press, value: ActionValue, installation: Installation) -> None:
        kept = self.answers.find(value.answer_id)
        if kept is None:
            self._tell(press, installation.key, "expired")
        elif not _belongs(press, kept, installation):
            logger.info("button ignored", extra={"question_id": value.answer_id})
        elif press.action in COSTLY and _is_shut_out(press.user_tenants, kept.answer.question, installation):
            self._tell(press, installation.key, "external_person")
        elif value.model < len(kept.answer.models):
            self._handlers[press.action](press, value, kept)

    def _show(self, press: Press, value: ActionValue, kept: KeptAnswer) -> None:
        """Open a tab, or turn a page of one."""
        self.answers.show(kept.answer.id, tab=value.model, page=value.page)
        self._send("draw", press, kept)

    def _switch(self, press: Press, value: ActionValue, kept: KeptAnswer) -> None:
        self.answers.show(kept.answer.id, display="tabs" if value.choice == "tabs" else "separated")
        self._send("draw", press, kept)

    def _vote(self, press: Press, value: ActionValue, kept: KeptAnswer) -> None:
        if value.choice in {actions.UP, actions.DOWN}:
            self.feedback.vote(kept.answer, value.model, press.user_id, up=value.choice == actions.UP)

    def _ask_model_again(self, press: Press, value: ActionValue, kept: KeptAnswer) -> None:
        self.reasking.model(kept, value.model, press.user_id)
        self._send("draw", press, kept)

    def _ask_letter_again(self, press: Press, installation: Installation) -> None:
        letter = self.letters.find(press.letter_id)
        if (
            letter is None
            or letter.question.installation != installation.key
            or letter.question.channel_id != press.channel_id
        ):
            logger.info("button ignored", extra={"question_id": press.letter_id})
        else:
            self.reasking.letter(letter, press.message_ts)

    def _follow_up(self, submission: Submission, value: ActionValue) -> None:
        """Ask one model what somebody asked it in a dialog."""
        installation = first_installed(self.installations, submission.app_id, submission.tenant_ids)
        kept = self.answers.find(value.answer_id)
        if installation is not None and kept is None:
            # Nobody knows any more which channel it was: told in a DM.
            errand = Errand("tell", installation.key, user_id=submission.user_id, sentence="follow_up_failed")
            self.queue.run(errand)
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

    def _send(self, kind: Kind, press: Press, kept: KeptAnswer) -> None:
        errand = Errand(
            kind,
            kept.answer.question.installation,
            question_id=kept.answer.id,
            model=press.value.model if press.value else 0,
            user_id=press.user_id,
            channel_id=press.channel_id,
            thread_ts=press.thread_ts,
            trigger_id=press.trigger_id,
        )
        self.queue.run(errand)

    def _tell(self, press: Press, key: InstallationKey, sentence: str) -> None:
        errand = Errand(
            "tell",
            key,
            user_id=press.user_id,
            channel_id=press.channel_id,
            thread_ts=press.thread_ts,
            sentence=sentence,
        )
        self.queue.run(errand)


def _belongs(press: Press, kept: KeptAnswer, installation: Installation) -> bool:
    """Say whether the press comes from the installation, the channel and a message of the answer."""
    question = kept.answer.question
    return (
        question.installation == installation.key
        and question.channel_id == press.channel_id
        and (not kept.posted or press.message_ts in kept.posted)
    )


def _is_shut_out(person: Collection[str], asked: Question, installation: Installation) -> bool:
    """Say whether somebody is of another organisation, and may not ask here."""
    if installation.terms.allow_external_users or not asked.is_shared:
        return False
    return is_stranger(person, installation, asked.team_id)
