"""Messaging: calls to Slack within its rate limits, and the posting of a plan with them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from sectorflow_slack.domain.errors import (
    SlackBusy,
    SlackError,
    SlackRefused,
    SlackRefusedMessage,
    StorageUnavailable,
)
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.metrics import SLACK_RATE_LIMITED, SLACK_SECONDS
from sectorflow_slack.domain.ports import SlackClient
from sectorflow_slack.domain.questions import STATUS, Address, Message, Plan, Question
from sectorflow_slack.formatting.notices import for_update, plainer, simpler
from sectorflow_slack.services.resilience import best_effort, retry_while_store_is_down, timed
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.metrics import Metrics
from sectorflow_slack.storage.pauses import PauseStore
from sectorflow_slack.storage.placeholders import PlaceholderStore
from sectorflow_slack.storage.questions import QuestionStore

logger = logging.getLogger(__name__)

POST = "chat.postMessage"
UPDATE = "chat.update"
DELETE = "chat.delete"
POST_EPHEMERAL = "chat.postEphemeral"

#: Slack's codes for one of our messages that cannot be changed any more (docs.slack.dev, chat.update).
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
    """Posts, updates and deletes single messages of an installation.

    Every method may raise ``SlackError``: ``SlackBusy`` with ``retry_after`` while Slack limits the method
    for this installation.
    """

    installations: InstallationStore
    pauses: PauseStore
    slack: SlackClient
    metrics: Metrics
    #: The app that customers share: its messages carry the customer's name for it.
    shared_app_id: str | None

    def is_paused(self, installation: Installation) -> bool:
        """Whether Slack limits this installation's messages now, so that placeholders are left out.

        A placeholder costs a call, and its answer is then an update, of which Slack takes some 50 a minute
        (docs.slack.dev, rate limits: tier 3).
        """
        return any(self.pauses.remaining(installation.key, method) > 0 for method in (POST, UPDATE))

    def post(self, installation: Installation, address: Address, message: Message) -> str:
        """Post a message and return its ``ts``."""
        named = self._with_username(installation, address)
        with self._within_rate_limit(installation, POST), timed(self.metrics, SLACK_SECONDS):
            ts = self.slack.post(installation.bot.bot_token, named, message)
        self._remember_refusal(installation, message)
        return ts

    def update(self, installation: Installation, channel_id: str, ts: str, message: Message) -> None:
        """Replace one of our messages with another."""
        with self._within_rate_limit(installation, UPDATE):
            self.slack.update(installation.bot.bot_token, channel_id, ts, for_update(message))
        self._remember_refusal(installation, message)

    def post_or_update(self, installation: Installation, address: Address, message: Message, ts: str) -> str:
        """Replace the message ``ts``, or post a new one if that is "" or gone; return the ``ts`` of it.

        A message that cannot become one of another kind (``block_mismatch``) is deleted.
        """
        code = ""
        if ts:
            try:
                self.update(installation, address.channel_id, ts, message)
            except SlackRefused as error:
                if error.code not in GONE_CODES:
                    raise
                code = error.code
                logger.info("message posted again: %s", code)
            else:
                return ts
        posted = self.post(installation, address, message)
        if code == "block_mismatch":
            try:
                self.delete(installation, address.channel_id, ts)
            except (SlackError, StorageUnavailable):
                # The new message counts: an error would have it posted again.
                logger.warning("message of another kind not deleted", extra=installation.key.ids)
        return posted

    def delete(self, installation: Installation, channel_id: str, ts: str) -> None:
        """Delete one of our messages; a message that is gone is no error."""
        with self._within_rate_limit(installation, DELETE):
            try:
                self.slack.delete(installation.bot.bot_token, channel_id, ts)
            except SlackRefused as error:
                if error.code not in GONE_CODES:
                    raise

    def post_ephemeral(
        self, installation: Installation, address: Address, user_id: str, message: Message
    ) -> None:
        """Post a message in a channel that one user sees."""
        named = self._with_username(installation, address)
        with self._within_rate_limit(installation, POST_EPHEMERAL):
            self.slack.post_ephemeral(installation.bot.bot_token, named, user_id, message)

    def _remember_refusal(self, installation: Installation, message: Message) -> None:
        """Record what Slack refuses, once it has taken the same message without it."""
        if message.without and message.without not in installation.refused:
            with best_effort("refusal not stored", installation.key.ids):
                self.installations.mark_refused(installation.key, message.without)
            logger.warning("Slack refuses messages with %s", message.without, extra=installation.key.ids)

    def _with_username(self, installation: Installation, address: Address) -> Address:
        is_shared = installation.settings.app_id == self.shared_app_id
        return replace(address, username=installation.settings.app_name if is_shared else None)

    @contextmanager
    def _within_rate_limit(self, installation: Installation, method: str) -> Iterator[None]:
        """Raise ``SlackBusy`` instead of a call that Slack would limit, and store a limit that it names."""
        seconds = self.pauses.remaining(installation.key, method)
        if seconds > 0:
            raise SlackBusy("ratelimited", seconds)
        try:
            yield
        except SlackBusy as error:
            if error.retry_after is not None:
                self.metrics.count(SLACK_RATE_LIMITED)
                self.pauses.pause(installation.key, method, error.retry_after)
            raise


#: Seconds between two looks whether a placeholder that is being posted is there.
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingService:
    """Posts the messages of a plan, continuing after those that an earlier try posted."""

    questions: QuestionStore
    placeholders: PlaceholderStore
    messaging: MessagingService
    #: The holders of questions with a message that Slack may have taken and that is not stored as posted.
    in_flight: set[str] = field(default_factory=set, init=False)

    def post_plan(
        self, question: Question, installation: Installation, plan: Plan, posted: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Post the messages of a plan that are not posted yet; return the ``ts`` of all of them.

        The first replaces the placeholder, if there is one.
        """
        placeholder = "" if posted or not plan.messages else self.take_over(question)
        while len(posted) < len(plan.messages):
            message = plan.messages[len(posted)]
            self.questions.assert_held(question)
            self.in_flight.add(question.holder)
            try:
                ts = self.messaging.post_or_update(installation, address_of(question), message, placeholder)
                posted, placeholder = (*posted, ts), ""
                retry_while_store_is_down(partial(self.questions.mark_posted, question, posted))
                logger.info("message posted", extra={**question.ids, "number": len(posted)})
            except SlackRefusedMessage as error:
                forms, at = plainer_forms(message, error), len(posted)
                logger.warning("message posted plainer: %s", error.code, extra=question.ids)
                plan = replace(plan, messages=(*plan.messages[:at], *forms, *plan.messages[at + 1 :]))
                retry_while_store_is_down(partial(self.questions.save_plan, question, plan, posted))
            finally:
                self.in_flight.discard(question.holder)
        return posted

    def take_over(self, question: Question) -> str:
        """Return the ``ts`` of the question's placeholder, "" for none; none is posted from now on."""
        while (placeholder := self.placeholders.take_over(question)) is None:
            time.sleep(POLL_SECONDS)
        # Slack itself removes a status with the first message.
        return "" if placeholder == STATUS else placeholder


def address_of(question: Question) -> Address:
    """Return the channel and thread of a question's answer."""
    return Address(question.channel_id, question.reply_thread_ts)


def plainer_forms(message: Message, refusal: SlackRefusedMessage) -> tuple[Message, ...]:
    """Return the next plainer form of a message that Slack refused, as one message or several.

    If the message is in its plainest form, raise the refusal.
    """
    if not message.blocks:
        raise refusal
    simple = simpler(message)
    return (simple,) if simple != message else plainer(message)
