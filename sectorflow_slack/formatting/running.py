"""Running text that is written anew in its place: a paragraph, a heading, a table's cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .escaping import JOINER
from .places import Places

#: A stretch of a text, and what takes its place.
Edit = tuple[int, int, str]
Kind = Literal["paragraph", "heading", "cell"]

_MARKER = re.compile(r"[^>\s]")
#: What would begin a block of its own, or end a heading, at the beginning of a line.
_BEGINS_BLOCK = re.compile(
    r"[ \t]*(?:[>=|:-]|[+*](?:\s|$)|(?:[*_][ \t]*){3,}$|#{1,6}(?:\s|$)|\d{1,9}[.)](?:\s|$)|```|~~~|\[)",
    re.MULTILINE,
)
#: What would be a fence, a rule or a part of a table if the line ended behind it.
_BLOCK_BY_END = re.compile(r"[ \t]*(?:```|~~~|[-+=_*|: \t]+\Z)")


@dataclass(frozen=True, slots=True)
class Running:
    """The content of an inline token, and where it stands in the text."""

    text: str
    content: str
    places: Places
    kind: Kind

    def edit(self, start: int, end: int, written: str) -> Edit:
        """Turn a change of the content into one of the text."""
        if self.kind == "cell":
            written = re.sub(r"(?<!\\)\|", r"\\|", written)
        return self.places.at(start), self.places.at(end), written

    @property
    def indent(self) -> str:
        """Give what a new line needs before it: indents and quote marks."""
        return indent_at(self.text, self.places.lines[0].place)

    def guard(self, spot: int) -> str:
        """Give what keeps the text at a spot from beginning a block of its own, once it begins a line."""
        return JOINER if _BEGINS_BLOCK.match(self.content, spot) else ""

    def line_guard(self, spot: int) -> Iterator[Edit]:
        """Keep the line that is to end at a spot from becoming a block of its own by that."""
        start = self.content.rfind("\n", 0, spot) + 1
        if _BLOCK_BY_END.match(self.content[start:spot]):
            yield self.edit(start, start, JOINER)
        if self.content.startswith("[") and self.content.find("]:", 0, spot) >= 0:
            # It might become the definition of a link reference.
            yield self.edit(0, 0, JOINER)

    def begins_line(self, spot: int) -> bool:
        """Say whether nothing stands before a spot in its line."""
        return not self.content[self.content.rfind("\n", 0, spot) + 1 : spot].strip(" \t")


def indent_at(text: str, place: int) -> str:
    """Give the indents and quote marks that a line needs to go on with what begins at a place."""
    before = text[text.rfind("\n", 0, place) + 1 : place]
    return _MARKER.sub(" ", before)
