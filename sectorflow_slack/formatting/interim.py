"""What stands in place of an answer while it is worked on."""

from __future__ import annotations

from collections.abc import Sequence

from sectorflow_slack.domain.questions import Message

from . import limits
from .blocks import one_line
from .plain import notice
from .words import ENGLISH, Words


def asking(names: Sequence[str], words: Words = ENGLISH) -> Message:
    """Say which models are being asked; a name that is not known is ""."""
    shown = [limits.shorten(name, limits.NAME_CHARS) for name in map(one_line, names)]
    return notice(words.asking.format(names=words.list_names(shown)))


def still_going(seconds: float, words: Words = ENGLISH) -> Message:
    """Say that the models have not answered yet, so many seconds after they were asked."""
    return notice(words.still_going.format(seconds=max(1, round(seconds))))


def status(count: int, words: Words = ENGLISH) -> str:
    """Give the short text that Slack shows behind the app's name (``assistant.threads.setStatus``)."""
    return words.status_one if count == 1 else words.status.format(count=count)
