"""Drawing: an answer's messages, brought up to date with what people pressed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sectorflow_slack.domain.errors import SlackRefusedMessage
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.questions import StoredAnswer
from sectorflow_slack.formatting.answers import digest, draw
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.messaging import MessagingService, address_of, next_form
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.locks import Locks

logger = logging.getLogger(__name__)

#: Whoever dies while it draws holds others up for no longer than this.
LOCK_SECONDS = 30.0
#: How long one waits for another who draws the same answer, and will mostly have drawn this press too.
WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderingService:
    """Makes an answer's messages show its newest version, one process at a time."""

    answers: AnswerStore
    locks: Locks
    messaging: MessagingService
    monotonic: Callable[[], float] = time.monotonic

    def render(self, answer_id: str, installation: Installation) -> bool:
        """Bring the messages up to date; False where another process is still at it.

        An answer that is not wholly posted yet is drawn by who posts it.

        Raises:
            SlackError: Slack did not take it.

        """
        with self.locks.hold(f"draw:{answer_id}", LOCK_SECONDS, WAIT_SECONDS) as held:
            begun = self.monotonic()
            while held:
                kept = self.answers.find(answer_id)
                if kept is None or not kept.posted or kept.rendered >= kept.version:
                    break
                screen = _Screen(self.answers, kept)
                try:
                    self._render(screen, installation)
                finally:
                    if self.monotonic() - begun > LOCK_SECONDS:
                        # Somebody else may have drawn at the same time.
                        screen.forget(*range(len(screen.kept.posted)))
            return held

    def _render(self, screen: _Screen, installation: Installation) -> None:
        """Change the messages that are to show something else; post what is missing, take away what is left.

        Slack takes some 50 changes a minute (docs.slack.dev, rate limits: tier 3).
        """
        answer, place = screen.kept.answer, address_of(screen.kept.answer.question)
        wanted = [(message, digest(message)) for message in draw(answer, words_for(answer.question.locale))]
        at = 0
        while at < len(wanted):
            message, known_by = wanted[at]
            if screen.shows(at, known_by):
                at += 1
                continue
            screen.forget(at)
            try:
                ts = self.messaging.post_or_update(installation, place, message, screen.ts(at))
            except SlackRefusedMessage as error:
                forms = next_form(message, error)
                # Of several messages in its place none shows all of it.
                wanted[at : at + 1] = [(form, known_by if len(forms) == 1 else "") for form in forms]
                logger.warning("message drawn plainer: %s", error.code, extra=answer.question.ids)
                continue
            screen.put(at, ts, known_by)
            at += 1
        screen.forget(at, *range(at + 1, len(screen.kept.posted)))
        for surplus in screen.kept.posted[at:]:
            self.messaging.delete(installation, place.channel_id, surplus)
        screen.end(at)
        logger.info("answer drawn", extra=answer.question.ids)


@dataclass(slots=True)
class _Screen:
    """The messages of an answer, each change of which is recorded.

    What one shows is forgotten before it is changed, and known again once Slack has taken it: whoever goes
    on after a crash may change it once too often, and never leaves an old one behind.
    """

    answers: AnswerStore
    kept: StoredAnswer

    def ts(self, at: int) -> str:
        """Give the message in a place, "" where there is none yet."""
        return "".join(self.kept.posted[at : at + 1])

    def shows(self, at: int, known_by: str) -> bool:
        """Say whether the message in a place is known to show this already."""
        return bool(known_by) and self.kept.digests[at : at + 1] == (known_by,)

    def forget(self, *places: int) -> None:
        """Record that nobody knows what stands in these places."""
        digests = tuple("" if at in places else each for at, each in enumerate(self.kept.digests))
        self._record(replace(self.kept, digests=digests))

    def put(self, at: int, ts: str, known_by: str) -> None:
        """Record what stands in a place, the one behind the last too."""
        posted, unknown = self.kept.posted, len(self.kept.posted) - len(self.kept.digests)
        digests = (*self.kept.digests, *[""] * unknown)
        posted = (*posted[:at], ts, *posted[at + 1 :])
        self._record(replace(self.kept, posted=posted, digests=(*digests[:at], known_by, *digests[at + 1 :])))

    def end(self, count: int) -> None:
        """Record that so many messages show the newest version, and that there are no others."""
        kept = self.kept
        self._record(
            replace(kept, posted=kept.posted[:count], digests=kept.digests[:count], rendered=kept.version)
        )

    def _record(self, kept: StoredAnswer) -> None:
        if kept != self.kept:
            self.answers.mark_rendered(kept)
        self.kept = kept
