"""What a person is told when there is no answer: one plain sentence for each kind of failure."""

from __future__ import annotations

from sectorflow_slack.domain.errors import (
    AnswerLost,
    QuestionRefused,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.formatting.words import ENGLISH

_EXCUSES: tuple[tuple[type[Exception], str], ...] = (
    (TokenRefused, ENGLISH.key_refused),
    (WorkspaceMissing, ENGLISH.workspace_gone),
    (QuestionRefused, ENGLISH.question_refused),
    (SectorFlowBusy, ENGLISH.unreachable),
    (SectorFlowBroken, ENGLISH.unreachable),
    (AnswerLost, ENGLISH.too_slow),
    (ReplyUnreadable, ENGLISH.unreadable),
)


def excuse_for(error: Exception) -> str:
    """Give the sentence for an error; never its text, which is for nobody's eyes."""
    return next((words for kind, words in _EXCUSES if isinstance(error, kind)), ENGLISH.unexpected)
