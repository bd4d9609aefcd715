"""Writing the tree as Slack's native blocks: ``rich_text`` and ``table`` (docs.slack.dev, Block Kit).

Rich text is flat: paragraphs, list items with an indent and a number, quotes and code, one after the other.
The tree becomes a sequence of such parts, which ``packing`` splits and packs, and parts become blocks. Texts
in rich text are literal, so that nothing in an answer is read again, and no element is made here that could
ping.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile, zip_longest
from typing import Final, Literal, TypeAlias

from . import limits
from .block_kit import Block
from .tree import (
    BOLD,
    CODE,
    ITALIC,
    STRIKE,
    Blocks,
    Code,
    Heading,
    Inlines,
    Item,
    Listing,
    Paragraph,
    Quote,
    Rule,
    Runs,
    Table,
    Text,
    joined,
    plain,
)

#: Stands for a line across; the ``divider`` block belongs to the app.
RULE: Final = "———"
#: Stands before an item that begins on an earlier page.
GOES_ON: Final = "… "

_STYLES = ((BOLD, "bold"), (ITALIC, "italic"), (STRIKE, "strike"), (CODE, "code"))
_LANGUAGE = re.compile(r"[\w+#.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph, a heading, a list's item, or a line of a quote."""

    kind: Literal["text", "heading", "item", "quote"]
    runs: Runs
    #: Of an item: how deep it is, and its number; None for a bullet.
    indent: int = 0
    number: int | None = None
    #: No blank line stands before it: of lines within a quote.
    is_tight: bool = False

    @property
    def chars(self) -> int:
        """Count what it takes of a message."""
        return sum(run.chars for run in self.runs)


Part: TypeAlias = Prose | Code | Table


# The tree as parts


def lay_out(blocks: Blocks) -> Iterator[Part]:
    """Write blocks one after the other."""
    for block in blocks:
        match block:
            case Paragraph(content=content):
                yield from _prose("text", content)  # type: ignore[arg-type]
            case Heading(content=content):
                yield from _prose("heading", _bold(content))  # type: ignore[arg-type]
            case Rule():
                yield Prose("text", (Text(RULE),))
            case Listing():
                yield from _items(block, 0)
            case Quote(children=children):
                yield from _quoted(lay_out(children))
            case Code() | Table():
                yield from _literal(block)


def _literal(block: Code | Table) -> Iterator[Part]:
    if isinstance(block, Table):
        is_wide = max(map(len, block.rows)) > limits.TABLE_COLUMNS
        yield as_code(block) if is_wide else block
    elif block.text.strip():
        yield block


def _prose(kind: Literal["text", "heading"], runs: Runs) -> Iterator[Prose]:
    if any(run.text.strip() for run in runs):
        yield Prose(kind, runs)


def _bold(runs: Runs) -> Runs:
    return tuple(replace(run, style=run.style | BOLD) for run in runs)


def _items(listing: Listing, indent: int) -> Iterator[Part]:
    for at, item in enumerate(listing.items):
        number = None if listing.start is None else listing.start + at
        # The paragraphs that an item begins with stay within it.
        running = tuple(takewhile(lambda child: isinstance(child, Paragraph | Heading), item.children))
        runs = joined(_lines(item, running))
        starts_list = bool(item.children) and isinstance(item.children[0], Listing)
        if runs or not starts_list:
            yield Prose("item", runs or (Text(" "),), min(indent, limits.LIST_INDENT), number)
        for child in item.children[len(running) :]:
            if isinstance(child, Listing):
                yield from _items(child, indent + 1)
            else:
                yield from lay_out((child,))


def _lines(item: Item, running: Blocks) -> Iterator[Text]:
    if item.is_done is not None:
        yield Text("☑ " if item.is_done else "☐ ")
    before = False
    for child in running:
        if isinstance(child, Paragraph | Heading) and child.content:
            if before:
                yield Text("\n")
            yield from child.content if isinstance(child, Paragraph) else _bold(child.content)  # type: ignore
            before = True


def _quoted(parts: Iterable[Part]) -> Iterator[Part]:
    """Put parts into a quote, which holds running text only; code and tables part it."""
    before: Part | None = None
    for part in parts:
        if not isinstance(part, Prose):
            yield part
        elif part.kind == "item":
            mark = "• " if part.number is None else f"{part.number}. "
            runs = joined((Text("    " * part.indent + mark), *part.runs))
            yield Prose("quote", runs, is_tight=isinstance(before, Prose))
        else:
            is_tight = isinstance(before, Prose) and (before.kind == "heading" or part.is_tight)
            yield Prose("quote", part.runs, is_tight=is_tight)
        before = part


# What parts cost


def gap(before: Part | None, part: Part) -> str:
    """Return what parts two parts next to each other in rich text, which has no space of its own there."""
    if not isinstance(part, Prose) or not isinstance(before, Prose):
        return ""
    if part.kind == "quote" and before.kind == "quote":
        return "\n" if part.is_tight else "\n\n"
    if part.kind in ("text", "heading"):
        if before.kind == "text":
            return "\n\n"
        if before.kind in ("heading", "item"):
            return "\n"
    return ""


def chars_of(part: Part) -> int:
    """Count what a part takes of a message."""
    match part:
        case Code(text=text):
            return limits.count(text)
        case Table(rows=rows):
            columns = max(map(len, rows))
            return sum(row_chars(row, columns) for row in rows)
        case Prose():
            return part.chars


def row_chars(row: Sequence[Inlines], columns: int) -> int:
    """Count what a table's row takes; an empty cell has a blank."""
    cells = sum(max(1, sum(run.chars for run in cell if isinstance(run, Text))) for cell in row)
    return cells + max(0, columns - len(row))


# Parts as blocks


def as_blocks(parts: Iterable[Part]) -> list[Block]:
    """Return the blocks of parts that go below each other in one message."""
    blocks: list[Block] = []
    elements: list[Block] = []
    before: Part | None = None
    for part in parts:
        if isinstance(part, Table):
            blocks.append(_table(part))
            elements = []
        else:
            if not elements:
                blocks.append({"type": "rich_text", "elements": elements})
            _add(elements, before, part)
        before = part
    return blocks


def _add(elements: list[Block], before: Part | None, part: Prose | Code) -> None:
    if isinstance(part, Code):
        elements.append(preformatted(part))
        return
    between = gap(before, part)
    runs = joined((Text(between), *part.runs)) if between else part.runs
    if part.kind == "item":
        section: Block = {"type": "rich_text_section", "elements": inlines(runs)}
        if isinstance(before, Prose) and _goes_on(before, part):
            elements[-1]["elements"].append(section)  # type: ignore[attr-defined]
        else:
            elements.append(_list(part, section))
    elif len(between) > 0 and isinstance(before, Prose) and before.kind != "item":
        elements[-1]["elements"].extend(inlines(runs))  # type: ignore[attr-defined]
    else:
        kind = "rich_text_quote" if part.kind == "quote" else "rich_text_section"
        elements.append({"type": kind, "elements": inlines(runs)})


def _goes_on(before: Prose, item: Prose) -> bool:
    """Whether an item is one more of the list that ends with the item before it."""
    if before.kind != "item" or before.indent != item.indent:
        return False
    if item.number is None or before.number is None:
        return item.number is before.number
    return item.number == before.number + 1


def _list(item: Prose, section: Block) -> Block:
    made: Block = {"type": "rich_text_list", "style": "bullet" if item.number is None else "ordered"}
    if item.indent:
        made["indent"] = item.indent
    if item.number is not None and item.number > 1:
        made["offset"] = item.number - 1
    return {**made, "elements": [section]}


def preformatted(code: Code) -> Block:
    """Write code, with its language if Slack could know it."""
    block: Block = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": code.text}]}
    is_name = len(code.language) <= limits.LANGUAGE_CHARS and _LANGUAGE.fullmatch(code.language)
    return {**block, "language": code.language.lower()} if is_name else block


def inlines(runs: Runs) -> list[Block]:
    """Write running text."""
    return [_inline(run) for run in runs if run.text]


def _inline(run: Text) -> Block:
    element: Block = {"type": "text", "text": run.text}
    if run.url:
        element = {"type": "link", "url": run.url, "text": run.text}
    if run.style:
        element["style"] = {name: True for style, name in _STYLES if run.style & style}
    return element


def _table(table: Table) -> Block:
    columns = max(map(len, table.rows))
    rows = [[_cell(cell) for cell in (*row, *[()] * (columns - len(row)))] for row in table.rows]  # type: ignore[arg-type]
    # Cells that are not wrapped are cut off.
    aligns = (*table.aligns, *[""] * (columns - len(table.aligns)))
    settings = [{"align": align or "left", "is_wrapped": True} for align in aligns[:columns]]
    return {"type": "table", "rows": rows, "column_settings": settings}


def _cell(runs: Runs) -> Block:
    """Write a cell; an empty text is refused."""
    if not any(run.style or run.url for run in runs):
        return {"type": "raw_text", "text": "".join(run.text for run in runs) or " "}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": inlines(runs)}]}


# Tables that Slack does not draw, as text: in columns below each other, or row by row

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
    return Code("\n".join(align_columns(rows, table.aligns)))


def align_columns(rows: list[list[str]], aligns: tuple[str, ...] = ()) -> Iterator[str]:
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
