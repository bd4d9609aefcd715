"""What people see while their question is worked on: that it was taken, and that it still goes on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from sectorflow_slack.domain.errors import SlackError, SlackRefused, StorageUnavailable
from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.ports import Clock, SlackClient
from sectorflow_slack.domain.questions import STATUS, Message, Question, Waiting
from sectorflow_slack.formatting.interim import asking, status, still_going
from sectorflow_slack.formatting.plain import notice
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
    """Puts something in the place where the answer will be."""

    installations: InstallationStore
    placeholders: PlaceholderStore
    tokens: TokenService
    messaging: MessagingService
    slack: SlackClient
    clock: Clock

    def post(self, question_id: str, installation: Installation, placeholder: str = "") -> None:
        """Show that a question was taken, unless its answer is quicker or Slack wants fewer calls.

        It is shown in ``stand_in``, if there is one.

        Raises:
            SlackError: Slack did not take it; nothing is lost, the answer will be posted all the same.

        """
        quiet = self.messaging.is_paused(installation)
        question = None if quiet else self.placeholders.claim(question_id, placeholder)
        if question is not None:
            names = model_names(installation, question.model_ids)
            self._show(question, installation, asking(names, words_for(question.locale)), placeholder)

    def notify_slow(self) -> None:
        """Tell the people whose questions have been open for long; all workers may be too busy to."""
        for key in self.placeholders.slow():
            self.notify(key)

    def notify(self, key: InstallationKey) -> None:
        """Tell the people of one installation that their questions go on."""
        installation = self.installations.find(key)
        if installation is None or self.messaging.is_paused(installation):
            return
        untold = list(self.placeholders.take_unnotified(key))
        try:
            installation = self.tokens.ensure_fresh(installation)
            while untold:
                self._notify_if_possible(untold[0], installation)
                untold.pop(0)
        except SlackError as error:
            logger.info("not told to wait: %s", error.code, extra={"installation": str(key)})
            self.placeholders.mark_unnotified([waiting.question for waiting in untold])

    def _notify_if_possible(self, waiting: Waiting, installation: Installation) -> None:
        """Tell one person; where Slack refuses that for good, the others are told all the same."""
        try:
            self._notify(waiting, installation)
        except SlackRefused as error:
            logger.info("not told to wait: %s", error.code, extra=waiting.question.ids)

    def _notify(self, waiting: Waiting, installation: Installation) -> None:
        question = waiting.question
        words = words_for(question.locale)
        if question.answer_id:
            return  # its place is taken by the old answer, which says that it is asked again
        told = notice(words.still_waiting)
        if not waiting.in_line:
            told = still_going(self.clock() - question.asked_at, words)
        if waiting.placeholder == STATUS:
            self._set_status(question, installation, _status(question, installation))
        # Claimed, or it might be put over the answer that is just taking its place.
        elif self.placeholders.claim(question.id, waiting.placeholder) is not None:
            self._show(question, installation, told, waiting.placeholder)

    def _show(
        self, question: Question, installation: Installation, message: Message, placeholder: str
    ) -> None:
        """Show something in a claimed place; take it away again where the answer came first."""
        try:
            if placeholder:
                self.messaging.update(installation, question.channel_id, placeholder, message)
            shown = placeholder or self._status_or_message(question, installation, message)
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
        """Record what is shown; False only where nobody can have put the answer there."""
        try:
            return self.placeholders.store(question_id, shown)
        except StorageUnavailable:
            # Else nobody would know of what stands in the channel now. It may have been recorded though, and
            # be the answer by now.
            retry_while_store_is_down(partial(self.placeholders.store, question_id, shown))
            return True

    def _status_or_message(self, question: Question, installation: Installation, message: Message) -> str:
        # Slack shows a status in the threads of an agent's DM; elsewhere it is not sure to
        # (docs.slack.dev, assistant.threads.setStatus).
        if question.is_direct and question.thread_ts:
            try:
                self._set_status(question, installation, _status(question, installation))
            except SlackRefused as error:
                logger.info("no status: %s", error.code, extra=question.ids)
            else:
                return STATUS
        return self.messaging.post(installation, address_of(question), message)

    def _set_status(self, question: Question, installation: Installation, text: str) -> None:
        token = installation.bot.bot_token
        self.slack.set_status(token, question.channel_id, question.thread_ts or question.ts, text)


def _status(question: Question, installation: Installation) -> str:
    count = len(question.model_ids or installation.settings.sectorflow.model_ids)
    return status(count, words_for(question.locale))
