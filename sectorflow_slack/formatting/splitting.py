"""Splitting Markdown into pieces: between its blocks, and inside a block that is too large alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from markdown_it.token import Token

from .cutting import cut_text, pack_lines
from .escaping import JOINER
from .fencing import as_code, closes, fence_for, fenced
from .limits import count
from .nesting import list_items, quote, unquote, without_marker
from .parsing import first_line, is_dense, parse_blocks
from .pieces import Piece, Room, joined, measure

#: A table that would need more parts than this is shown as code: a flood of messages helps nobody.
_MOST_TABLE_PARTS = 8
#: Likewise for a text of thousands of headings or one-word paragraphs.
_MOST_PAGES = 30
#: Longest opening line of a fence, or head of a table, that is worth repeating.
_MOST_REPEATED = 1_000
#: Lists in lists that are split as such; what is deeper is split as text.
_MOST_DEPTH = 4


@dataclass(frozen=True, slots=True)
class _Block:
    """A top-level block: its text, the parser's tokens of it, and how many lists or quotes it was in."""

    text: str
    tokens: list[Token]
    depth: int = 0
    #: No blank line is before it.
    tight: bool = False


def split(markdown: str, room: Room) -> tuple[Piece, ...]:
    """Split tidy, neutral Markdown into pieces that each fit the room, in their order.

    Joined the pieces are the Markdown again, but for what was done to a block too large
    for the room: its fence or its table's head is there in each part. A heading stays with what follows.
    """
    pieces = [] if is_dense(markdown) else _split(markdown, room, 0)
    if is_dense(markdown) or sum(piece.blocks for piece in pieces) > _MOST_PAGES * room.blocks:
        return tuple(measure(code) for code in as_code(markdown, room.chars))
    return tuple(pieces)


def _split(markdown: str, room: Room, depth: int) -> list[Piece]:
    pieces: list[Piece] = []
    for block in _top_level(markdown, depth):
        beside = room.less(pieces[-1]) if pieces and pieces[-1].leads else room
        for piece in _fitting(block, room, beside):
            if pieces and pieces[-1].leads and room.takes(both := pieces[-1].followed_by(piece)):
                pieces[-1] = both
            else:
                pieces.append(piece)
    return pieces


def _top_level(markdown: str, depth: int) -> Iterator[_Block]:
    """Give each top-level block with its tokens; blank lines between blocks belong to none."""
    lines = markdown.split("\n")
    tokens = parse_blocks(markdown)
    firsts = [at for at, token in enumerate(tokens) if token.level == 0 and token.nesting >= 0]
    starts = [first_line(tokens[at]) for at in firsts]
    for (start, end), (first, last) in zip(
        pairwise([*starts, len(lines)]), pairwise([*firsts, len(tokens)]), strict=True
    ):
        tight = start > 0 and bool(lines[start - 1].strip())
        yield _Block(_trimmed(lines[start:end]), tokens[first:last], depth, tight)


def _trimmed(lines: list[str]) -> str:
    """Join lines without the blank ones behind them."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return "\n".join(lines[:end])


def _fitting(block: _Block, room: Room, beside: Room) -> Iterator[Piece]:
    """Give a block as one piece, or as several where it is too large, which fit beside its heading."""
    if not block.text:
        return
    whole = measure(block.text, block.tokens)
    narrow = beside if beside.chars > room.chars // 2 and beside.blocks > room.blocks // 2 else room
    if narrow.takes(whole):
        yield replace(whole, tight=block.tight)
        return
    splitter = _SPLITTERS.get(block.tokens[0].type, _split_prose)
    if block.depth > _MOST_DEPTH:
        splitter = _split_prose
    for part in splitter(block, narrow):
        if narrow.takes(piece := measure(part)):
            yield piece
        else:
            yield from (measure(code) for code in as_code(part, narrow.chars))


def _split_prose(block: _Block, room: Room) -> Iterator[str]:
    """Split a paragraph; a part that would begin like a list, a heading… is kept from it invisibly."""
    first, *others = cut_text(block.text, room.chars - 1)
    yield first
    for part in others:
        begins = parse_blocks(part[:200])[:1]
        plain = not begins or begins[0].type == "paragraph_open"
        yield part if plain else f"{JOINER}{part.lstrip()}"


def _split_code(block: _Block, room: Room) -> Iterator[str]:
    """Split a fence between its lines and open it again with its language."""
    token, lines = block.tokens[0], block.text.split("\n")
    if token.type == "code_block":
        return fenced([line.removeprefix("    ") for line in lines], "", fence_for(block.text), room.chars)
    if count(lines[0]) > _MOST_REPEATED:
        return as_code(block.text, room.chars)
    end = len(lines) - (len(lines) > 1 and closes(lines[-1], token.markup))
    return fenced(lines[1:end], token.info.strip(), token.markup, room.chars)


def _split_table(block: _Block, room: Room) -> Iterator[str]:
    """Split a table between its rows, its head over each part; one that Slack can't draw becomes code."""
    lines = block.text.split("\n")
    head, rows = "\n".join(lines[:2]), lines[2:]
    size = min(room.chars, room.table_chars) - count(head) - 1
    drawable = measure(head).table_columns <= room.table_columns and count(head) <= _MOST_REPEATED
    if drawable and all(count(row) < size for row in rows):
        parts = list(pack_lines(rows, size, room.table_rows - 1))
        if len(parts) <= _MOST_TABLE_PARTS:
            return iter([f"{head}\n{part}" for part in parts])
    return as_code(block.text, room.chars)


def _split_list(block: _Block, room: Room) -> Iterator[str]:
    """Split a list between its outer items; an item too large alone goes on as text of its own."""
    part: list[str] = []
    left = room
    for item, tokens in list_items(block.text, block.tokens):
        piece = measure(item, tokens)
        if part and not left.takes(piece):
            yield "\n".join(part)
            part, left = [], room
        if room.takes(piece):
            part.append(item)
            left = left.less(piece, of_same_block=True)
        else:
            yield from _split_item(item, room, block.depth + 1)
    if part:
        yield "\n".join(part)


def _split_item(item: str, room: Room, depth: int) -> Iterator[str]:
    marker, body = without_marker(item)
    for at, piece in enumerate(_split(body, room.narrower(len(marker)), depth)):
        yield f"{marker}{piece.text}" if at == 0 else piece.text


def _split_quote(block: _Block, room: Room) -> Iterator[str]:
    """Split what is quoted, and quote each part; the marks take a twentieth of the room."""
    narrow = room.narrower(room.chars // 20)
    part: list[Piece] = []
    left = narrow
    for piece in _split(unquote(block.text), narrow, block.depth + 1):
        if part and not left.takes(piece):
            yield from pack_lines(quote(joined(part)).split("\n"), room.chars)
            part, left = [], narrow
        part.append(piece)
        left = left.less(piece)
    if part:
        yield from pack_lines(quote(joined(part)).split("\n"), room.chars)


_SPLITTERS: dict[str, Callable[[_Block, Room], Iterator[str]]] = {
    "fence": _split_code,
    "code_block": _split_code,
    "table_open": _split_table,
    "bullet_list_open": _split_list,
    "ordered_list_open": _split_list,
    "blockquote_open": _split_quote,
}
