"""What people see while their question is worked on: that it was taken, and that it still goes on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from sectorflow_slack.domain.errors import SlackError, SlackRefused, StorageUnavailable
from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.messages import Message
from sectorflow_slack.domain.question_stores import STATUS, InterimStore, Waiting
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.domain.remotes import Clock, SlackClient
from sectorflow_slack.domain.stores import InstallationStore
from sectorflow_slack.formatting.interim import asking, status, still_going
from sectorflow_slack.formatting.plain import notice
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.insisting import insist
from sectorflow_slack.services.plans import model_names
from sectorflow_slack.services.speaking import SpeakingService, place_of
from sectorflow_slack.services.tokens import TokenService

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterimService:
    """Puts something in the place where the answer will be."""

    installations: InstallationStore
    interim: InterimStore
    tokens: TokenService
    speaking: SpeakingService
    slack: SlackClient
    clock: Clock

    def greet(self, question_id: str, installation: Installation, stand_in: str = "") -> None:
        """Show that a question was taken, unless its answer is quicker or Slack wants fewer calls.

        It is shown in ``stand_in``, if there is one.

        Raises:
            SlackError: Slack did not take it; nothing is lost, the answer will be posted all the same.

        """
        quiet = self.speaking.is_quiet(installation)
        question = None if quiet else self.interim.claim(question_id, stand_in)
        if question is not None:
            names = model_names(installation, question.model_ids)
            self._show(question, installation, asking(names, words_for(question.locale)), stand_in)

    def tell_all(self) -> None:
        """Tell the people whose questions have been open for long; all workers may be too busy to."""
        for key in self.interim.slow():
            self.tell(key)

    def tell(self, key: InstallationKey) -> None:
        """Tell the people of one installation that their questions go on."""
        installation = self.installations.find(key)
        if installation is None or self.speaking.is_quiet(installation):
            return
        untold = list(self.interim.untold(key))
        try:
            installation = self.tokens.fresh(installation)
            while untold:
                self._tell_if_possible(untold[0], installation)
                untold.pop(0)
        except SlackError as error:
            logger.info("not told to wait: %s", error.code, extra={"installation": str(key)})
            self.interim.leave_untold([waiting.question for waiting in untold])

    def _tell_if_possible(self, waiting: Waiting, installation: Installation) -> None:
        """Tell one person; where Slack refuses that for good, the others are told all the same."""
        try:
            self._tell(waiting, installation)
        except SlackRefused as error:
            logger.info("not told to wait: %s", error.code, extra=waiting.question.ids)

    def _tell(self, waiting: Waiting, installation: Installation) -> None:
        question = waiting.question
        words = words_for(question.locale)
        if question.answer_id:
            return  # its place is taken by the old answer, which says that it is asked again
        told = notice(words.still_waiting)
        if not waiting.in_line:
            told = still_going(self.clock() - question.asked_at, words)
        if waiting.interim == STATUS:
            self._set_status(question, installation, _status(question, installation))
        # Claimed, or it might be put over the answer that is just taking its place.
        elif self.interim.claim(question.id, waiting.interim) is not None:
            self._show(question, installation, told, waiting.interim)

    def _show(self, question: Question, installation: Installation, message: Message, stand_in: str) -> None:
        """Show something in a claimed place; take it away again where the answer came first."""
        try:
            if stand_in:
                self.speaking.update(installation, question.channel_id, stand_in, message)
            shown = stand_in or self._status_or_message(question, installation, message)
        except SlackError:
            self.interim.drop(question.id, stand_in)
            raise
        if self._keep(question.id, shown) or stand_in:
            return
        if shown == STATUS:
            self._set_status(question, installation, "")
        else:
            self.speaking.delete(installation, question.channel_id, shown)

    def _keep(self, question_id: str, shown: str) -> bool:
        """Record what is shown; False only where nobody can have put the answer there."""
        try:
            return self.interim.keep(question_id, shown)
        except StorageUnavailable:
            # Else nobody would know of what stands in the channel now. It may have been recorded though, and
            # be the answer by now.
            insist(partial(self.interim.keep, question_id, shown))
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
        return self.speaking.post(installation, place_of(question), message)

    def _set_status(self, question: Question, installation: Installation, text: str) -> None:
        token = installation.bot.bot_token
        self.slack.set_status(token, question.channel_id, question.thread_ts or question.ts, text)


def _status(question: Question, installation: Installation) -> str:
    count = len(question.model_ids or installation.terms.sectorflow.model_ids)
    return status(count, words_for(question.locale))
