"""Slack jobs: a worker runs each kind by its own method."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sectorflow_slack.domain.errors import SectorFlowError, SlackBusy, SlackError, StorageUnavailable
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.ports import SlackClient
from sectorflow_slack.domain.questions import Address, Message, ModelAnswer, StoredAnswer
from sectorflow_slack.domain.slack_jobs import (
    AnnounceModels,
    OpenView,
    PostDirectMessage,
    PostEphemeral,
    PostPlainText,
    PublishHome,
    RemoveStatus,
    RenderAnswer,
    SlackJob,
    SuggestPrompts,
)
from sectorflow_slack.formatting.block_kit import Block
from sectorflow_slack.formatting.notices import chosen_models, notice, plain_text_messages
from sectorflow_slack.formatting.views import (
    ModelNames,
    ask_dialog,
    chosen_dialog,
    compare_dialog,
    follow_up_dialog,
    greeting,
    home,
    models_dialog,
)
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.app_home import AppHomeService
from sectorflow_slack.services.messaging import MessagingService, address_of
from sectorflow_slack.services.rendering import RenderingService
from sectorflow_slack.services.statuses import StatusService
from sectorflow_slack.services.tokens import TokenService
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.conversations import ConversationStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.slack_jobs import SlackJobQueue, read_job

logger = logging.getLogger(__name__)

#: The delay before the next try if Slack names none.
RETRY_SECONDS = 1.0
#: Ten tries, each after twice as long a wait, come to a quarter of an hour.
MAX_TRIES = 10
#: The threads of a worker for Slack jobs, and how many of them one customer's jobs may occupy: a user waits
#: for each job, and Slack forgets a dialog after 3 s.
THREADS = 8
SHARE = THREADS // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackJobService:
    """Runs a worker's Slack jobs."""

    installations: InstallationStore
    tokens: TokenService
    answers: AnswerStore
    conversations: ConversationStore
    rendering: RenderingService
    app_home: AppHomeService
    messaging: MessagingService
    statuses: StatusService
    slack: SlackClient
    queue: SlackJobQueue
    #: How many jobs of each customer this process runs now.
    _running: Counter[str] = field(default_factory=Counter, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def run_next(self) -> bool:
        """Take the job that has the next turn and run it; False if there is none that may run now."""
        with self._lock:
            # The share is counted before another thread takes a job.
            taken = self.queue.take([name for name, count in self._running.items() if count >= SHARE])
            if taken is None:
                return False
            customer, fields = taken
            self._running[customer] += 1
        started = time.perf_counter()
        try:
            self.run(read_job(fields))
        except StorageUnavailable as error:
            logger.warning("Slack job abandoned: %s", error, extra={"slack_job": str(fields.get("kind"))})
        except Exception as error:
            # Another release may store fields that this one does not know.
            logger.error("Slack job failed", exc_info=error, extra={"slack_job": str(fields.get("kind"))})
        finally:
            seconds = round(time.perf_counter() - started, 3)
            logger.info("Slack job run", extra={"slack_job": str(fields.get("kind")), "seconds": seconds})
            with self._lock:
                self._running[customer] -= 1
                if not self._running[customer]:
                    del self._running[customer]
        return True

    def run(self, job: SlackJob) -> None:
        """Run a job; errors of Slack and SectorFlow are logged, and only what lasts is tried again."""
        installation = self.installations.find(job.installation)
        if installation is None:
            return
        try:
            self._handlers[type(job)](job, self.tokens.ensure_fresh(installation))
        except SlackBusy as error:
            if isinstance(job, RenderAnswer | RemoveStatus) and job.tries < MAX_TRIES:
                # What Slack shows is outdated until then.
                delay = error.retry_after or RETRY_SECONDS * 2**job.tries
                self.queue.enqueue(replace(job, tries=job.tries + 1), delay=delay)
            logger.warning("Slack job refused for now: %s", error.code, extra=_ids(job))
        except (SlackError, SectorFlowError) as error:
            logger.warning("Slack job failed: %s", error, extra=_ids(job))

    @property
    def _handlers(self) -> Mapping[type[SlackJob], Callable[[Any, Installation], None]]:
        return {
            RenderAnswer: self._render_answer,
            OpenView: self._open_view,
            AnnounceModels: self._announce_models,
            PostPlainText: self._post_plain_text,
            PostEphemeral: self._post_ephemeral,
            PostDirectMessage: self._post_direct_message,
            PublishHome: self._publish_home,
            RemoveStatus: self.statuses.run,
            SuggestPrompts: self._suggest_prompts,
        }

    def _render_answer(self, job: RenderAnswer, installation: Installation) -> None:
        if not self.rendering.render(job.answer_id, installation):
            self.queue.enqueue(job, delay=RETRY_SECONDS)

    def _open_view(self, job: OpenView, installation: Installation) -> None:
        view = self._view(job, installation)
        if view is not None:
            self.slack.open_view(installation.bot.bot_token, job.trigger_id, view)

    def _view(self, job: OpenView, installation: Installation) -> Block | None:
        """Return the dialog that a job names; None if its answer is gone."""
        words = words_for("")
        if job.view == "ask":
            return ask_dialog(job.channel_id, _models(installation), words)
        stored = self._find_answer(job)
        if stored is None:
            return None
        models, asked = _models(installation, stored), stored.answer.question
        if job.view == "compare":
            return compare_dialog(job.answer_id, models, self.conversations.last_to_compare(asked), words)
        if job.view == "models":
            return models_dialog(job.answer_id, models, self.conversations.models(asked), words)
        model = self._find_model(job)
        return follow_up_dialog(job.answer_id, job.model, model.name, words) if model else None

    def _announce_models(self, job: AnnounceModels, installation: Installation) -> None:
        stored = self._find_answer(job)
        if stored is None:
            return
        asked, models = stored.answer.question, _models(installation, stored)
        chosen = self.conversations.models(asked)
        told = chosen_models([models[each] for each in chosen if each in models], words_for(asked.locale))
        if job.view_id:
            view = chosen_dialog(told.text, words_for(""))
            self.slack.update_view(installation.bot.bot_token, job.view_id, view)
        if job.is_new:
            self.messaging.post(installation, address_of(asked), told)

    def _post_plain_text(self, job: PostPlainText, installation: Installation) -> None:
        model = self._find_model(job)
        if model is not None:
            address = Address(job.channel_id, job.thread_ts or None)
            for message in plain_text_messages(model.name, model.text, words_for("")):
                self.messaging.post_ephemeral(installation, address, job.user_id, message)

    def _post_ephemeral(self, job: PostEphemeral, installation: Installation) -> None:
        address = Address(job.channel_id, job.thread_ts or None)
        self.messaging.post_ephemeral(installation, address, job.user_id, _message(job.sentence))

    def _post_direct_message(self, job: PostDirectMessage, installation: Installation) -> None:
        # Slack takes a user's id for the DM with them (docs.slack.dev, chat.postMessage).
        self.messaging.post(installation, Address(job.user_id), _message(job.sentence))

    def _publish_home(self, job: PublishHome, installation: Installation) -> None:
        view = home(self.app_home.facts(installation), words_for(""), ask_in=job.channel_id)
        self.slack.publish_home(installation.bot.bot_token, job.user_id, view)

    def _suggest_prompts(self, job: SuggestPrompts, installation: Installation) -> None:
        prompts = self.app_home.prompts(installation)
        title = greeting(len(installation.settings.sectorflow.model_ids), words_for(""))
        self.slack.set_suggested_prompts(installation.bot.bot_token, job.channel_id, title, prompts)

    def _find_model(self, job: OpenView | PostPlainText) -> ModelAnswer | None:
        stored = self._find_answer(job)
        is_there = stored is not None and job.model < len(stored.answer.models)
        return stored.answer.models[job.model] if stored and is_there else None

    def _find_answer(self, job: OpenView | PostPlainText | AnnounceModels) -> StoredAnswer | None:
        """Return an answer; None if it is gone or another installation's: jobs are not encrypted."""
        stored = self.answers.find(job.answer_id)
        is_there = stored is not None and stored.answer.question.installation == job.installation
        return stored if is_there else None


def _models(installation: Installation, stored: StoredAnswer | None = None) -> ModelNames:
    """Return the names of an installation's models, by id; unknown ones as an answer has them, or ""."""
    answered = {model.model_id: model.name for model in stored.answer.models} if stored else {}
    settings = installation.settings.sectorflow
    return {each: settings.model_names.get(each) or answered.get(each, "") for each in settings.model_ids}


def _message(sentence: str) -> Message:
    return notice(str(getattr(words_for(""), sentence)))


def _ids(job: SlackJob) -> dict[str, str]:
    return {"slack_job": job.kind, **job.installation.ids}
