"""Running errands: short calls to Slack for somebody who looks at it now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.errors import SectorFlowError, SlackBusy, SlackError
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.messages import Address
from sectorflow_slack.domain.progress import KeptAnswer
from sectorflow_slack.domain.question_stores import AnswerStore
from sectorflow_slack.domain.remotes import SlackClient, TaskQueue
from sectorflow_slack.domain.stores import InstallationStore
from sectorflow_slack.formatting.copying import plain_text_messages
from sectorflow_slack.formatting.dialogs import follow_up_dialog
from sectorflow_slack.formatting.greeting import greeting
from sectorflow_slack.formatting.home import home
from sectorflow_slack.formatting.plain import notice
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.drawing import DrawingService
from sectorflow_slack.services.hosting import HostingService
from sectorflow_slack.services.interim import InterimService
from sectorflow_slack.services.speaking import SpeakingService
from sectorflow_slack.services.tokens import TokenService

logger = logging.getLogger(__name__)

#: How long an errand waits that Slack does not take now, where it does not say.
AGAIN_SECONDS = 1.0
#: Ten tries, each after twice as long a wait, come to a quarter of an hour.
MAX_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrandService:
    """Runs one errand of a worker's."""

    installations: InstallationStore
    tokens: TokenService
    answers: AnswerStore
    interim: InterimService
    drawing: DrawingService
    hosting: HostingService
    speaking: SpeakingService
    slack: SlackClient
    queue: TaskQueue

    def run(self, errand: Errand) -> None:
        """Run an errand; what Slack or SectorFlow refuse is logged, and no one is worse off for it."""
        installation = self.installations.find(errand.installation)
        if installation is None:
            return
        try:
            self._handlers[errand.kind](errand, self.tokens.fresh(installation))
        except SlackBusy as error:
            if errand.kind == "draw" and errand.tries < MAX_TRIES:
                # What was pressed is to be seen, however late.
                delay = error.retry_after or AGAIN_SECONDS * 2**errand.tries
                self.queue.run(replace(errand, tries=errand.tries + 1), delay=delay)
            logger.warning("errand put off: %s", error.code, extra=_ids(errand))
        except (SlackError, SectorFlowError) as error:
            logger.warning("errand failed: %s", error, extra=_ids(errand))

    @property
    def _handlers(self) -> Mapping[str, Callable[[Errand, Installation], None]]:
        return {
            "greet": self._greet,
            "draw": self._draw,
            "dialog": self._open_dialog,
            "copy": self._copy,
            "tell": self._tell,
            "home": self._show_home,
            "suggest": self._suggest,
        }

    def _greet(self, errand: Errand, installation: Installation) -> None:
        self.interim.greet(errand.question_id, installation, errand.stand_in)

    def _draw(self, errand: Errand, installation: Installation) -> None:
        if not self.drawing.draw(errand.question_id, installation):
            self.queue.run(errand, delay=AGAIN_SECONDS)

    def _open_dialog(self, errand: Errand, installation: Installation) -> None:
        kept = self._kept(errand)
        if kept is not None:
            name = kept.answer.models[errand.model].name
            view = follow_up_dialog(kept.answer.id, errand.model, name, words_for(""))
            self.slack.open_dialog(installation.bot.bot_token, errand.trigger_id, view)

    def _copy(self, errand: Errand, installation: Installation) -> None:
        kept = self._kept(errand)
        if kept is not None:
            model, place = kept.answer.models[errand.model], _place(errand)
            for message in plain_text_messages(model.name, model.text, words_for("")):
                self.speaking.whisper(installation, place, errand.user_id, message)

    def _tell(self, errand: Errand, installation: Installation) -> None:
        message = notice(str(getattr(words_for(""), errand.sentence)))
        if errand.stand_in:
            self.speaking.update(installation, errand.channel_id, errand.stand_in, message)
        elif errand.channel_id:
            self.speaking.whisper(installation, _place(errand), errand.user_id, message)
        else:
            # Slack takes a person's id for the DM with them (docs.slack.dev, chat.postMessage).
            self.speaking.post(installation, Address(errand.user_id), message)

    def _show_home(self, errand: Errand, installation: Installation) -> None:
        view = home(self.hosting.facts(installation), words_for(""))
        self.slack.publish_home(installation.bot.bot_token, errand.user_id, view)

    def _suggest(self, errand: Errand, installation: Installation) -> None:
        prompts = self.hosting.prompts(installation)
        hello = greeting(len(installation.terms.sectorflow.model_ids), words_for(""))
        self.slack.suggest(installation.bot.bot_token, errand.channel_id, hello, prompts)

    def _kept(self, errand: Errand) -> KeptAnswer | None:
        kept = self.answers.find(errand.question_id)
        return kept if kept is not None and errand.model < len(kept.answer.models) else None


def _place(errand: Errand) -> Address:
    return Address(errand.channel_id, errand.thread_ts or None)


def _ids(errand: Errand) -> dict[str, str]:
    return {"errand": errand.kind, "installation": str(errand.installation)}
