"""Tables: taken apart into rows and cells, and drawn as code where Slack can't draw them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from markdown_it.token import Token

from .escaping import neutral_code, restore
from .fencing import fence_around, fenced

#: Widest that a column may be padded to, the widest that does not make the table too long first.
_WIDTHS = (40, 24, 12)
#: How much longer than it was written a table may become.
_GROWTH = 2
#: What parts two cells.
PIPE = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Table:
    """A table's lines, and how each column is aligned: ``left``, ``right``, ``center`` or ""."""

    lines: list[str]
    aligns: list[str]

    @property
    def head(self) -> str:
        """Give the first row and the line below it."""
        return "\n".join(self.lines[:2])

    @property
    def rows(self) -> list[str]:
        """Give the other rows."""
        return self.lines[2:]

    def fields(self, row: str) -> list[str]:
        """Give what a row says below each heading."""
        pairs = zip_longest(cells(self.lines[0]), cells(row), fillvalue="")
        return [f"{name}: {cell}".strip() if name else cell for name, cell in pairs if name or cell]


def read_table(text: str, tokens: list[Token]) -> Table:
    """Read a table from its text and the parser's tokens of it."""
    aligns = [str(token.attrs.get("style", "")) for token in tokens if token.type == "th_open"]
    return Table(text.split("\n"), [align.removeprefix("text-align:") for align in aligns])


def cells(row: str) -> list[str]:
    """Give a row's cells, those too that are more than the head has."""
    written = PIPE.split(row.strip())
    if written and not written[0]:
        del written[0]
    if written and not written[-1]:
        del written[-1]
    return [cell.strip().replace("\\|", "|") for cell in written]


def table_as_code(table: Table, limit: int) -> Iterator[str]:
    """Show a neutral table in fences that count at most ``limit``, its columns below each other.

    The head is there in each fence.
    """
    rows = [cells(neutral_code(restore(line))) for line in (table.lines[0], *table.rows)]
    # The blanks and pipes between the cells are not those that were written: once more.
    code, fence = fence_around(neutral_code("\n".join(_drawn(rows, table.aligns))))
    name, rule, *others = code.split("\n")
    return fenced(others, "", fence, limit, (name, rule))


def _drawn(rows: list[list[str]], aligns: list[str]) -> Iterator[str]:
    """Write rows with each column as wide as its widest cell, within reason, and a rule below the first."""
    sizes = [[_width(cell) for cell in row] for row in rows]
    widths = _widths(sizes)
    for at, (row, size) in enumerate(zip(rows, sizes, strict=True)):
        padded = [
            _padded(cell, widths[column] - size[column], "".join(aligns[column : column + 1]))
            for column, cell in enumerate(row)
        ]
        yield f"| {' | '.join(padded)} |"
        if at == 0:
            yield f"|{'|'.join('-' * (max(pair) + 2) for pair in zip(size, widths, strict=False))}|"


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
    """Give how many columns a text takes in a font of fixed width."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
