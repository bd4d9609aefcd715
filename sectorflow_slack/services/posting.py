"""Posting: message by message, each only by who holds the question, and not while Slack wants quiet."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial

from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefusedMessage
from sectorflow_slack.domain.interfaces import PauseStore, QuestionStore, SlackClient
from sectorflow_slack.domain.metrics import SLACK_RATE_LIMITED, SLACK_SECONDS, Metrics
from sectorflow_slack.domain.models import Address, Installation, Message, Question
from sectorflow_slack.domain.progress import Plan
from sectorflow_slack.formatting.plain import notice, plainer
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.insisting import insist
from sectorflow_slack.services.timing import timed

logger = logging.getLogger(__name__)

POST = "chat.postMessage"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingService:
    """Says a plan in Slack, going on where an earlier try stopped."""

    questions: QuestionStore
    pauses: PauseStore
    slack: SlackClient
    metrics: Metrics
    #: The app whose name belongs to nobody in particular; its posts carry the customer's name for it.
    shared_app_id: str | None
    #: The holders of questions of which a message is on its way to Slack, or taken and not yet recorded.
    under_way: set[str] = field(default_factory=set, init=False)

    def say(self, question: Question, installation: Installation, plan: Plan, posted: int) -> None:
        """Post the messages of a plan that are not posted yet."""
        try:
            self._say(question, installation, plan, posted)
        finally:
            self.under_way.discard(question.holder)

    def _say(self, question: Question, installation: Installation, plan: Plan, posted: int) -> None:
        while posted < len(plan.messages):
            message = plan.messages[posted]
            try:
                self.questions.confirm(question)
                self.under_way.add(question.holder)
                self.post(question, installation, message)
            except SlackRefusedMessage as error:
                if not message.blocks:
                    raise
                logger.warning("message posted plainer: %s", error.code, extra=question.ids)
                plain = (*plan.messages[:posted], *plainer(message), *plan.messages[posted + 1 :])
                plan = replace(plan, messages=plain)
                insist(partial(self.questions.save_plan, question, plan, posted))
            else:
                posted += 1
                insist(partial(self.questions.mark_posted, question, posted))
                self.under_way.discard(question.holder)
                logger.info("message posted", extra={**question.ids, "number": posted})

    def acknowledge_button(self, question: Question, installation: Installation) -> None:
        """Put a word in the place of the button that asked for this; it is no loss if that fails."""
        if question.button_ts is None:
            return
        token, heard = installation.bot.bot_token, notice(ENGLISH.asked_again)
        try:
            self.slack.update(token, question.channel_id, question.button_ts, heard)
        except SlackError as error:
            logger.info("button not replaced: %s", error.code, extra=question.ids)

    def is_quiet(self, installation: Installation) -> bool:
        """Say whether Slack wants no posts of this installation for a while."""
        return self.pauses.remaining(installation.key, POST) > 0

    def post(self, question: Question, installation: Installation, message: Message) -> None:
        """Post one message to where a question was asked.

        Raises:
            SlackError: Slack did not take it, or wants no calls for a while.

        """
        quiet = self.pauses.remaining(installation.key, POST)
        if quiet > 0:
            raise SlackBusy("ratelimited", quiet)
        shared = installation.terms.app_id == self.shared_app_id
        username = installation.terms.app_name if shared else None
        address = Address(question.channel_id, question.reply_thread_ts, username)
        try:
            with timed(self.metrics, SLACK_SECONDS):
                self.slack.post(installation.bot.bot_token, address, message)
        except SlackBusy as error:
            if error.retry_after is not None:
                self.metrics.count(SLACK_RATE_LIMITED)
                self.pauses.pause(installation.key, POST, error.retry_after)
            raise
