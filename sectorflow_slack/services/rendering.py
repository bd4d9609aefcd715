"""Rendering: the messages of a posted answer follow the buttons that users press."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sectorflow_slack.domain.errors import SlackRefusedMessage
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.questions import StoredAnswer
from sectorflow_slack.formatting.displays import digest, render
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.messaging import MessagingService, address_of, plainer_forms
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.locks import Locks

logger = logging.getLogger(__name__)

#: How long a render lock outlives a crashed worker.
LOCK_SECONDS = 30.0
#: How long a worker waits while another renders the same answer: mostly the other renders this action too.
WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderingService:
    """Updates an answer's messages to its newest version, one process at a time."""

    answers: AnswerStore
    locks: Locks
    messaging: MessagingService
    monotonic: Callable[[], float] = time.monotonic

    def render(self, answer_id: str, installation: Installation) -> bool:
        """Update the messages of an answer; False if another process still renders it.

        An answer that is not posted completely is rendered by the worker that posts it. Raises ``SlackError``
        if Slack did not take a message.
        """
        with self.locks.hold(f"draw:{answer_id}", LOCK_SECONDS, WAIT_SECONDS) as held:
            started = self.monotonic()
            while held:
                stored = self.answers.find(answer_id)
                if stored is None or not stored.posted or stored.rendered >= stored.version:
                    break
                if stored.answer.question.installation != installation.key:
                    break  # Slack jobs are not encrypted: this one was forged.
                messages = _PostedMessages(self.answers, stored)
                try:
                    self._render(messages, installation)
                finally:
                    if self.monotonic() - started > LOCK_SECONDS:
                        # Another process may have rendered at the same time.
                        messages.mark_unknown(*range(len(messages.stored.posted)))
            return held

    def _render(self, messages: _PostedMessages, installation: Installation) -> None:
        """Update the messages that differ from the answer, post missing ones and delete surplus ones.

        Unchanged messages cost no call: Slack takes some 50 updates a minute (docs.slack.dev, rate limits:
        tier 3).
        """
        question = messages.stored.answer.question
        words = words_for(question.locale)
        rendered = render(messages.stored.answer, words, installation.refused, can_compare=True)
        wanted = [(message, digest(message)) for message in rendered]
        index = 0
        while index < len(wanted):
            message, message_digest = wanted[index]
            if messages.digest_at(index) != message_digest or not message_digest:
                messages.mark_unknown(index)
                try:
                    ts = self.messaging.post_or_update(
                        installation, address_of(question), message, messages.ts_at(index)
                    )
                except SlackRefusedMessage as error:
                    forms = plainer_forms(message, error)
                    # None of several plainer messages has the content of the refused one.
                    shown = message_digest if len(forms) == 1 else ""
                    wanted[index : index + 1] = [(form, shown) for form in forms]
                    logger.warning("message rendered plainer: %s", error.code, extra=question.ids)
                    continue
                if messages.ts_at(index) not in ("", ts):
                    # It is now below the further ones: they follow it again.
                    self._delete(installation, messages, index + 1)
                messages.mark_shown(index, ts, message_digest)
            index += 1
        self._delete(installation, messages, index)
        messages.mark_rendered()
        logger.info("answer rendered", extra=question.ids)

    def _delete(self, installation: Installation, messages: _PostedMessages, start: int) -> None:
        """Delete the messages from an index on."""
        channel_id = messages.stored.answer.question.channel_id
        messages.mark_unknown(*range(start, len(messages.stored.posted)))
        for surplus in messages.stored.posted[start:]:
            self.messaging.delete(installation, channel_id, surplus)
        messages.forget(start)


@dataclass(slots=True)
class _PostedMessages:
    """The messages of an answer in Slack, and the digest of what each is known to show.

    The digest of a message is stored as unknown ("") before each update, and stored again once Slack has
    taken the update. A worker that continues after a crash may update a message once too often, but leaves
    no outdated one.
    """

    answers: AnswerStore
    stored: StoredAnswer

    def ts_at(self, index: int) -> str:
        """Return the ``ts`` of a message, "" if it is not posted yet."""
        return "".join(self.stored.posted[index : index + 1])

    def digest_at(self, index: int) -> str:
        """Return the digest of a message, "" if it is unknown."""
        return "".join(self.stored.digests[index : index + 1])

    def mark_unknown(self, *indexes: int) -> None:
        """Store that it is unknown what these messages show."""
        digests = ("" if at in indexes else each for at, each in enumerate(self.stored.digests))
        self._store(replace(self.stored, digests=tuple(digests)))

    def mark_shown(self, index: int, ts: str, message_digest: str) -> None:
        """Store the ts and the digest of a message, which may be a new one."""
        posted = self.stored.posted
        digests = self.stored.digests + ("",) * (len(posted) - len(self.stored.digests))
        posted = (*posted[:index], ts, *posted[index + 1 :])
        digests = (*digests[:index], message_digest, *digests[index + 1 :])
        self._store(replace(self.stored, posted=posted, digests=digests))

    def forget(self, start: int) -> None:
        """Take the messages from an index on as deleted; that is stored with the next step."""
        posted, digests = self.stored.posted[:start], self.stored.digests[:start]
        self.stored = replace(self.stored, posted=posted, digests=digests)

    def mark_rendered(self) -> None:
        """Store that the messages, and no others, show the newest version."""
        self._store(replace(self.stored, rendered=self.stored.version))

    def _store(self, stored: StoredAnswer) -> None:
        if stored != self.stored:
            self.answers.mark_rendered(stored)
        self.stored = stored
