"""The welcome that users see when they open the app for the first time."""

from __future__ import annotations

from collections.abc import Sequence

from . import limits
from .blocks import one_line
from .reading import tidy
from .words import ENGLISH, Words

#: ``assistant.threads.setSuggestedPrompts`` shows so many (docs.slack.dev).
_MOST_PROMPTS = 4
#: A prompt's title stands on a small button.
_TITLE_CHARS = 48


def greeting(models: int, words: Words = ENGLISH) -> str:
    """Return the welcome for this number of models."""
    return words.greeting_one if models == 1 else words.greeting


def suggested_prompts(samples: Sequence[str], words: Words = ENGLISH) -> dict[str, str]:
    """Return questions to begin with, by their titles: the samples, or general ones if there are none."""
    prompts: dict[str, str] = {}
    for sample in samples:
        message = limits.shorten(tidy(sample).strip(), limits.INPUT_CHARS)
        if message:
            prompts.setdefault(limits.shorten(one_line(message), _TITLE_CHARS), message)
    return dict(list((prompts or dict(words.prompts)).items())[:_MOST_PROMPTS])
