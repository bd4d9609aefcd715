"""Splitting parts that are too long for a page, and packing those of several answers on few pages."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TypeAlias

import regex

from . import limits
from .block_kit import Block, size_of
from .tables import as_fields
from .tree import BOLD, Code, Part, Prose, Runs, Table, Text, joined, plain
from .writing import GOES_ON, chars_of, gap, row_chars

#: A head this long is not repeated over each part of its table.
_LONG_HEAD = 500
#: The least room below headings for the content that follows them: an address fits.
_LEAST = limits.LINK_CHARS + 500

#: Parts that stay on one page: those that introduce content, and that content's beginning.
Unit: TypeAlias = tuple[Part, ...]
Row: TypeAlias = tuple[Runs, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """How much goes on a page, or what is left of it."""

    chars: int = limits.MESSAGE_CHARS
    blocks: int = limits.BLOCKS
    table_chars: int = limits.TABLE_CHARS
    tables: int = limits.BLOCKS

    def less(self, chars: int, blocks: int, *, tables: int = 0) -> Room:
        """Return what is left when so much is in, in tables or not."""
        table_chars = self.table_chars - chars if tables else self.table_chars
        return Room(self.chars - chars, self.blocks - blocks, table_chars, self.tables - tables)

    def less_blocks(self, blocks: Sequence[Block]) -> Room:
        """Return what is left when finished blocks are in, with the texts of their buttons.

        Slack does not say whether the blocks in a container count: here they do.
        """
        within = [*blocks]
        within += [child for block in within for child in block.get("child_blocks", ())]  # type: ignore[attr-defined]
        return self.less(size_of(blocks), len(within))

    @property
    def holds(self) -> bool:
        """Whether what went in fits."""
        return min(self.chars, self.blocks, self.table_chars, self.tables) >= 0


def with_parts(room: Room, before: Part | None, parts: Iterable[Part]) -> Room:
    """Return what is left of a room when parts go on behind another one."""
    for part in parts:
        chars = chars_of(part)
        if isinstance(part, Table):
            room = room.less(chars, 1, tables=1)
        else:
            is_first = before is None or isinstance(before, Table)
            room = room.less(chars + len(gap(before, part)), int(is_first))
        before = part
    return room


@dataclass(frozen=True, slots=True)
class Section:
    """The units under one name, with the blocks above them, at first and again, and those below."""

    units: tuple[Unit, ...]
    heading: Sequence[Block] = ()
    heading_again: Sequence[Block] = ()
    ending: Sequence[Block] = ()
    #: How many blocks of the units go on the page that the section begins on.
    most: int = limits.BLOCKS


@dataclass(frozen=True, slots=True)
class Portion:
    """What of a section is on one page."""

    #: The section's place among those packed.
    section: int
    parts: tuple[Part, ...]
    #: Whether the section began on an earlier page, and whether it ends on this one.
    continued: bool = False
    ends: bool = True


Page: TypeAlias = tuple[Portion, ...]


# Packing


def pack(sections: Iterable[Section], room: Room) -> tuple[Page, ...]:
    """Put sections on few pages, in order; no page ends with a heading.

    A section that fits one page is not parted over two. Each unit must fit a page with its section's heading
    and ending.
    """
    pages: list[list[Portion]] = [[]]
    left = room
    for at, section in enumerate(sections):
        rest, heading, continued = section.units, section.heading, False
        if not _holds(left, section) and _holds(room, section):
            pages.append([])
            left = room
        while rest:
            most = limits.BLOCKS if continued else section.most
            taken, after = _fill(rest, left.less_blocks(heading), section.ending, most)
            if not taken and pages[-1]:
                pages.append([])
                left = room
                continue
            taken = taken or 1
            parts = tuple(part for unit in rest[:taken] for part in unit)
            pages[-1].append(Portion(at, parts, continued, taken == len(rest)))
            rest, heading, continued, left = rest[taken:], section.heading_again, True, after
            if rest:
                pages.append([])
                left = room
    return tuple(tuple(page) for page in pages if page)


def _holds(room: Room, section: Section) -> bool:
    taken, _ = _fill(section.units, room.less_blocks(section.heading), section.ending, section.most)
    return taken == len(section.units)


def _fill(units: tuple[Unit, ...], left: Room, ending: Sequence[Block], most: int) -> tuple[int, Room]:
    """Count how many of the units fit, in so many blocks and the last one with the ending.

    Return the room left behind them, too.
    """
    before: Part | None = None
    for at, unit in enumerate(units):
        if at == len(units) - 1:
            left = left.less_blocks(ending)
        after = with_parts(left, before, unit)
        most -= left.blocks - after.blocks
        if not after.holds or most < 0:
            return at, left
        left, before = after, unit[-1] if unit else before
    return len(units), left


# Splitting


def split(parts: Iterable[Part], room: Room) -> tuple[Unit, ...]:
    """Return parts in units that each fit a room; what introduces content stays with it.

    No part at all is one empty unit.
    """
    units: list[Unit] = []
    headings: list[Part] = []
    left = room
    for part in parts:
        after = with_parts(left, headings[-1] if headings else None, (part,))
        if _introduces(part) and after.chars >= _LEAST:
            headings.append(part)
            left = after
            continue
        if after.holds and not isinstance(part, Table):
            units.append((*headings, part))
        else:
            first, *others = _pieces(part, after.chars + chars_of(part), room)
            units += [(*headings, first), *((piece,) for piece in others)]
        headings, left = [], room
    return (*units, tuple(headings)) if headings or not units else tuple(units)


def _introduces(part: Part) -> bool:
    """Whether a part is about what follows it: a heading, a paragraph in bold, a sentence with a colon."""
    if not isinstance(part, Prose):
        return False
    is_bold = part.kind == "text" and all(run.style & BOLD for run in part.runs if run.text.strip())
    return part.kind == "heading" or is_bold or part.runs[-1].text.endswith((":", "："))  # noqa: RUF001


def _pieces(part: Part, first: int, room: Room) -> Iterator[Part]:
    """Split a part into pieces that fit a page, the first of at most ``first`` characters."""
    match part:
        case Code(text=text):
            for piece in cut_text(text, room.chars, first):
                yield replace(part, text=piece)
        case Table():
            limit = min(room.chars, room.table_chars)
            yield from _tables(part, min(first, limit), limit)
        case Prose():
            yield from _proses(part, first, room.chars)


def _proses(part: Prose, first: int, limit: int) -> Iterator[Prose]:
    again = (Text(GOES_ON),) if part.kind == "item" else ()
    stretches = _cut_runs(part.runs, first, limit - sum(run.chars for run in again))
    for at, runs in enumerate(stretches):
        yield replace(part, runs=joined((*again, *runs)) if at else runs)


def _cut_runs(runs: Runs, first: int, limit: int) -> Iterator[Runs]:
    """Cut runs into stretches that count at most so much with their addresses."""
    text = plain(runs)
    ends = list(accumulate(len(run.text) for run in runs))
    start = at = 0
    while start < len(text):
        end = _cut(text, start, max(start + 1, _reach(runs, ends, at, start, first)))
        stretch = _stretch(runs, ends, at, start, end)
        if any(run.text.strip() for run in stretch):
            yield stretch
            first = limit
        start = _behind_blanks(text, end)
        at = bisect_right(ends, start, at)


def _reach(runs: Runs, ends: list[int], at: int, start: int, limit: int) -> int:
    """Return how far runs count at most ``limit``; an address counts in each piece of its run."""
    place = start
    for run, end in zip(runs[at : at + limit], ends[at : at + limit], strict=True):
        begin, room = end - len(run.text), limit - limits.count(run.url)
        fits = room >= limits.RUN_CHARS
        reached = begin + limits.fitting(run.text, place - begin, room) if fits else place
        if reached < end:
            return reached
        limit -= replace(run, text=run.text[place - begin :]).chars
        place = end
    return place


def _stretch(runs: Runs, ends: list[int], at: int, start: int, end: int) -> Runs:
    """Return what runs have between two places, without the blanks before the second."""
    stretch: list[Text] = []
    while at < len(runs) and (begin := ends[at] - len(runs[at].text)) < end:
        piece = runs[at].text[max(0, start - begin) : end - begin]
        stretch.append(replace(runs[at], text=piece))
        at += 1
    if end < ends[-1]:
        stretch[-1] = replace(stretch[-1], text=stretch[-1].text.rstrip())
    return tuple(run for run in stretch if run.text)


def _tables(table: Table, first: int, limit: int) -> Iterator[Part]:
    """Split a table between its rows, under its head again; a row too long for a table stands apart."""
    columns = table.columns
    head, *rows = table.rows
    again = [head] if row_chars(head, columns) <= _LONG_HEAD else []
    if not again:
        rows = [head, *rows]
    above = sum(row_chars(row, columns) for row in again)
    taken, size, room = list(again), above, first
    for row in rows:
        chars = row_chars(row, columns)
        is_full = size + chars > room or len(taken) == limits.TABLE_ROWS
        if is_full and len(taken) > len(again):
            yield replace(table, rows=tuple(taken))
            taken, size, room = list(again), above, limit
        if size + chars > room:
            yield from _fields(again, row, room, limit)
            room = limit
        else:
            taken.append(row)
            size += chars
    if len(taken) > len(again) or not rows:
        yield replace(table, rows=tuple(taken))


def _fields(head: Sequence[Row], row: Row, first: int, limit: int) -> Iterator[Prose]:
    for runs in as_fields(head[0] if head else (), row):
        yield from _proses(Prose("text", runs), first, limit)
        first = limit


# Cutting text where it hurts least: between lines, sentences, words, and only then anywhere

#: The last three are the CJK full stop, exclamation mark and question mark.
_SENTENCE_END = re.compile(r"[.!?…]['\")\]]*\s|[\u3002\uff01\uff1f]")
#: What people see as one character: a letter with its accents, a flag, a family (Unicode, UAX 29).
_CHARACTER = regex.compile(r"\X")
#: The longest one looked for.
_LONGEST_CHARACTER = 40


def cut_text(text: str, limit: int, first: int | None = None) -> Iterator[str]:
    """Cut a text into parts that count at most ``limit``, the first one ``first``.

    Only white space at the cuts is lost.
    """
    yield from map(plain, _cut_runs((Text(text),), limit if first is None else first, limit))


def _behind_blanks(text: str, at: int) -> int:
    """Return where white space at a cut ends: a next line keeps its indent."""
    end = at
    while end < len(text) and text[end] in " \t\n":
        end += 1
    line = text.rfind("\n", at, end)
    return end if line < 0 else line + 1


def _cut(text: str, start: int, end: int) -> int:
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
    """Move a cut back to where a character begins, unless that would leave nothing before it."""
    lowest = max(start, end - _LONGEST_CHARACTER)
    last = max(match.start() for match in _CHARACTER.finditer(text, lowest, end + 1))
    return last if last > lowest else end
