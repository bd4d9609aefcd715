"""Passes over the tree that turn what was written into what is meant: runs of text in Slack's few styles.

In order: HTML that is rendered, formulas, links, bare addresses; over the whole, what a model thought before
it answered goes below its answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sectorflow_slack.formatting.limits import TABLE_COLUMNS
from sectorflow_slack.formatting.tables import as_code
from sectorflow_slack.formatting.tree import (
    BOLD,
    Code,
    Formula,
    Inlines,
    Part,
    Parts,
    Prose,
    Reading,
    Runs,
    Table,
    Text,
    joined,
)
from sectorflow_slack.formatting.words import Words

from .html import render_tags
from .links import Links, link_addresses
from .math import as_text, in_plain_signs


def understand(reading: Reading, words: Words) -> Parts:
    """Return the tree with runs only, and the reasoning, if there is any, apart below the answer."""
    links = Links()
    title = (Prose("heading", (Text(words.reasoning, BOLD),)),) if reading.thoughts else ()
    parts = (*reading.answer, *title, *reading.thoughts)
    return tuple(meant for part in parts for meant in _understand(part, links))


def _understand(part: Part, links: Links) -> Iterator[Part]:
    match part:
        case Prose(kind="text", content=(Formula(tex=tex),)) if not in_plain_signs(tex):
            yield Code(tex, "latex")
        case Prose(content=content):
            runs = _stripped(_runs(content, links))
            if part.kind == "heading":
                runs = tuple(replace(run, text=run.text.replace("\n", " ")) for run in runs)
            if part.kind == "item":
                yield replace(part, content=runs or (Text(" "),))
            elif any(run.text.strip() for run in runs):
                yield replace(part, content=runs)
        case Table(rows=rows):
            cells = tuple(tuple(_runs(cell, links, in_cell=True) for cell in row) for row in rows)
            table = replace(part, rows=cells)
            yield as_code(table) if max(map(len, rows)) > TABLE_COLUMNS else table
        case Code(text=text) if text.strip():
            yield part


def _runs(content: Inlines, links: Links, *, in_cell: bool = False) -> Runs:
    if len(content) == 1 and isinstance(content[0], Text) and ":" not in content[0].text:
        return content  # type: ignore[return-value]
    flat = links.resolve(as_text(render_tags(content, in_cell=in_cell)))
    return joined(link_addresses(joined(flat)))


def _stripped(runs: Runs) -> Runs:
    """Return a paragraph without the ends of lines that tags have left at its beginning and its end."""
    if runs and runs[0].text[:1] == "\n":
        runs = (replace(runs[0], text=runs[0].text.lstrip("\n")), *runs[1:])
    if runs and runs[-1].text[-1:] == "\n":
        runs = (*runs[:-1], replace(runs[-1], text=runs[-1].text.rstrip("\n")))
    return tuple(run for run in runs if run.text)
