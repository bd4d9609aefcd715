"""Placeholders: what users see until their answer is posted."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from sectorflow_slack.domain.errors import SlackError, SlackRefused, StorageUnavailable
from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.ports import Clock, SlackClient
from sectorflow_slack.domain.questions import STATUS, Message, Question, Waiting
from sectorflow_slack.formatting.notices import asking, notice, status, still_going
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.asking import model_names
from sectorflow_slack.services.messaging import MessagingService, address_of
from sectorflow_slack.services.resilience import retry_while_store_is_down
from sectorflow_slack.services.tokens import TokenService
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.placeholders import PlaceholderStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceholderService:
    """Posts placeholders, and notifies users whose answers take a long time."""

    installations: InstallationStore
    placeholders: PlaceholderStore
    tokens: TokenService
    messaging: MessagingService
    slack: SlackClient
    clock: Clock

    def post(self, question_id: str, installation: Installation, placeholder: str = "") -> None:
        """Show that the models are asked, unless the answer is there or Slack limits messages.

        A message that has the place of the answer already, ``placeholder``, is updated instead. Raises
        ``SlackError`` if Slack did not take it; the answer will be posted all the same.
        """
        if self.messaging.is_paused(installation):
            return
        question = self.placeholders.claim(question_id, placeholder)
        if question is not None:
            names = model_names(installation, question.model_ids)
            self._show(question, installation, asking(names, words_for(question.locale)), placeholder)

    def notify_slow(self) -> None:
        """Notify the users of all installations whose questions have been open for a long time."""
        for key in self.placeholders.slow():
            self.notify(key)

    def notify(self, key: InstallationKey) -> None:
        """Notify the users of an installation whose questions have been open for a long time."""
        installation = self.installations.find(key)
        if installation is None or self.messaging.is_paused(installation):
            return
        waiting = list(self.placeholders.take_unnotified(key))
        try:
            installation = self.tokens.ensure_fresh(installation)
            while waiting:
                try:
                    self._notify(waiting[0], installation)
                except SlackRefused as error:
                    logger.info("user not notified: %s", error.code, extra=waiting[0].question.ids)
                waiting.pop(0)
        except SlackError as error:
            logger.info("users not notified: %s", error.code, extra=key.ids)
            self.placeholders.mark_unnotified([each.question for each in waiting])

    def _notify(self, waiting: Waiting, installation: Installation) -> None:
        question, words = waiting.question, words_for(waiting.question.locale)
        if question.answer_id:
            return  # The answer itself says that one of its models is asked again.
        if waiting.placeholder == STATUS:
            self._set_status(question, installation)
        # Without the claim it might overwrite the answer, if that is posted just now.
        elif self.placeholders.claim(question.id, waiting.placeholder) is not None:
            message = still_going(self.clock() - question.asked_at, words)
            if waiting.in_line:
                message = notice(words.still_waiting)
            self._show(question, installation, message, waiting.placeholder)

    def _show(
        self, question: Question, installation: Installation, message: Message, placeholder: str
    ) -> None:
        """Show a claimed placeholder; delete it again if the answer was posted first."""
        try:
            if placeholder:
                self.messaging.update(installation, question.channel_id, placeholder, message)
            shown = placeholder or self._post(question, installation, message)
        except SlackError:
            self.placeholders.release(question.id, placeholder)
            raise
        if self._store(question.id, shown) or placeholder:
            return
        if shown == STATUS:
            self._set_status(question, installation, "")
        else:
            self.messaging.delete(installation, question.channel_id, shown)

    def _store(self, question_id: str, shown: str) -> bool:
        """Store a placeholder; False only if the answer cannot have replaced it."""
        try:
            return self.placeholders.store(question_id, shown)
        except StorageUnavailable:
            # The message is in the channel, so it must be stored. The first try may have stored it, though,
            # and the answer may have replaced it since: it must not be deleted.
            retry_while_store_is_down(partial(self.placeholders.store, question_id, shown))
            return True

    def _post(self, question: Question, installation: Installation, message: Message) -> str:
        # Slack shows a status in the threads of an agent's DM, and not reliably elsewhere
        # (docs.slack.dev, assistant.threads.setStatus).
        if question.is_direct and question.thread_ts:
            try:
                self._set_status(question, installation)
            except SlackRefused as error:
                logger.info("no status: %s", error.code, extra=question.ids)
            else:
                return STATUS
        return self.messaging.post(installation, address_of(question), message)

    def _set_status(self, question: Question, installation: Installation, text: str | None = None) -> None:
        """Set the status that the models are asked, or another text; "" ends it."""
        if text is None:
            names = model_names(installation, question.model_ids)
            text = status(names, words_for(question.locale))
        thread_ts = question.thread_ts or question.ts
        self.slack.set_status(installation.bot.bot_token, question.channel_id, thread_ts, text)
