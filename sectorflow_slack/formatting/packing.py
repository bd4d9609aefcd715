"""Packing the pieces of several answers into messages, or of one answer into pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .pieces import Piece, Room, joined


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading: its pieces, and what the heading costs at first and again."""

    pieces: tuple[Piece, ...]
    heading: Piece
    heading_again: Piece


@dataclass(frozen=True, slots=True)
class Part:
    """What of a section is on one page."""

    #: The section's place among those packed.
    section: int
    pieces: tuple[Piece, ...]
    #: Whether the section began on an earlier page.
    continued: bool = False

    @property
    def text(self) -> str:
        """Give the part's Markdown."""
        return joined(self.pieces)


Page = tuple[Part, ...]


def pack(sections: Iterable[Section], room: Room) -> tuple[Page, ...]:
    """Put the sections on few pages, in order; no page ends with a heading.

    A section that fits one page is not parted over two. Each piece must fit the room together with its
    section's heading.
    """
    pages: list[list[Part]] = [[]]
    left = room
    for at, section in enumerate(sections):
        rest, heading, continued = section.pieces, section.heading, False
        if pages[-1] and not _holds(left, section) and _holds(room, section):
            pages.append([])
            left = room
        while rest:
            taken, after = _fill(rest, left.less(heading))
            if not taken and pages[-1]:
                pages.append([])
                left = room
                continue
            taken = taken or 1
            pages[-1].append(Part(at, rest[:taken], continued))
            rest, heading, continued, left = rest[taken:], section.heading_again, True, after
            if rest:
                pages.append([])
                left = room
    return tuple(tuple(page) for page in pages if page)


def _holds(room: Room, section: Section) -> bool:
    taken, _ = _fill(section.pieces, room.less(section.heading))
    return taken == len(section.pieces)


def _fill(pieces: tuple[Piece, ...], left: Room) -> tuple[int, Room]:
    """Count how many of the pieces fit, and give the room left behind them."""
    taken = 0
    for piece in pieces:
        if not left.takes(piece):
            break
        left = left.less(piece)
        taken += 1
    return taken, left
