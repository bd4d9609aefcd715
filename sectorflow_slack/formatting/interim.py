"""Placeholders and status: the texts that users see until the answer is there."""

from __future__ import annotations

from collections.abc import Sequence

from sectorflow_slack.domain.questions import Message

from . import limits
from .blocks import one_line
from .plain import notice
from .words import ENGLISH, Words


def asking(names: Sequence[str], words: Words = ENGLISH) -> Message:
    """Return the placeholder that names the models being asked; an unknown name is ""."""
    shown = [limits.shorten(name, limits.NAME_CHARS) for name in map(one_line, names)]
    return notice(words.asking.format(names=words.list_names(shown)))


def still_going(seconds: float, words: Words = ENGLISH) -> Message:
    """Return the placeholder for models that have not answered after so many seconds."""
    return notice(words.still_going.format(seconds=max(1, round(seconds))))


def status(count: int, words: Words = ENGLISH) -> str:
    """Return the short text that Slack shows behind the app's name (``assistant.threads.setStatus``)."""
    return words.status_one if count == 1 else words.status.format(count=count)
