"""Accepting: from a signed event to a question that will be answered, or to nothing."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.ports import Clock, TaskQueue
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.domain.slack_jobs import SlackJob
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

Json = Any

QUESTION_EVENTS = frozenset({"app_mention", "message"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventService:
    """Takes in what Slack sends, once its signature has verified."""

    apps: AppStore
    installations: InstallationStore
    questions: QuestionStore
    queue: TaskQueue
    metrics: Metrics
    clock: Clock

    def signing_secrets(self, app_id: str) -> tuple[str, ...]:
        """Give the secrets an event of this app may be signed with; the one in force first."""
        return self.apps.signing_secrets(app_id)

    def adopt_signing_secret(self, app_id: str, secret: str) -> None:
        """Put a newer signing secret in force: an event has just verified with it."""
        self.apps.adopt_signing_secret(app_id, secret)
        logger.info("signing secret replaced", extra={"app_id": app_id})

    def accept(self, payload: Mapping[str, Json]) -> None:
        """Take in one event; when this returns, what it asks for is stored or was nothing to do.

        Raises:
            StorageUnavailable: it could not be stored; Slack is to send it again.

        """
        event = Event.read(payload)
        if event is None:
            self._ignore({})
            return
        if event.type == "app_uninstalled" or _revokes_bot_token(event):
            self._forget(event)
        installation = self._installed(event) if event.type in QUESTION_EVENTS else None
        if installation is not None and is_question(event, installation.bot.bot_user_id):
            self._ask(event, installation)
            return
        self._ignore(event.ids)
        if event.type == "app_home_opened":
            self._open_app_home(event)

    def _installed(self, event: Event) -> Installation | None:
        return first_installed(self.installations, event.app_id, tenants(event.payload))

    def _ask(self, event: Event, installation: Installation) -> None:
        question = as_question(event, installation, question_id=uuid.uuid4().hex, now=self.clock())
        if not self.questions.accept(question):
            logger.info("event repeated", extra=event.ids)
            return
        logger.info("question accepted", extra={**event.ids, "question_id": question.id})
        with best_effort("no worker woken", question.ids):
            # Where as many as allowed are under way, each that ends wakes the next: no flood of jobs.
            if self.questions.has_room(installation.key):
                self.queue.answer_next(installation.key)
                self._post_placeholder(question, installation)

    def _post_placeholder(self, question: Question, installation: Installation) -> None:
        """Have it shown that a question was taken, where the answer will not be there at once."""
        if plan_without_asking(question, installation) is None:
            self.queue.enqueue(SlackJob("greet", installation.key, question_id=question.id))

    def _open_app_home(self, event: Event) -> None:
        """Show somebody who opened the app what it does; it is no loss if that fails."""
        installation = self._installed(event)
        if installation is None:
            return
        job = SlackJob(
            "home" if event.body.get("tab") == "home" else "suggest",
            installation.key,
            user_id=text(event.body, "user"),
            channel_id=text(event.body, "channel"),
        )
        with best_effort(f"Slack job not enqueued: {job.kind}", event.ids):
            self.queue.enqueue(job)

    def _ignore(self, ids: Mapping[str, str]) -> None:
        self.metrics.count_ignored()
        logger.info("event ignored", extra=dict(ids))

    def _forget(self, event: Event) -> None:
        key = InstallationKey(event.app_id, ended_tenant(event.payload))
        if self.installations.delete(key, before=event.time):
            logger.info("installation forgotten", extra=event.ids)
        else:
            logger.info("nothing to forget, or installed later", extra=event.ids)


def _revokes_bot_token(event: Event) -> bool:
    tokens = event.body.get("tokens")
    return event.type == "tokens_revoked" and isinstance(tokens, dict) and bool(tokens.get("bot"))
