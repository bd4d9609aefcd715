"""What to say to a question: the answers, help, or an excuse."""

from __future__ import annotations

from dataclasses import replace

from sectorflow_slack.domain.models import Installation, Question, Reply
from sectorflow_slack.domain.progress import Plan
from sectorflow_slack.formatting.plain import notice, notice_to_ask_again
from sectorflow_slack.formatting.separated import separated
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.failures import excuse_for, reason_of


def plan_without_asking(question: Question, installation: Installation) -> Plan | None:
    """Say what needs no LLM; None where SectorFlow is to be asked."""
    if question.is_external and not installation.terms.allow_external_users:
        return Plan((notice(ENGLISH.external_person),))
    if not question.text:
        return Plan((notice(ENGLISH.help),))
    return None


def plan_of(question: Question, reply: Reply) -> Plan:
    """Say what the models answered; where some failed, with a button to ask these again."""
    failed = tuple(answer.model_id for answer in reply.answers if answer.failed)
    if len(failed) == len(reply.answers):
        told = (notice_to_ask_again(ENGLISH.no_answer, question.id),)
        return Plan(told, failure="no_answer", thread_id=reply.thread_id)
    messages = separated(reply.answers)
    if failed:
        messages += (notice_to_ask_again(ENGLISH.some_failed, question.id),)
    return Plan(messages, failed_model_ids=failed, thread_id=reply.thread_id)


def plan_of_failure(question: Question, error: Exception) -> Plan:
    """Say in one sentence that there is no answer, with a button to ask again."""
    return Plan((notice_to_ask_again(excuse_for(error), question.id),), failure=reason_of(error))


def to_ask_again(question: Question, plan: Plan) -> Question | None:
    """Give what is asked when somebody presses the button; None where there is none."""
    if plan.failure == "uninstalled":
        return None
    if plan.failure:
        return replace(question, button_ts=None)
    if plan.failed_model_ids:
        return replace(question, model_ids=plan.failed_model_ids, button_ts=None)
    return None
