from __future__ import annotations

import pytest

from sectorflow_slack.domain.errors import (
    AnswerLost,
    QuestionRefused,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    SectorFlowError,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.excuses import excuse_for


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TokenRefused("secret"), ENGLISH.key_refused),
        (WorkspaceMissing("secret"), ENGLISH.workspace_gone),
        (QuestionRefused("secret"), ENGLISH.question_refused),
        (SectorFlowBusy("secret", 3.0), ENGLISH.unreachable),
        (SectorFlowBroken("secret"), ENGLISH.unreachable),
        (AnswerLost("secret"), ENGLISH.too_slow),
        (ReplyUnreadable("secret"), ENGLISH.unreadable),
        (SectorFlowError("secret"), ENGLISH.unexpected),
        (ZeroDivisionError("secret"), ENGLISH.unexpected),
    ],
)
def test_each_failure_has_a_sentence_of_its_own(error: Exception, words: str) -> None:
    assert excuse_for(error) == words


def test_every_kind_of_failure_at_sectorflow_has_a_sentence() -> None:
    kinds = SectorFlowError.__subclasses__()

    public = [kind for kind in kinds if kind.__module__ == SectorFlowError.__module__]

    assert len(public) == 7
    assert all(excuse_for(kind("secret")) != ENGLISH.unexpected for kind in public)
