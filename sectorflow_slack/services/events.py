"""Signed events: from a payload to an accepted question, the end of an installation, or nothing."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.ports import Clock
from sectorflow_slack.domain.questions import Acceptance, IncomingQuestion
from sectorflow_slack.domain.slack_jobs import PublishHome, SlackJob, SuggestPrompts, refusals
from sectorflow_slack.services.event_payloads import (
    Event,
    as_incoming,
    ended_tenant,
    is_question,
    tenants,
    text,
)
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.metrics import Metrics
from sectorflow_slack.storage.questions import QuestionStore
from sectorflow_slack.storage.slack_jobs import SlackJobQueue

logger = logging.getLogger(__name__)

QUESTION_EVENTS = frozenset({"app_mention", "message"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventService:
    """Handles Slack's events after their signature has been verified."""

    apps: AppStore
    installations: InstallationStore
    questions: QuestionStore
    queue: SlackJobQueue
    metrics: Metrics
    clock: Clock

    def signing_secrets(self, app_id: str, *, newest: bool = False) -> tuple[str, ...]:
        """Return the secrets that may have signed a request of this app; the current one first.

        They may be some seconds old, unless the ``newest`` are asked for.
        """
        return self.apps.signing_secrets(app_id, newest=newest)

    def adopt_signing_secret(self, app_id: str, secret: str) -> None:
        """Make a newer signing secret the current one, because it has verified an event."""
        self.apps.adopt_signing_secret(app_id, secret)
        logger.info("signing secret replaced", extra={"app_id": app_id})

    def accept(self, payload: Mapping[str, Any]) -> None:
        """Handle one event; if it is a question, it is stored when this returns.

        Raises:
            StorageUnavailable: nothing was stored; Slack must send the event again.

        """
        event = Event.read(payload)
        if event is None:
            self._ignore({})
        elif event.type in QUESTION_EVENTS and is_question(event, self.clock()):
            self._accept_question(event)
        elif event.type == "app_uninstalled" or _revokes_bot_token(event):
            self._delete_installation(event)
        elif event.type == "app_home_opened":
            self._open_app_home(event)
        elif event.type == "agent_session_stopped":
            self._stop(event)
        else:
            self._ignore(event.ids)

    def _accept_question(self, event: Event) -> None:
        incoming = as_incoming(event, question_id=uuid.uuid4().hex, now=self.clock())
        acceptance = self.questions.accept_event(incoming, _notices(event, incoming))
        if acceptance.outcome == Acceptance.ACCEPTED:
            logger.info("question accepted", extra={**event.ids, "question_id": incoming.id})
        elif acceptance.outcome in {Acceptance.NOT_INSTALLED, Acceptance.OWN_MESSAGE}:
            self._ignore(event.ids)
        else:
            logger.info("event refused: %s", acceptance.outcome, extra=event.ids)

    def _open_app_home(self, event: Event) -> None:
        unknown, channel_id = InstallationKey(event.app_id, ""), text(event.body, "channel")
        job: SlackJob = SuggestPrompts(unknown, channel_id=channel_id)
        if event.body.get("tab") == "home":
            job = PublishHome(unknown, user_id=text(event.body, "user"), channel_id=channel_id)
        self.metrics.count_ignored()
        if self.queue.enqueue(job, tenant_ids=tuple(tenants(event.payload))):
            logger.info("Slack job enqueued: %s", job.kind, extra=event.ids)

    def _stop(self, event: Event) -> None:
        """Stop the questions of a thread: a user has pressed Slack's Stop button."""
        place = text(event.body, "channel"), text(event.body, "thread_ts")
        stopped = 0
        for tenant_id in tenants(event.payload):
            key = InstallationKey(event.app_id, tenant_id)
            stopped += self.questions.stop(key, *place, text(event.body, "user") or "unknown")
        self.metrics.count_ignored()
        logger.info("questions stopped: %d", stopped, extra=event.ids)

    def _ignore(self, ids: Mapping[str, str]) -> None:
        self.metrics.count_ignored()
        logger.info("event ignored", extra=dict(ids))

    def _delete_installation(self, event: Event) -> None:
        key = InstallationKey(event.app_id, ended_tenant(event.payload))
        self.metrics.count_ignored()
        if self.installations.delete(key, before=event.time):
            logger.info("installation deleted", extra=event.ids)
        else:
            logger.info("no installation to delete, or installed later", extra=event.ids)


def _notices(event: Event, incoming: IncomingQuestion) -> tuple[SlackJob, SlackJob]:
    """Return what a person is told if too many questions wait, and if they ask too often."""
    in_channel = event.body.get("channel_type") != "im"
    return refusals(
        InstallationKey(event.app_id, ""),
        user_id=incoming.user_id,
        channel_id=incoming.channel_id,
        thread_ts=incoming.thread_ts if in_channel else text(event.body, "thread_ts"),
    )


def _revokes_bot_token(event: Event) -> bool:
    tokens = event.body.get("tokens")
    return event.type == "tokens_revoked" and isinstance(tokens, dict) and bool(tokens.get("bot"))
