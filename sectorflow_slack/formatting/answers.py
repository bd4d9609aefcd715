"""Drawing the answers to a question, the way that the installation or a reader wants them."""

from __future__ import annotations

from sectorflow_slack.domain.messages import Message
from sectorflow_slack.domain.questions import Answer

from .separated import separated
from .tabs import tabs
from .words import ENGLISH, Words


def draw(answer: Answer, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Draw all answers one below the other, or one of them in a message with a tab for each."""
    return tabs(answer, words) if answer.display == "tabs" else separated(answer, words)
