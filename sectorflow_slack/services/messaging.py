"""Messaging: calls to Slack within its rate limits, and the posting of a plan with them."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from sectorflow_slack.domain.errors import (
    LeaseLost,
    SlackBusy,
    SlackError,
    SlackRefused,
    SlackRefusedMessage,
    StorageUnavailable,
)
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.metrics import SLACK_RATE_LIMITED, SLACK_SECONDS
from sectorflow_slack.domain.ports import SlackClient
from sectorflow_slack.domain.questions import Address, Message, Plan, Question
from sectorflow_slack.formatting.notices import for_update, plainer, simpler
from sectorflow_slack.services.resilience import best_effort, retry_while_store_is_down, timed
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.metrics import Metrics
from sectorflow_slack.storage.pauses import PauseStore
from sectorflow_slack.storage.questions import QuestionStore

logger = logging.getLogger(__name__)

POST = "chat.postMessage"
UPDATE = "chat.update"
DELETE = "chat.delete"
POST_EPHEMERAL = "chat.postEphemeral"

#: Slack's codes if the app may not post in a channel.
NO_ACCESS_CODES = frozenset({"not_in_channel", "channel_not_found"})
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
        """Whether Slack limits this installation's messages now, so that only answers are posted."""
        return self.pauses.remaining(installation.key, POST) > 0

    def post(
        self, installation: Installation, address: Address, message: Message, client_msg_id: str = ""
    ) -> str:
        """Post a message and return its ``ts``; ``client_msg_id`` is the same each time it is posted."""
        named = self._with_username(installation, address)
        with self._within_rate_limit(installation, POST), timed(self.metrics, SLACK_SECONDS):
            ts = self.slack.post(installation.bot.bot_token, named, message, client_msg_id)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingService:
    """Posts the messages of a plan, continuing after those that an earlier try posted."""

    questions: QuestionStore
    messaging: MessagingService
    #: The holders of questions with a message that Slack may have taken and that is not stored as posted.
    _in_flight: set[str] = field(default_factory=set, init=False)
    #: The holders of questions that this process posts nothing more for.
    _left: set[str] = field(default_factory=set, init=False)
    #: Notified when a message has landed, that is, is stored as posted or was not taken.
    _landed: threading.Condition = field(default_factory=threading.Condition, init=False)

    def leave(self, question: Question, seconds: float = 0.0) -> bool:
        """Post no further message for a question; False if one is still on its way after ``seconds``."""
        with self._landed:
            self._left.add(question.holder)
            return self._landed.wait_for(lambda: question.holder not in self._in_flight, timeout=seconds)

    def post_plan(
        self, question: Question, installation: Installation, plan: Plan, posted: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Post the messages of a plan that are not posted yet; return the ``ts`` of all of them."""
        while len(posted) < len(plan.messages):
            message, client_msg_id = plan.messages[len(posted)], _client_msg_id(question, plan, len(posted))
            try:
                with self._on_its_way(question):
                    ts = self.messaging.post(installation, address_of(question), message, client_msg_id)
                    posted = (*posted, ts)
                    retry_while_store_is_down(partial(self.questions.mark_posted, question, posted))
                logger.info("message posted", extra={**question.ids, "number": len(posted)})
            except SlackRefusedMessage as error:
                forms, at = plainer_forms(message, error), len(posted)
                logger.warning("message posted plainer: %s", error.code, extra=question.ids)
                plan = replace(plan, messages=(*plan.messages[:at], *forms, *plan.messages[at + 1 :]))
                retry_while_store_is_down(partial(self.questions.save_plan, question, plan, posted))
        return posted

    @contextmanager
    def _on_its_way(self, question: Question) -> Iterator[None]:
        """Extend the lease, and mark that a message is on its way to Slack until it is stored."""
        with self._landed:
            if question.holder in self._left:
                raise LeaseLost("another worker has the question now")
            self._in_flight.add(question.holder)
        try:
            self.questions.assert_held(question)
            yield
        finally:
            with self._landed:
                self._in_flight.discard(question.holder)
                self._landed.notify_all()


def _client_msg_id(question: Question, plan: Plan, place: int) -> str:
    """Return the same UUID for a place in a plan, however often it is posted.

    A notice differs from an answer, and so does the answer of a question that is asked again.
    """
    name = f"{question.id}:{question.asked_at}:{plan.failure}:{place}"
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


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
