"""Speaking: single calls that say something in Slack, none while Slack wants quiet."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused, SlackRefusedMessage
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.metrics import SLACK_RATE_LIMITED, SLACK_SECONDS
from sectorflow_slack.domain.ports import SlackClient
from sectorflow_slack.domain.questions import STATUS, Address, Message, Plan, Question
from sectorflow_slack.formatting.plain import plainer, simpler
from sectorflow_slack.services.resilience import retry_while_store_is_down, timed
from sectorflow_slack.storage.metrics import Metrics
from sectorflow_slack.storage.pauses import PauseStore
from sectorflow_slack.storage.placeholders import PlaceholderStore
from sectorflow_slack.storage.questions import QuestionStore

logger = logging.getLogger(__name__)


POST = "chat.postMessage"
UPDATE = "chat.update"
DELETE = "chat.delete"
POST_EPHEMERAL = "chat.postEphemeral"

#: Slack says these of a message of ours that cannot be changed any more (docs.slack.dev, chat.update).
GONE_CODES = frozenset(
    {
        "block_mismatch",
        "cant_delete_message",
        "cant_update_message",
        "edit_window_closed",
        "is_inactive",
        "message_not_found",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingService:
    """Says one thing at a time for an installation.

    Every method may raise ``SlackError``; ``SlackBusy`` with ``retry_after`` where Slack wants no such call
    of this installation for a while.
    """

    pauses: PauseStore
    slack: SlackClient
    metrics: Metrics
    #: The app whose name belongs to nobody in particular; its posts carry the customer's name for it.
    shared_app_id: str | None

    def is_paused(self, installation: Installation) -> bool:
        """Say whether Slack wants fewer calls of this installation for a while, so that answers come first.

        What stands in for an answer costs a call to post it, and makes the answer a change of it, of which
        Slack takes some 50 a minute (docs.slack.dev, rate limits: tier 3).
        """
        return any(self.pauses.remaining(installation.key, method) > 0 for method in (POST, UPDATE))

    def post(self, installation: Installation, place: Address, message: Message) -> str:
        """Post a message and give its ``ts``."""
        with self._not_too_often(installation, POST), timed(self.metrics, SLACK_SECONDS):
            return self.slack.post(installation.bot.bot_token, self._signed(installation, place), message)

    def update(self, installation: Installation, channel_id: str, ts: str, message: Message) -> None:
        """Put another message in the place of one of ours."""
        with self._not_too_often(installation, UPDATE):
            self.slack.update(installation.bot.bot_token, channel_id, ts, message)

    def post_or_update(self, installation: Installation, place: Address, message: Message, ts: str) -> str:
        """Put a message in the place of ``ts``, or post it where that is "" or gone; gives where it is."""
        if ts:
            try:
                self.update(installation, place.channel_id, ts, message)
            except SlackRefused as error:
                if error.code not in GONE_CODES:
                    raise
                logger.info("message posted anew: %s", error.code)
            else:
                return ts
        return self.post(installation, place, message)

    def delete(self, installation: Installation, channel_id: str, ts: str) -> None:
        """Delete a message of ours; one that is gone is no error."""
        with self._not_too_often(installation, DELETE):
            try:
                self.slack.delete(installation.bot.bot_token, channel_id, ts)
            except SlackRefused as error:
                if error.code not in GONE_CODES:
                    raise

    def post_ephemeral(
        self, installation: Installation, place: Address, user_id: str, message: Message
    ) -> None:
        """Say something to one person in a channel."""
        with self._not_too_often(installation, POST_EPHEMERAL):
            token, signed = installation.bot.bot_token, self._signed(installation, place)
            self.slack.post_ephemeral(token, signed, user_id, message)

    def _signed(self, installation: Installation, place: Address) -> Address:
        shared = installation.settings.app_id == self.shared_app_id
        return Address(place.channel_id, place.thread_ts, installation.settings.app_name if shared else None)

    @contextmanager
    def _not_too_often(self, installation: Installation, method: str) -> Iterator[None]:
        quiet = self.pauses.remaining(installation.key, method)
        if quiet > 0:
            raise SlackBusy("ratelimited", quiet)
        try:
            yield
        except SlackBusy as error:
            if error.retry_after is not None:
                self.metrics.count(SLACK_RATE_LIMITED)
                self.pauses.pause(installation.key, method, error.retry_after)
            raise


def address_of(question: Question) -> Address:
    """Give where a question's answer goes."""
    return Address(question.channel_id, question.reply_thread_ts)


def next_form(message: Message, refusal: SlackRefusedMessage) -> tuple[Message, ...]:
    """Give the next plainer form of a message that Slack refused.

    Raises:
        SlackRefusedMessage: it is as plain as can be; that refusal stands.

    """
    if not message.blocks:
        raise refusal
    simple = simpler(message)
    return (simple,) if simple != message else plainer(message)


#: How often is looked whether what stands in for the answer is there by now.
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingService:
    """Says a plan in Slack, going on where an earlier try stopped."""

    questions: QuestionStore
    placeholders: PlaceholderStore
    messaging: MessagingService
    #: The holders of questions of which a message is on its way to Slack, or taken and not yet recorded.
    in_flight: set[str] = field(default_factory=set, init=False)

    def post_plan(
        self, question: Question, installation: Installation, plan: Plan, posted: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Post the messages of a plan that are not posted yet; gives the ``ts`` of all of them.

        The first takes the place of what stands in for the answer, if something does.
        """
        try:
            return self._post_plan(question, installation, plan, posted)
        finally:
            self.in_flight.discard(question.holder)

    def _post_plan(
        self, question: Question, installation: Installation, plan: Plan, posted: tuple[str, ...]
    ) -> tuple[str, ...]:
        placeholder = "" if posted or not plan.messages else self.take_over(question)
        while len(posted) < len(plan.messages):
            message = plan.messages[len(posted)]
            try:
                self.questions.assert_held(question)
                self.in_flight.add(question.holder)
                ts = self.messaging.post_or_update(installation, address_of(question), message, placeholder)
            except SlackRefusedMessage as error:
                plan = _in_next_form(plan, len(posted), error)
                logger.warning("message posted plainer: %s", error.code, extra=question.ids)
                retry_while_store_is_down(partial(self.questions.save_plan, question, plan, posted))
            else:
                posted, placeholder = (*posted, ts), ""
                retry_while_store_is_down(partial(self.questions.mark_posted, question, posted))
                self.in_flight.discard(question.holder)
                logger.info("message posted", extra={**question.ids, "number": len(posted)})
        return posted

    def take_over(self, question: Question) -> str:
        """Give the message that stands in for the answer, "" for none; nobody posts one from now on."""
        while (placeholder := self.placeholders.take_over(question)) is None:
            time.sleep(LOOK_SECONDS)
        # Slack itself takes a status away with the first message.
        return "" if placeholder == STATUS else placeholder


def _in_next_form(plan: Plan, at: int, error: SlackRefusedMessage) -> Plan:
    forms = next_form(plan.messages[at], error)
    return replace(plan, messages=(*plan.messages[:at], *forms, *plan.messages[at + 1 :]))
