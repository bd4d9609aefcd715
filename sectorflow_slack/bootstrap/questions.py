"""The services of a question: accepted, answered, waited for, asked again."""

from __future__ import annotations

from sectorflow_slack.bootstrap.adapters import InstallAdapters, QuestionAdapters, Remotes
from sectorflow_slack.config import Settings
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.services.asking import AskingService
from sectorflow_slack.services.drawing import DrawingService
from sectorflow_slack.services.errands import ErrandService
from sectorflow_slack.services.events import EventService
from sectorflow_slack.services.hosting import HostingService
from sectorflow_slack.services.interactions import InteractionService
from sectorflow_slack.services.interim import InterimService
from sectorflow_slack.services.posting import PostingService
from sectorflow_slack.services.reasking import ReaskingService
from sectorflow_slack.services.recovery import RecoveryService
from sectorflow_slack.services.speaking import SpeakingService
from sectorflow_slack.services.tokens import TokenService


def build_events(installs: InstallAdapters, stores: QuestionAdapters, remotes: Remotes) -> EventService:
    """Put together what takes in Slack's events."""
    return EventService(
        apps=installs.apps,
        installations=installs.installations,
        questions=stores.questions,
        queue=remotes.queue,
        metrics=stores.metrics,
        clock=remotes.clock,
    )


def build_interactions(
    installs: InstallAdapters, stores: QuestionAdapters, remotes: Remotes
) -> InteractionService:
    """Put together what takes in presses of buttons."""
    reasking = ReaskingService(
        questions=stores.questions,
        answers=stores.answers,
        letters=stores.letters,
        queue=remotes.queue,
        clock=remotes.clock,
    )
    return InteractionService(
        installations=installs.installations,
        letters=stores.letters,
        answers=stores.answers,
        feedback=stores.feedback,
        reasking=reasking,
        queue=remotes.queue,
    )


def build_speaking(settings: Settings, stores: QuestionAdapters, remotes: Remotes) -> SpeakingService:
    """Put together what makes single calls."""
    return SpeakingService(
        pauses=stores.pauses,
        slack=remotes.slack,
        metrics=stores.metrics,
        shared_app_id=settings.slack_app.app_id if settings.slack_app else None,
    )


def build_answers(
    installs: InstallAdapters,
    stores: QuestionAdapters,
    remotes: Remotes,
    tokens: TokenService,
    speaking: SpeakingService,
) -> AnswerService:
    """Put together what a worker answers with."""
    asking = AskingService(
        sectorflow=remotes.sectorflow,
        conversations=stores.conversations,
        answers=stores.answers,
        metrics=stores.metrics,
        clock=remotes.clock,
    )
    posting = PostingService(questions=stores.questions, interim=stores.interim, speaking=speaking)
    recovery = RecoveryService(
        installations=installs.installations,
        questions=stores.questions,
        queue=remotes.queue,
        posting=posting,
        asking=asking,
        tokens=tokens,
        metrics=stores.metrics,
    )
    return AnswerService(
        installations=installs.installations,
        questions=stores.questions,
        conversations=stores.conversations,
        kept=stores.answers,
        queue=remotes.queue,
        asking=asking,
        posting=posting,
        recovery=recovery,
        tokens=tokens,
        metrics=stores.metrics,
        clock=remotes.clock,
    )


def build_errands(
    installs: InstallAdapters,
    stores: QuestionAdapters,
    remotes: Remotes,
    tokens: TokenService,
    speaking: SpeakingService,
) -> ErrandService:
    """Put together what runs errands."""
    interim = InterimService(
        installations=installs.installations,
        interim=stores.interim,
        tokens=tokens,
        speaking=speaking,
        slack=remotes.slack,
        clock=remotes.clock,
    )
    return ErrandService(
        installations=installs.installations,
        tokens=tokens,
        answers=stores.answers,
        interim=interim,
        drawing=DrawingService(answers=stores.answers, locks=installs.locks, speaking=speaking),
        hosting=HostingService(sectorflow=remotes.sectorflow),
        speaking=speaking,
        slack=remotes.slack,
        queue=remotes.queue,
    )
