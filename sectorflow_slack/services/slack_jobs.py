"""Running errands: short calls to Slack for somebody who looks at it now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sectorflow_slack.domain.errors import SectorFlowError, SlackBusy, SlackError
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.ports import SlackClient, TaskQueue
from sectorflow_slack.domain.questions import Address, StoredAnswer
from sectorflow_slack.domain.slack_jobs import SlackJob
from sectorflow_slack.formatting.copying import plain_text_messages
from sectorflow_slack.formatting.dialogs import follow_up_dialog
from sectorflow_slack.formatting.greeting import greeting
from sectorflow_slack.formatting.home import home
from sectorflow_slack.formatting.plain import notice
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.app_home import AppHomeService
from sectorflow_slack.services.messaging import MessagingService
from sectorflow_slack.services.placeholders import PlaceholderService
from sectorflow_slack.services.rendering import RenderingService
from sectorflow_slack.services.tokens import TokenService
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.installations import InstallationStore

logger = logging.getLogger(__name__)

#: How long an errand waits that Slack does not take now, where it does not say.
AGAIN_SECONDS = 1.0
#: Ten tries, each after twice as long a wait, come to a quarter of an hour.
MAX_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackJobService:
    """Runs one errand of a worker's."""

    installations: InstallationStore
    tokens: TokenService
    answers: AnswerStore
    placeholders: PlaceholderService
    rendering: RenderingService
    app_home: AppHomeService
    messaging: MessagingService
    slack: SlackClient
    queue: TaskQueue

    def run(self, job: SlackJob) -> None:
        """Run an errand; what Slack or SectorFlow refuse is logged, and no one is worse off for it."""
        installation = self.installations.find(job.installation)
        if installation is None:
            return
        try:
            self._handlers[job.kind](job, self.tokens.ensure_fresh(installation))
        except SlackBusy as error:
            if job.kind == "draw" and job.tries < MAX_TRIES:
                # What was pressed is to be seen, however late.
                delay = error.retry_after or AGAIN_SECONDS * 2**job.tries
                self.queue.enqueue(replace(job, tries=job.tries + 1), delay=delay)
            logger.warning("errand put off: %s", error.code, extra=_ids(job))
        except (SlackError, SectorFlowError) as error:
            logger.warning("errand failed: %s", error, extra=_ids(job))

    @property
    def _handlers(self) -> Mapping[str, Callable[[SlackJob, Installation], None]]:
        return {
            "greet": self._post_placeholder,
            "draw": self._render_answer,
            "dialog": self._open_dialog,
            "copy": self._copy,
            "tell": self._post_notice,
            "home": self._show_home,
            "suggest": self._suggest,
        }

    def _post_placeholder(self, job: SlackJob, installation: Installation) -> None:
        self.placeholders.post(job.question_id, installation, job.placeholder)

    def _render_answer(self, job: SlackJob, installation: Installation) -> None:
        if not self.rendering.render(job.question_id, installation):
            self.queue.enqueue(job, delay=AGAIN_SECONDS)

    def _open_dialog(self, job: SlackJob, installation: Installation) -> None:
        kept = self._find_answer(job)
        if kept is not None:
            name = kept.answer.models[job.model].name
            view = follow_up_dialog(kept.answer.id, job.model, name, words_for(""))
            self.slack.open_view(installation.bot.bot_token, job.trigger_id, view)

    def _copy(self, job: SlackJob, installation: Installation) -> None:
        kept = self._find_answer(job)
        if kept is not None:
            model, place = kept.answer.models[job.model], _place(job)
            for message in plain_text_messages(model.name, model.text, words_for("")):
                self.messaging.post_ephemeral(installation, place, job.user_id, message)

    def _post_notice(self, job: SlackJob, installation: Installation) -> None:
        message = notice(str(getattr(words_for(""), job.sentence)))
        if job.placeholder:
            self.messaging.update(installation, job.channel_id, job.placeholder, message)
        elif job.channel_id:
            self.messaging.post_ephemeral(installation, _place(job), job.user_id, message)
        else:
            # Slack takes a person's id for the DM with them (docs.slack.dev, chat.postMessage).
            self.messaging.post(installation, Address(job.user_id), message)

    def _show_home(self, job: SlackJob, installation: Installation) -> None:
        view = home(self.app_home.facts(installation), words_for(""))
        self.slack.publish_home(installation.bot.bot_token, job.user_id, view)

    def _suggest(self, job: SlackJob, installation: Installation) -> None:
        prompts = self.app_home.prompts(installation)
        hello = greeting(len(installation.settings.sectorflow.model_ids), words_for(""))
        self.slack.set_suggested_prompts(installation.bot.bot_token, job.channel_id, hello, prompts)

    def _find_answer(self, job: SlackJob) -> StoredAnswer | None:
        kept = self.answers.find(job.question_id)
        return kept if kept is not None and job.model < len(kept.answer.models) else None


def _place(job: SlackJob) -> Address:
    return Address(job.channel_id, job.thread_ts or None)


def _ids(job: SlackJob) -> dict[str, str]:
    return {"errand": job.kind, "installation": str(job.installation)}
