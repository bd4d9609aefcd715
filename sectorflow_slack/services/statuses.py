"""Statuses: what a thread shows while its question is worked on, until the answer is posted.

=============  ==========================================================================================
``session``    the status of the agent's session, with Slack's own words and its Stop button
               (``agents.sessions.setStatus``); ends by itself after an hour
``thread``     a status with our words (``assistant.threads.setStatus``); ends with the next message, or
               after two minutes unless it is renewed. Slack removes this method in February 2027
a ``ts``       a message, which is deleted once the answer is posted
=============  ==========================================================================================

The first that Slack does not refuse is taken, and that is remembered for an hour.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, StorageUnavailable
from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.ports import SlackClient
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.domain.slack import TS
from sectorflow_slack.domain.slack_jobs import RemoveStatus
from sectorflow_slack.formatting.notices import asking, session_title, status
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.asking import model_names
from sectorflow_slack.services.event_payloads import question_of
from sectorflow_slack.services.messaging import NO_ACCESS_CODES, MessagingService, address_of
from sectorflow_slack.services.resilience import retry_while_store_is_down
from sectorflow_slack.services.tokens import TokenService
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.slack_jobs import SlackJobQueue
from sectorflow_slack.storage.statuses import RENEW_SECONDS, StatusStore

logger = logging.getLogger(__name__)

SESSION: Final = "session"
THREAD: Final = "thread"
MESSAGE: Final = "message"
_KINDS = (SESSION, THREAD, MESSAGE)

#: How long it is remembered which kind of status Slack takes for an installation.
KIND_SECONDS = 3600.0
#: How long the end of a status waits for the call that sets it; longer than a call to Slack takes.
SETTING_SECONDS = 15.0
#: Seconds between two looks whether another process has set a status.
POLL_SECONDS = 0.2


def spawn(call: Callable[[], None]) -> None:
    """Run a call in a thread that does not keep the process alive."""
    threading.Thread(target=call, name="status", daemon=True).start()


@dataclass(slots=True)
class _Shown:
    """A status that this process shows."""

    question: Question
    installation: Installation
    #: Set unless a call that sets it is under way.
    is_set: threading.Event = field(default_factory=threading.Event)
    #: When a status in a thread was last set; None for other kinds.
    renewed_at: float | None = None
    #: Whether it was renewed, perhaps after the answer was posted.
    is_renewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusService:
    """Shows the status of open questions, and ends it."""

    installations: InstallationStore
    statuses: StatusStore
    tokens: TokenService
    messaging: MessagingService
    slack: SlackClient
    queue: SlackJobQueue
    spawn: Callable[[Callable[[], None]], None] = spawn
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    #: The statuses that this process shows, by the questions' holders.
    _shown: dict[str, _Shown] = field(default_factory=dict, init=False)
    #: The kind that Slack takes, and until when that is remembered.
    _kinds: dict[InstallationKey, tuple[str, float]] = field(default_factory=dict, init=False)

    def start(self, question: Question, installation: Installation) -> None:
        """Show that the models are asked, beside the caller, unless a status is shown already."""
        shown = _Shown(question, installation)
        self._shown[question.holder] = shown
        self.spawn(partial(self._set, shown))

    def end(self, question: Question, installation: Installation, *, posted: bool) -> str:
        """End the status of a question once it is set; ``posted`` if a message has followed it in the thread.

        Returns how the status is shown that is still to be removed, by ``remove``; "" for none. Raises
        ``LeaseLost`` if another worker has the question now.
        """
        local = self._shown.pop(question.holder, None)
        if local is not None:
            local.is_set.wait(SETTING_SECONDS)
        while (shown := self.statuses.end(question)) is None:
            self.sleep(POLL_SECONDS)
        if shown == "setting":
            # The process that set it died, so the kind is unknown. To end a status that is not there does no
            # harm.
            shown = self._kind_of(installation)
        is_over = shown == THREAD and posted and not (local and local.is_renewed)
        return "" if is_over or shown == MESSAGE else shown

    def remove(self, question: Question, installation: Installation, shown: str) -> None:
        """Remove a status as it is shown ("" for none); a Slack job does if Slack does not take that now."""
        job = RemoveStatus(
            installation.key,
            channel_id=question.channel_id,
            thread_ts=question.status_thread_ts,
            shown=shown,
        )
        try:
            self.run(job, installation)
        except SlackBusy as error:
            logger.info("status removed later: %s", error.code, extra=question.ids)
            self.queue.enqueue(job, delay=error.retry_after or 1.0)

    def run(self, job: RemoveStatus, installation: Installation) -> None:
        """Remove a status; raise ``SlackBusy`` if Slack does not take that now. A refusal is no error."""
        token, place = installation.bot.bot_token, (job.channel_id, job.thread_ts)
        try:
            if job.shown == SESSION:
                self.slack.set_session_status(token, *place, is_processing=False)
            elif job.shown == THREAD:
                self.slack.set_status(token, *place, "")
            elif job.shown:
                self.messaging.delete(installation, job.channel_id, job.shown)
        except SlackRefused as error:
            logger.info("status not removed: %s", error.code, extra=installation.key.ids)

    def leave(self, question: Question) -> None:
        """Leave the status of a question to another worker, which has it from now on."""
        self._shown.pop(question.holder, None)

    def renew(self) -> None:
        """Renew the statuses that would end by themselves, and show those of questions that wait in line."""
        for shown in list(self._shown.values()):
            if shown.renewed_at is not None and self.monotonic() - shown.renewed_at > RENEW_SECONDS:
                shown.renewed_at = self.monotonic()
                shown.is_set.clear()
                self.spawn(partial(self._renew, shown))
        self._show_waiting()

    def _show_waiting(self) -> None:
        """Show the status of questions that wait in line for a worker."""
        for lease in self.statuses.unshown():
            try:
                installation = self.installations.find(lease.installation)
                if installation is None:
                    continue
                question = question_of(lease, installation)
            except StorageUnavailable:
                raise
            except Exception as error:
                # It must not hide the others; the worker that leases it handles it.
                logger.info("no status", exc_info=error, extra={"question_id": lease.id})
                continue
            if not question.answer_id:
                self._set(_Shown(question, installation))

    def _set(self, shown: _Shown) -> None:
        """Claim and set a status, or take over one that must be renewed."""
        question = shown.question
        try:
            if self.statuses.claim(question.id):
                self._set_claimed(shown)
            elif self.statuses.shown_as(question.id) == THREAD:
                self._set_in_thread(shown, self.tokens.ensure_fresh(shown.installation))
        except SlackError as error:
            logger.info("no status: %s", error.code, extra=question.ids)
        except StorageUnavailable as error:
            logger.warning("no status: %s", error, extra=question.ids)
        finally:
            shown.is_set.set()

    def _set_claimed(self, shown: _Shown) -> None:
        """Set a status, and remove it again if it is too late because the answer was posted first."""
        question, installation, how = shown.question, shown.installation, ""
        try:
            installation = self.tokens.ensure_fresh(installation)
            how = self._show(shown, installation)
        finally:
            is_over = not retry_while_store_is_down(partial(self.statuses.store, question.id, how))
        if is_over:
            self.remove(question, installation, how)

    def _show(self, shown: _Shown, installation: Installation) -> str:
        """Set the first kind of status that Slack takes; return how it is shown."""
        if not re.fullmatch(TS, shown.question.status_thread_ts):
            # A dialog in a DM has no message whose thread could show it.
            return self._show_as(MESSAGE, shown, installation)
        first = _KINDS.index(self._kind_of(installation))
        for kind in _KINDS[first:]:
            try:
                how = self._show_as(kind, shown, installation)
            except SlackRefused as error:
                if kind == MESSAGE or error.code in NO_ACCESS_CODES:
                    raise
                logger.info("no %s status: %s", kind, error.code, extra=installation.key.ids)
                continue
            if kind != _KINDS[first]:
                self._kinds[installation.key] = kind, self.monotonic() + KIND_SECONDS
            return how
        return ""

    def _show_as(self, kind: str, shown: _Shown, installation: Installation) -> str:
        question, token = shown.question, installation.bot.bot_token
        if kind == SESSION:
            place = question.channel_id, question.status_thread_ts
            title = session_title(question.text)
            self.slack.set_session_status(token, *place, is_processing=True, title=title)
            return SESSION
        if kind == THREAD:
            self._set_in_thread(shown, installation)
            return THREAD
        if self.messaging.is_paused(installation):
            return ""
        names = model_names(installation, question.model_ids)
        return self.messaging.post(
            installation, address_of(question), asking(names, words_for(question.locale))
        )

    def _set_in_thread(self, shown: _Shown, installation: Installation) -> None:
        question = shown.question
        text = status(model_names(installation, question.model_ids), words_for(question.locale))
        place = question.channel_id, question.status_thread_ts
        self.slack.set_status(installation.bot.bot_token, *place, text)
        shown.renewed_at = self.monotonic()

    def _renew(self, shown: _Shown) -> None:
        try:
            # ``is_set`` is clear by now: either this sees that the status was ended, or its end waits.
            if shown.question.holder in self._shown:
                shown.is_renewed = True
                self._set_in_thread(shown, self.tokens.ensure_fresh(shown.installation))
        except (SlackError, StorageUnavailable) as error:
            logger.info("status not renewed: %s", error, extra=shown.question.ids)
        finally:
            shown.is_set.set()

    def _kind_of(self, installation: Installation) -> str:
        kind, until = self._kinds.get(installation.key, (SESSION, 0.0))
        return kind if until > self.monotonic() else SESSION
