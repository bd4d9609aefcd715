"""Drawing the answers to a question, the way that the installation or a reader wants them."""

from __future__ import annotations

import hashlib
import json

from sectorflow_slack.domain.questions import Answer, Message

from .displays.separated import separated
from .displays.tabs import tabs
from .words import ENGLISH, Words

#: Digits of a digest: a message is only compared with what stood in its own place before.
_DIGITS = 16


def draw(answer: Answer, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Draw all answers one below the other, or one of them in a message with a tab for each."""
    return tabs(answer, words) if answer.display == "tabs" else separated(answer, words)


def digest(message: Message) -> str:
    """Return a short text that differs from any other message's; it is not to be read."""
    written = json.dumps([message.text, message.blocks], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:_DIGITS]
