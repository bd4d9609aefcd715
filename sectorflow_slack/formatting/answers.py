"""Drawing the answers to a question, the way that the installation or a reader wants them."""

from __future__ import annotations

import hashlib
import json

from sectorflow_slack.domain.questions import Answer, Message

from .separated import separated
from .tabs import tabs
from .words import ENGLISH, Words

#: Digits of a digest: a message is only compared with what stood in its own place before.
_DIGITS = 16


def draw(answer: Answer, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Draw all answers one below the other, or one of them in a message with a tab for each."""
    return tabs(answer, words) if answer.display == "tabs" else separated(answer, words)


def digest(message: Message) -> str:
    """Give a short text that is another one for each other message; it is not to be kept readable."""
    written = json.dumps([message.text, message.blocks], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:_DIGITS]
