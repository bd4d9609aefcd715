"""Formulas and line breaks, written so that Slack draws them: as code, and as ends of lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

from markdown_it.token import Token

from .escaping import JOINER
from .fencing import fence_around
from .found import Break, Formula
from .running import Edit, Running, indent_at

#: What the highlighting of code calls TeX.
_LANGUAGE = "latex"


def block_formula_edit(text: str, token: Token, end: int) -> Edit:
    """Put a formula that has lines of its own, up to a place in the text, into a fence."""
    start = int(token.meta["place"])
    last = text[end - 1 : end]
    return start, end, _fence(token.content, indent_at(text, start)) + (last if last == "\n" else "")


def code_marks(content: str) -> str:
    """Give the shortest run of backticks that is not in a content: no other run is paired with it."""
    lengths = {len(run) for run in re.findall("`+", content)}
    return "`" * next(length for length in count(1) if length not in lengths)


def formula_edits(formula: Formula, running: Running, marks: str, *, in_label: bool) -> Iterator[Edit]:
    """Put a formula into a code span, or into a fence where it is to stand apart and can."""
    if formula.is_display and running.kind == "paragraph" and not in_label:
        yield from _displayed(formula, running)
        return
    content = running.content
    before = JOINER if content[formula.start - 1 : formula.start] == "`" else ""
    after = JOINER if content.startswith("`", formula.end) else ""
    code = " ".join(formula.body.split())
    pad = " " if code.startswith("`") or code.endswith("`") else ""
    yield running.edit(formula.start, formula.end, f"{before}{marks}{pad}{code}{pad}{marks}{after}")


def _displayed(formula: Formula, running: Running) -> Iterator[Edit]:
    start, content, indent = formula.start, running.content, running.indent
    before = after = ""
    if not running.begins_line(start):
        start = len(content[:start].rstrip(" \t"))
        before = f"\n{indent}"
        yield from running.line_guard(start)
    behind = content[formula.end :].lstrip(" \t").removeprefix("\n")
    end = len(content) - len(behind)
    if behind:
        after = f"\n{indent}{running.guard(end)}"
    yield running.edit(start, end, before + _fence(formula.body, indent) + after)


def _fence(body: str, indent: str) -> str:
    code, fence = fence_around(body)
    return f"\n{indent}".join([f"{fence}{_LANGUAGE}", *code.split("\n"), fence])


def break_edits(found: Break, running: Running, *, in_label: bool) -> Iterator[Edit]:
    """End a line where ``<br>`` says so; where there is one line only, stand in for it."""
    start, end, content = found.start, found.end, running.content
    is_first, is_last = not content[:start].strip(), not content[end:].strip()
    if is_first or is_last:
        alone = is_first and (is_last or content.startswith("\n", end))
        yield running.edit(start, end, JOINER if alone else running.guard(end) if is_first else "")
    elif running.kind == "cell":
        yield running.edit(start, end, " / ")
    elif running.kind == "heading" or in_label:
        yield running.edit(start, end, " ")
    else:
        yield from running.line_guard(start)
        yield running.edit(start, end, _line_end(found, running))


def _line_end(found: Break, running: Running) -> str:
    # An empty line would end the paragraph, and whatever is bold or a link in it.
    empty = f"{JOINER}  "
    written = empty if running.begins_line(found.start) else "  "
    if found.count > 1:
        written += f"\n{running.indent}{empty}"
    if running.content.startswith("\n", found.end):
        return written
    return f"{written}\n{running.indent}{running.guard(found.end)}"
