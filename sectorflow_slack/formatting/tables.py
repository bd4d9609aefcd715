"""Tables that Slack does not render, as text: in columns below each other, or row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from tabulate import tabulate

from .tree import BOLD, Code, Runs, Table, Text, plain

#: How much longer than its text a table may become.
_GROWTH = 3


def as_code(table: Table) -> Code:
    """Write a table with its columns below each other."""
    cells = [[with_addresses((run.text, run.url) for run in cell) for cell in row] for row in table.rows]
    rows = [[" ".join(cell.split()) for cell in row] for row in cells]
    return Code(align_columns(rows, table.aligns))


def with_addresses(runs: Iterable[tuple[str, str]]) -> str:
    """Join texts with their addresses, each behind the last of its texts, for text that has no links."""
    told, written = list(runs), ""
    for (text, url), (_, following) in zip_longest(told, told[1:], fillvalue=("", "")):
        written += f"{text} ({url})" if url != following and url not in text else text
    return written


def align_columns(rows: list[list[str]], aligns: tuple[str, ...] = ()) -> str:
    """Write rows with each column as wide as its widest cell, within reason, and a rule below the first."""
    rows = [row[: max((at for at, cell in enumerate(row, 1) if cell), default=0)] for row in rows]
    widths = [max(map(len, column)) + 3 for column in zip_longest(*rows, fillvalue="")]
    if len(rows) * sum(widths) > _GROWTH * sum(len(cell) + 3 for row in rows for cell in row):
        return "\n".join(" | ".join(row).rstrip() for row in rows)
    head, *body = (row + [""] * (len(widths) - len(row)) for row in rows)
    columns = [align or "left" for align in aligns[: len(widths)]]
    return tabulate(body, head, tablefmt="presto", disable_numparse=True, colalign=columns)


def as_fields(head: tuple[Runs, ...], row: tuple[Runs, ...]) -> Iterator[Runs]:
    """Return what a row says below each name of the head, for a row too long for a table."""
    for name, cell in zip_longest(head, row, fillvalue=()):
        label = plain(name).strip()
        if cell or label:
            yield (Text(f"{label}: ", BOLD), *cell) if label else cell
