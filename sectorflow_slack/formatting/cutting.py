"""Cutting text where it hurts least: between lines, sentences, words, and only then anywhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from .limits import count

#: The last three are the CJK full stop, exclamation mark and question mark.
_SENTENCE_END = re.compile(r"[.!?…]['\")\]]*\s|[\u3002\uff01\uff1f]")
#: Zero-width joiner and word joiner: the characters on both sides belong together.
_JOINERS = "\u200d\u2060"
#: Longest run looked through for a place between two characters that people see as such.
_CLUSTER = 40


def cut_text(text: str, limit: int, first: int | None = None) -> Iterator[str]:
    """Cut a text into parts that count at most ``limit``, the first one ``first``.

    Only white space at the cuts is lost.
    """
    start, room = 0, limit if first is None else first
    while start < len(text):
        end = cut(text, start, fitting(text, start, room))
        part = text[start:end] if end == len(text) else text[start:end].rstrip()
        if part:
            yield part
            room = limit
        start = behind_blanks(text, end)


def fitting(text: str, start: int, limit: int) -> int:
    """Return how far a text counts at most ``limit`` from ``start``; one character further at least."""
    end = min(len(text), start + limit)
    while (excess := count(text[start:end]) - limit) > 0:
        end -= (excess + 1) // 2
    return max(end, min(len(text), start + 1))


def behind_blanks(text: str, at: int) -> int:
    """Return where white space at a cut ends: a next line keeps its indent."""
    end = at
    while end < len(text) and text[end] in " \t\n":
        end += 1
    line = text.rfind("\n", at, end)
    return end if line < 0 or end == len(text) else line + 1


def cut(text: str, start: int, end: int) -> int:
    """Move a cut back to where it hurts least: past the half of the part, so that parts stay few."""
    if end == len(text):
        return end
    middle = start + (end - start) // 2
    line = text.rfind("\n", middle, end + 1)
    if line > start:
        return line
    sentence = max((match.end() for match in _SENTENCE_END.finditer(text, middle, end)), default=0)
    if sentence > start:
        return sentence
    word = max(text.rfind(" ", middle, end + 1), text.rfind("\t", middle, end + 1))
    return word if word > start else _between_characters(text, start, end)


def _between_characters(text: str, start: int, end: int) -> int:
    """Move a cut back to where it parts no emoji and no letter from its accents."""
    lowest = max(start + 1, end - _CLUSTER)
    at = end
    while at > lowest and _belongs_to_previous(text, at):
        at -= 1
    return at if at > lowest else end


def _belongs_to_previous(text: str, at: int) -> bool:
    char = text[at]
    return (
        char in _JOINERS
        or text[at - 1] in _JOINERS
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U0001f1e6" <= char <= "\U0001f1ff"
        or unicodedata.category(char) in ("Mn", "Mc", "Me")
    )
