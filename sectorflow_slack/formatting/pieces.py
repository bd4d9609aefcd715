"""Pieces of Markdown with what they cost, and the room that a message has for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from markdown_it.token import Token

from . import limits
from .blocks import Block, texts_of
from .parsing import parse_blocks

#: What Slack makes a block of its own of.
_OWN_BLOCK = frozenset({"heading_open", "hr", "table_open"})


@dataclass(frozen=True, slots=True)
class Room:
    """How much Markdown goes somewhere: into a message, or what is left of it."""

    chars: int = limits.MESSAGE_CHARS
    blocks: int = limits.BLOCKS
    tables: int = limits.TABLES
    table_rows: int = limits.TABLE_ROWS
    table_columns: int = limits.TABLE_COLUMNS
    table_chars: int = limits.TABLE_CHARS

    def takes(self, piece: Piece) -> bool:
        """Say whether the piece fits."""
        return (
            piece.chars <= self.chars
            and piece.blocks <= self.blocks
            and piece.tables <= self.tables
            and piece.table_rows <= self.table_rows
            and piece.table_columns <= self.table_columns
            and (not piece.tables or piece.chars <= self.table_chars)
        )

    def less(self, piece: Piece, *, of_same_block: bool = False) -> Room:
        """Give what is left when the piece, with the line ends before it, is in.

        Where what comes next goes on in the piece's last block, that one is left to it.
        """
        return replace(
            self,
            chars=self.chars - piece.chars - 2,
            blocks=self.blocks - piece.blocks + of_same_block,
            tables=self.tables - piece.tables,
        )

    def narrower(self, chars: int) -> Room:
        """Give a room with so many characters less."""
        return replace(self, chars=self.chars - chars)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of Markdown that stays together, with its cost after Slack's expansion."""

    text: str
    chars: int
    blocks: int = 1
    tables: int = 0
    table_rows: int = 0
    table_columns: int = 0
    #: A heading: it belongs to what follows it.
    leads: bool = False
    #: It stood on the line right below the piece before it.
    tight: bool = False
    #: Whether it begins and ends with running text, which other running text goes on in the same block.
    text_first: bool = False
    text_last: bool = False

    def goes_on_in(self, other: Piece) -> bool:
        """Say whether the other piece, right behind this one, begins in the block that this one ends in."""
        return self.text_last and other.text_first

    def followed_by(self, other: Piece) -> Piece:
        """Join two pieces into one that stays together."""
        return Piece(
            joined((self, other)),
            self.chars + 2 + other.chars,
            self.blocks + other.blocks - self.goes_on_in(other),
            self.tables + other.tables,
            max(self.table_rows, other.table_rows),
            max(self.table_columns, other.table_columns),
            other.leads,
            self.tight,
            self.text_first,
            other.text_last,
        )


#: Takes no room; -2 as ``Room.less`` counts a blank line before each piece.
NOTHING = Piece("", -2, blocks=0)


def joined(pieces: Iterable[Piece]) -> str:
    """Give the pieces' text, with a blank line between two unless there was none."""
    texts = [f"\n{piece.text}" if piece.tight else f"\n\n{piece.text}" for piece in pieces]
    return "".join(texts).lstrip("\n")


def cost(blocks: Iterable[Block]) -> Piece:
    """Count what finished blocks take of a message's room: each of their texts, a button's too."""
    drawn = list(blocks)
    return Piece("", sum(limits.count(text) for text in texts_of(drawn)), len(drawn))


def measure(text: str, tokens: list[Token] | None = None) -> Piece:
    """Make a piece of a text, counting the blocks that Slack makes of it.

    Each heading, rule and table becomes a block, and all running text up to the next one becomes one more,
    however many paragraphs, lists, quotes and pieces of code it has: a rich text block holds them all
    (docs.slack.dev, markdown block and rich text block). A heading, a rule or a table inside a list or a
    quote counts twice: itself, and what goes on behind it. Nobody outside has seen Slack's own count. Were
    it higher, Slack would refuse the message, and it would be said in simpler blocks, which are not
    expanded; a margin would part many answers in two that Slack takes as one.
    """
    tokens = parse_blocks(text) if tokens is None else tokens
    outer = [token.type for token in tokens if token.level == 0 and token.nesting >= 0]
    inner = sum(token.level > 0 and token.type in _OWN_BLOCK for token in tokens)
    is_text = [kind not in _OWN_BLOCK for kind in outer] or [True]
    runs = len(is_text) - sum(one and other for one, other in pairwise(is_text))
    tables, rows, columns = _tables(tokens)
    leads = outer[-1:] == ["heading_open"]
    return Piece(
        text,
        limits.count(text),
        runs + 2 * inner,
        tables,
        rows,
        columns,
        leads,
        text_first=is_text[0],
        text_last=is_text[-1],
    )


def _tables(tokens: list[Token]) -> tuple[int, int, int]:
    """Count the tables, and the rows and columns of the largest."""
    tables = rows = columns = most_rows = most_columns = 0
    for token in tokens:
        if token.type == "table_open":
            tables, rows = tables + 1, 0
        elif token.type == "tr_open":
            rows, columns = rows + 1, 0
            most_rows = max(most_rows, rows)
        elif token.type in ("th_open", "td_open"):
            columns += 1
            most_columns = max(most_columns, columns)
    return tables, most_rows, most_columns
