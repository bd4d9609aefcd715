"""What to say to a question: the answers, help, or an excuse."""

from __future__ import annotations

import re
from dataclasses import replace

from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.progress import Plan
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting.plain import help_notice, notice, notice_to_ask_again
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.failures import excuse_for, reason_of

#: All that is said by somebody who asks for help, and for nothing else.
HELP = re.compile(r"/?help( me)?(,? please)?[\s.!?…]*|\?+", re.IGNORECASE)


def plan_without_asking(question: Question, installation: Installation) -> Plan | None:
    """Say what needs no LLM; None where SectorFlow is to be asked."""
    words = words_for(question.locale)
    if question.is_external and not installation.terms.allow_external_users:
        return Plan((notice(words.external_person),))
    if question.has_files and not question.text:
        return Plan((notice(words.file_only),))
    if not question.text or HELP.fullmatch(question.text.strip()):
        return Plan((help_notice(model_names(installation), words),))
    return None


def plan_of_silence(question: Question, thread_id: str | None) -> Plan:
    """Say that no model had an answer."""
    words = words_for(question.locale)
    told = notice_to_ask_again(words.no_answer, question.id, words)
    return Plan((told,), failure="no_answer", thread_id=thread_id)


def plan_of_failure(question: Question, error: Exception) -> Plan:
    """Say in one sentence that there is no answer, with a button to ask again."""
    words = words_for(question.locale)
    told = notice_to_ask_again(excuse_for(error, words), question.id, words)
    return Plan((told,), failure=reason_of(error))


def to_ask_again(question: Question, plan: Plan) -> Question | None:
    """Give what is asked when somebody presses the button; None where there is none."""
    if not plan.failure or plan.failure == "uninstalled" or question.answer_id:
        return None
    return replace(question, button_ts=None)


def model_names(installation: Installation, model_ids: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Give the names of the models that are asked, as far as they are known; "" for the others."""
    settings = installation.terms.sectorflow
    return tuple(settings.model_names.get(model_id, "") for model_id in model_ids or settings.model_ids)
