"""Packing the pieces of several answers into messages, or of one answer into pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .pieces import NOTHING, Piece, Room, joined


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading: its pieces, and what the heading costs at first and again."""

    pieces: tuple[Piece, ...]
    heading: Piece
    heading_again: Piece
    #: What stands behind the last piece, on the same page.
    ending: Piece = NOTHING


@dataclass(frozen=True, slots=True)
class Part:
    """What of a section is on one page."""

    #: The section's place among those packed.
    section: int
    pieces: tuple[Piece, ...]
    #: Whether the section began on an earlier page, and whether it ends on this one.
    continued: bool = False
    ends: bool = True

    @property
    def text(self) -> str:
        """Give the part's Markdown."""
        return joined(self.pieces)


Page = tuple[Part, ...]


def pack(sections: Iterable[Section], room: Room) -> tuple[Page, ...]:
    """Put the sections on few pages, in order; no page ends with a heading.

    A section that fits one page is not parted over two. Each piece must fit the room together with its
    section's heading and ending.
    """
    pages: list[list[Part]] = [[]]
    left = room
    for at, section in enumerate(sections):
        rest, heading, continued = section.pieces, section.heading, False
        if pages[-1] and not _holds(left, section) and _holds(room, section):
            pages.append([])
            left = room
        while rest:
            taken, after = _fill(rest, left.less(heading), section.ending)
            if not taken and pages[-1]:
                pages.append([])
                left = room
                continue
            taken = taken or 1
            pages[-1].append(Part(at, rest[:taken], continued, taken == len(rest)))
            rest, heading, continued, left = rest[taken:], section.heading_again, True, after
            if rest:
                pages.append([])
                left = room
    return tuple(tuple(page) for page in pages if page)


def _holds(room: Room, section: Section) -> bool:
    taken, _ = _fill(section.pieces, room.less(section.heading), section.ending)
    return taken == len(section.pieces)


def _fill(pieces: tuple[Piece, ...], left: Room, ending: Piece) -> tuple[int, Room]:
    """Count how many of the pieces fit, the last one with the ending, and give the room left behind them."""
    for at, piece in enumerate(pieces):
        if at == len(pieces) - 1:
            left = left.less(ending)
        if not left.takes(piece):
            return at, left
        following = pieces[at + 1 : at + 2]
        left = left.less(piece, of_same_block=any(map(piece.goes_on_in, following)))
    return len(pieces), left
