"""Posting: a plan message by message, each only by who holds the question."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from functools import partial

from sectorflow_slack.domain.errors import SlackRefusedMessage
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.progress import Plan
from sectorflow_slack.domain.question_stores import STATUS, InterimStore, QuestionStore
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.services.insisting import insist
from sectorflow_slack.services.speaking import SpeakingService, next_form, place_of

logger = logging.getLogger(__name__)

#: How often is looked whether what stands in for the answer is there by now.
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingService:
    """Says a plan in Slack, going on where an earlier try stopped."""

    questions: QuestionStore
    interim: InterimStore
    speaking: SpeakingService
    #: The holders of questions of which a message is on its way to Slack, or taken and not yet recorded.
    under_way: set[str] = field(default_factory=set, init=False)

    def say(
        self, question: Question, installation: Installation, plan: Plan, posted: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Post the messages of a plan that are not posted yet; gives the ``ts`` of all of them.

        The first takes the place of what stands in for the answer, if something does.
        """
        try:
            return self._say(question, installation, plan, posted)
        finally:
            self.under_way.discard(question.holder)

    def _say(
        self, question: Question, installation: Installation, plan: Plan, posted: tuple[str, ...]
    ) -> tuple[str, ...]:
        stand_in = "" if posted or not plan.messages else self.take_over(question)
        while len(posted) < len(plan.messages):
            message = plan.messages[len(posted)]
            try:
                self.questions.confirm(question)
                self.under_way.add(question.holder)
                ts = self.speaking.put(installation, place_of(question), message, stand_in)
            except SlackRefusedMessage as error:
                plan = _in_next_form(plan, len(posted), error)
                logger.warning("message posted plainer: %s", error.code, extra=question.ids)
                insist(partial(self.questions.save_plan, question, plan, posted))
            else:
                posted, stand_in = (*posted, ts), ""
                insist(partial(self.questions.mark_posted, question, posted))
                self.under_way.discard(question.holder)
                logger.info("message posted", extra={**question.ids, "number": len(posted)})
        return posted

    def take_over(self, question: Question) -> str:
        """Give the message that stands in for the answer, "" for none; nobody posts one from now on."""
        while (stand_in := self.interim.take_over(question)) is None:
            time.sleep(LOOK_SECONDS)
        # Slack itself takes a status away with the first message.
        return "" if stand_in == STATUS else stand_in


def _in_next_form(plan: Plan, at: int, error: SlackRefusedMessage) -> Plan:
    forms = next_form(plan.messages[at], error)
    return replace(plan, messages=(*plan.messages[:at], *forms, *plan.messages[at + 1 :]))
