"""Signed events: from a payload to an accepted question, the end of an installation, or nothing."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.ports import Clock, TaskQueue
from sectorflow_slack.domain.slack_jobs import PostPlaceholder, PublishHome, SlackJob, SuggestPrompts
from sectorflow_slack.services.asking import plan_without_asking
from sectorflow_slack.services.event_payloads import (
    Event,
    as_question,
    ended_tenant,
    first_installed,
    is_question,
    tenants,
    text,
)
from sectorflow_slack.services.resilience import best_effort
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.metrics import Metrics
from sectorflow_slack.storage.questions import QuestionStore

logger = logging.getLogger(__name__)

QUESTION_EVENTS = frozenset({"app_mention", "message"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventService:
    """Handles Slack's events after their signature has been verified."""

    apps: AppStore
    installations: InstallationStore
    questions: QuestionStore
    queue: TaskQueue
    metrics: Metrics
    clock: Clock

    def signing_secrets(self, app_id: str) -> tuple[str, ...]:
        """Return the secrets that may have signed an event of this app; the current one first."""
        return self.apps.signing_secrets(app_id)

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
            return
        if event.type == "app_uninstalled" or _revokes_bot_token(event):
            self._delete_installation(event)
        installation = self._find_installation(event) if event.type in QUESTION_EVENTS else None
        if installation is not None and is_question(event, installation.bot.bot_user_id):
            self._accept_question(event, installation)
            return
        self._ignore(event.ids)
        if event.type == "app_home_opened":
            self._show_app_home(event)

    def _find_installation(self, event: Event) -> Installation | None:
        return first_installed(self.installations, event.app_id, tenants(event.payload))

    def _accept_question(self, event: Event, installation: Installation) -> None:
        question = as_question(event, installation, question_id=uuid.uuid4().hex, now=self.clock())
        if not self.questions.accept(question):
            logger.info("event repeated", extra=event.ids)
            return
        logger.info("question accepted", extra={**event.ids, "question_id": question.id})
        with best_effort("no worker woken", question.ids):
            # If the installation's limit is reached, the next question that ends wakes a worker for this one.
            if self.questions.has_room(installation.key):
                self.queue.answer_next(installation.key)
                if plan_without_asking(question, installation) is None:
                    self.queue.enqueue(PostPlaceholder(installation.key, question_id=question.id))

    def _show_app_home(self, event: Event) -> None:
        installation = self._find_installation(event)
        if installation is None:
            return
        job: SlackJob
        if event.body.get("tab") == "home":
            job = PublishHome(installation.key, user_id=text(event.body, "user"))
        else:
            job = SuggestPrompts(installation.key, channel_id=text(event.body, "channel"))
        with best_effort(f"Slack job not enqueued: {job.kind}", event.ids):
            self.queue.enqueue(job)

    def _ignore(self, ids: Mapping[str, str]) -> None:
        self.metrics.count_ignored()
        logger.info("event ignored", extra=dict(ids))

    def _delete_installation(self, event: Event) -> None:
        key = InstallationKey(event.app_id, ended_tenant(event.payload))
        if self.installations.delete(key, before=event.time):
            logger.info("installation deleted", extra=event.ids)
        else:
            logger.info("no installation to delete, or installed later", extra=event.ids)


def _revokes_bot_token(event: Event) -> bool:
    tokens = event.body.get("tokens")
    return event.type == "tokens_revoked" and isinstance(tokens, dict) and bool(tokens.get("bot"))
