"""Writing the tree as Slack's native blocks: ``rich_text`` and ``table`` (docs.slack.dev, Block Kit).

Rich text is flat: paragraphs, list items with an indent and a number, quotes and code, one after the other.
So are the tree's parts, which ``packing`` splits and packs. Texts in rich text are literal, so that nothing
in an answer is read again, and no element is made here that could ping.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from . import limits
from .block_kit import Block
from .tree import BOLD, CODE, ITALIC, STRIKE, Code, Part, Prose, Runs, Table, Text, joined

#: Stands before an item that begins on an earlier page.
GOES_ON: Final = "… "

_STYLES = ((BOLD, "bold"), (ITALIC, "italic"), (STRIKE, "strike"), (CODE, "code"))
_LANGUAGE = re.compile(r"[\w+#.-]+", re.ASCII)


# What parts cost


def gap(before: Part | None, part: Part) -> str:
    """Return what parts two parts next to each other in rich text, which has no space of its own there."""
    if not isinstance(part, Prose) or not isinstance(before, Prose):
        return ""
    if part.kind == "quote" and before.kind == "quote":
        return "\n" if part.is_tight else "\n\n"
    if part.kind in ("text", "heading"):
        if before.kind == "text":
            return "\n" if part.is_tight else "\n\n"
        if before.kind in ("heading", "item"):
            return "\n"
    return ""


def chars_of(part: Part) -> int:
    """Count what a part takes of a message."""
    match part:
        case Code(text=text):
            return limits.count(text)
        case Table(rows=rows):
            return sum(row_chars(row, part.columns) for row in rows)
        case Prose():
            return sum(run.chars for run in part.runs)


def row_chars(row: Sequence[Runs], columns: int) -> int:
    """Count what a table's row takes; an empty cell has a blank."""
    cells = sum(max(1, sum(run.chars for run in cell)) for cell in row)
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
    columns = table.columns
    rows = [[_cell(cell) for cell in (*row, *[()] * (columns - len(row)))] for row in table.rows]
    # Cells that are not wrapped are cut off.
    aligns = (*table.aligns, *[""] * (columns - len(table.aligns)))
    settings = [{"align": align or "left", "is_wrapped": True} for align in aligns[:columns]]
    return {"type": "table", "rows": rows, "column_settings": settings}


def _cell(runs: Runs) -> Block:
    """Write a cell; an empty text is refused."""
    if not any(run.style or run.url for run in runs):
        return {"type": "raw_text", "text": "".join(run.text for run in runs) or " "}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": inlines(runs)}]}
