"""Every text that people read in Slack, in each language there is; English where there is none."""

from __future__ import annotations

from typing import Final

from .english import ENGLISH
from .texts import Words

#: By Slack's locales or by language alone, in lower case (docs.slack.dev, users.info, ``locale``).
_BY_LOCALE: Final[dict[str, Words]] = {"en": ENGLISH}

__all__ = ["ENGLISH", "Words", "words_for"]


def words_for(locale: str) -> Words:
    """Give the words of a locale such as ``en-US``, else of its language, else the English ones."""
    exact = locale.replace("_", "-").lower()
    language = exact.partition("-")[0]
    return _BY_LOCALE.get(exact) or _BY_LOCALE.get(language) or ENGLISH
