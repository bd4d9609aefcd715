"""Splitting Markdown into pieces: between its blocks, and inside a block that is too large alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby, pairwise

from markdown_it.token import Token

from .cutting import cut_text, pack_lines
from .escaping import JOINER, code_ranges
from .fencing import as_code, closes, fence_around, fenced
from .limits import count
from .nesting import begins_list, indented, list_items, numbered, quote, unquote, without_marker
from .parsing import first_line, is_dense, parse_blocks
from .pieces import Piece, Room, joined, measure
from .tables import Table, read_table, table_as_code

#: A table that would need more parts than this is shown as code: a flood of messages helps nobody.
_MOST_TABLE_PARTS = 8
#: Likewise for a text of thousands of headings or one-word paragraphs.
_MOST_PAGES = 30
#: Longest opening line of a fence, or head of a table, that is worth repeating.
_MOST_REPEATED = 1_000
#: Lists in lists that are split as such; what is deeper is split as text.
_MOST_DEPTH = 4
_LINK_WITHIN = re.compile(r"(?<=\])(?=[(\[])")


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
    first, *others = cut_text(_without_links_in_code(block.text), room.chars - 1)
    yield first
    for part in others:
        yield part if _is_plain(part) else f"{JOINER}{part.lstrip()}"


def _is_plain(text: str) -> bool:
    """Say whether a text begins a paragraph, and no definition of a link reference."""
    begins = parse_blocks(text[:200])[:1]
    return (not begins or begins[0].type == "paragraph_open") and not text.lstrip().startswith("[")


def _without_links_in_code(text: str) -> str:
    """Break invisibly what would be a link where a code span is cut, and no code any more."""
    if "](" not in text and "][" not in text:
        return text
    parts: list[str] = []
    done = 0
    for start, end in code_ranges(text):
        parts += (text[done:start], _LINK_WITHIN.sub(JOINER, text[start:end]))
        done = end
    return "".join([*parts, text[done:]])


def _split_code(block: _Block, room: Room) -> Iterator[str]:
    """Split a fence between its lines and open it again with its language."""
    token, lines = block.tokens[0], block.text.split("\n")
    if token.type == "code_block":
        code, fence = fence_around("\n".join(line.removeprefix("    ") for line in lines))
        return fenced(code.split("\n"), "", fence, room.chars)
    if count(lines[0]) > _MOST_REPEATED:
        return as_code(block.text, room.chars)
    end = len(lines) - (len(lines) > 1 and closes(lines[-1], token.markup))
    return fenced(lines[1:end], token.info.strip(), token.markup, room.chars)


def _split_table(block: _Block, room: Room) -> Iterator[str]:
    """Split a table between its rows, its head over each part; one that Slack can't draw becomes code."""
    table = read_table(block.text, block.tokens)
    if measure(table.head).table_columns <= room.table_columns and count(table.head) <= _MOST_REPEATED:
        parts = list(_table_parts(table, room, block.depth + 1))
        if parts and sum(part.startswith(table.head) for part in parts) <= _MOST_TABLE_PARTS:
            return iter(parts)
    return table_as_code(table, room.chars)


def _table_parts(table: Table, room: Room, depth: int) -> Iterator[str]:
    """Give the parts of a table; a row too large for one stands apart, its cells behind their headings."""
    size = min(room.chars, room.table_chars) - count(table.head) - 1
    for fits, rows in groupby(table.rows, lambda row: count(row) < size):
        if fits:
            for part in pack_lines(list(rows), size, room.table_rows - 1):
                yield f"{table.head}\n{part}"
            continue
        for field in chain.from_iterable(map(table.fields, rows)):
            begins = field if _is_plain(field) else f"{JOINER}{field}"
            yield from (piece.text for piece in _split(begins, room, depth))


def _split_list(block: _Block, room: Room) -> Iterator[str]:
    """Split a list between its outer items; an item too large alone is split itself."""
    part: list[str] = []
    left = room
    for item, tokens in _numbered_items(block):
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


def _numbered_items(block: _Block) -> Iterator[tuple[str, list[Token]]]:
    """Give a list's items, each with the number that it has in the whole list."""
    first = block.tokens[0]
    start = int(first.attrs.get("start", 1))
    for at, (item, tokens) in enumerate(list_items(block.text, block.tokens)):
        yield numbered(item, start + at) if first.type == "ordered_list_open" else item, tokens


def _split_item(item: str, room: Room, depth: int) -> Iterator[str]:
    """Split an item. What does not fit behind its marker is text of its own, but for lists.

    These stay one level below: the item's marker is there again, with an ellipsis.
    """
    marker, body = without_marker(item)
    width = len(marker)
    part, left = "", room
    for at, piece in enumerate(_split(body, _room_within(body, width, room), depth)):
        inside = indented(piece.text, width)
        whole = f"{marker}…\n{' ' * width}{inside}" if at else f"{marker}{inside}"
        measured = measure(whole)
        if part and left.takes(measured):
            part = f"{part}\n\n{' ' * width}{inside}"
            left = left.less(measured, of_same_block=True)
            continue
        if part:
            yield part
        if at and not (begins_list(piece.text) and room.takes(measured)):
            part = ""
            yield piece.text
        else:
            part, left = whole, room.less(measured, of_same_block=True)
    if part:
        yield part


def _room_within(body: str, width: int, room: Room) -> Room:
    """Give the room for what is in an item, whose lines are indented there."""
    size = len(body)
    indents = width * (body.count("\n") + 1)
    return replace(room, chars=room.chars * size // (size + indents) - 2 * width - 4)


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
