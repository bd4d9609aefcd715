"""Where the content of a paragraph, a heading or a table's cell stands in the text it was parsed from.

The parser gives no columns, and takes away indents, quote marks, list markers and, in a table's cell, the
backslash before each pipe.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

#: Where a line is looked for first, so that a long table is not searched to its end for each of its cells.
_NEAR = 400


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the content without its indent, and as it is written in the text."""

    bare: str
    written: str
    #: Where ``bare`` begins in the content, and ``written`` in the text.
    offset: int
    place: int

    @property
    def end(self) -> int:
        return self.place + len(self.written)

    def at(self, spot: int) -> int:
        """Give the place in the text of a spot in the content."""
        length = max(0, spot - self.offset)
        if self.bare != self.written:
            length += self.bare.count("|", 0, length)
        return min(self.place + length, self.end)


@dataclass(frozen=True, slots=True)
class Places:
    """Where each line of a content stands."""

    lines: tuple[_Line, ...]
    offsets: tuple[int, ...]

    @property
    def end(self) -> int:
        """Give the place behind the content."""
        return self.lines[-1].end

    def at(self, spot: int) -> int:
        """Give the place in the text of a spot in the content."""
        return self._line(spot).at(spot)

    def ranges(self, start: int, end: int) -> list[tuple[int, int]]:
        """Give the places of a stretch of the content, line by line; what is between is no part of it."""
        first = max(0, bisect_right(self.offsets, start) - 1)
        last = bisect_right(self.offsets, max(start, end - 1))
        return [(line.at(start), line.at(end)) for line in self.lines[first:last]]

    def _line(self, spot: int) -> _Line:
        return self.lines[max(0, bisect_right(self.offsets, spot) - 1)]


def find_places(text: str, content: str, start: int, end: int) -> Places | None:
    """Find a content in the text between two places; None where it is not found line by line.

    What the parser takes away holds no bracket, backtick, dollar or ``<``. So the first place where a line
    that has one of these is found is its place, as long as the search begins behind every other such line.
    """
    lines: list[_Line] = []
    offset = 0
    for line in content.split("\n"):
        bare = line.lstrip()
        place, written = _find(text, bare, start, end)
        if place < 0:
            return None
        lines.append(_Line(bare, written, offset + len(line) - len(bare), place))
        start, offset = place + len(written), offset + len(line) + 1
    return Places(tuple(lines), tuple(line.offset for line in lines))


def _find(text: str, line: str, start: int, end: int) -> tuple[int, str]:
    """Find a line: where it stands, -1 where it does not, and how it is written there."""
    written = (line, line.replace("|", "\\|")) if "|" in line else (line,)
    for stop in (min(end, start + 2 * len(line) + _NEAR), end):
        found = [(place, each) for each in written if (place := text.find(each, start, stop)) >= 0]
        if found:
            return min(found)
    return -1, line


def line_starts(text: str) -> list[int]:
    """Give where each line begins, and where the text ends."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    starts[-1] = len(text)
    return starts
