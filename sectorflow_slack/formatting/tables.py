"""Tables that Slack does not draw, as text: in columns below each other, or row by row."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import zip_longest

from .tree import BOLD, Code, Inlines, Runs, Table, Text, plain

#: Widest that a column may be padded to, the widest that does not make the table too long first.
_WIDTHS = (40, 24, 12)
#: How much longer than its text a table may become.
_GROWTH = 2


def as_code(table: Table) -> Code:
    """Draw a table with its columns below each other."""
    rows = [[" ".join(plain(cell).split()) for cell in row] for row in table.rows]
    for row in rows:
        while row and not row[-1]:
            row.pop()
    return Code("\n".join(draw(rows, table.aligns)))


def draw(rows: list[list[str]], aligns: tuple[str, ...] = ()) -> Iterator[str]:
    """Write rows with each column as wide as its widest cell, within reason, and a rule below the first."""
    sizes = [[_width(cell) for cell in row] for row in rows]
    widths = _widths(sizes)
    for at, (row, size) in enumerate(zip(rows, sizes, strict=True)):
        padded = [
            _padded(cell, widths[column] - size[column], "".join(aligns[column : column + 1]))
            for column, cell in enumerate(row)
        ]
        yield " │ ".join(padded).rstrip()
        if at == 0:
            yield "─┼─".join("─" * max(pair) for pair in zip(size, widths, strict=False))


def as_fields(head: tuple[Inlines, ...], row: tuple[Inlines, ...]) -> Iterator[Runs]:
    """Return what a row says below each name of the head, for a row too long for a table."""
    for name, cell in zip_longest(head, row, fillvalue=()):
        label = plain(name).strip()
        if cell or label:
            yield (Text(f"{label}: ", BOLD), *cell) if label else cell  # type: ignore[misc]


def _widths(sizes: list[list[int]]) -> list[int]:
    """Choose how wide each column becomes, so that the table does not grow too long."""
    columns = list(zip_longest(*sizes, fillvalue=0))
    most = _GROWTH * sum(sum(row) + 3 * len(row) for row in sizes)
    for widest in _WIDTHS:
        widths = [max((size for size in column if size <= widest), default=0) for column in columns]
        if len(sizes) * sum(width + 3 for width in widths) <= most:
            return widths
    return [0] * len(columns)


def _padded(cell: str, blank: int, align: str) -> str:
    blank = max(0, blank)
    left = {"right": blank, "center": blank // 2}.get(align, 0)
    return " " * left + cell + " " * (blank - left)


def _width(text: str) -> int:
    """Return how many columns a text takes in a font of fixed width."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
