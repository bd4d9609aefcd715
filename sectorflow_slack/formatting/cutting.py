"""Cutting plain text where it hurts least: between lines, sentences, words, and only then anywhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from .limits import count

#: The last three are the CJK full stop, exclamation mark and question mark.
_SENTENCE_END = re.compile(r"[.!?…]['\")\]]*\s|[\u3002\uff01\uff1f]")
_ENTITY_START = re.compile(r"&#?\w{0,8}$")
#: Zero-width joiner and word joiner: what stands on both sides belongs together.
_JOINERS = "\u200d\u2060"
#: Longest run looked through for a place between two characters that people see as such.
_CLUSTER = 40


def cut_text(text: str, limit: int) -> Iterator[str]:
    """Cut a text into parts that each count at most ``limit``; only white space at the cuts is lost."""
    start = 0
    while start < len(text):
        end = _cut(text, start, limit)
        part = text[start:end] if end == len(text) else text[start:end].rstrip()
        if part:
            yield part
        while end < len(text) and text[end] in " \t\n":
            end += 1
        start = end


def _cut(text: str, start: int, limit: int) -> int:
    """Find where the part that begins at ``start`` ends: past its half, so that parts stay few."""
    end = min(len(text), start + limit)
    while (excess := count(text[start:end]) - limit) > 0:
        end -= (excess + 1) // 2
    if end == len(text):
        return end
    middle = start + (end - start) // 2
    line = text.rfind("\n", middle, end)
    if line > start:
        return line
    sentence = max((match.end() for match in _SENTENCE_END.finditer(text, middle, end)), default=0)
    if sentence > start:
        return sentence
    word = max(text.rfind(" ", middle, end), text.rfind("\t", middle, end))
    return word if word > start else _between_characters(text, start, end)


def _between_characters(text: str, start: int, end: int) -> int:
    """Move a cut back to where it parts no entity, no emoji and no letter from its accents."""
    lowest = max(start + 1, end - _CLUSTER)
    if entity := _ENTITY_START.search(text, lowest, end):
        end = max(entity.start(), start + 1)
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


def pack_lines(lines: list[str], limit: int, most: int | None = None) -> Iterator[str]:
    """Fill parts with whole lines, at most ``most`` in each; a line too long alone is cut."""
    part: list[str] = []
    size = 0
    for line in lines:
        length = count(line) + 1
        if part and (size + length > limit or len(part) == most):
            yield "\n".join(part)
            part, size = [], 0
        if length > limit:
            *full, line = list(cut_text(line, limit - 1)) or [""]
            yield from full
            length = count(line) + 1
        part.append(line)
        size += length
    if part:
        yield "\n".join(part)
