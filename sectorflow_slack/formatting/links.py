"""Markdown written so that Slack draws what was meant, and links say where they lead.

A link whose words name another host than the one it leads to, or look like a mention, gets that host in
parentheses, and a link by reference (``[label][1]``) is written out, since the message that it stands in
may not be the one with its definition. Formulas become code, ``<br>`` becomes a line break.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it.token import Token

from .fencing import as_one_fence
from .formulas import BLOCK
from .found import Break, Formula, Found, Link
from .inlines import Reading, read_blocks, read_inline
from .labels import Budget, bracket_edits, definition_edits, link_edits
from .parsing import is_dense
from .places import find_places, line_starts
from .running import Edit, Kind, Running
from .tables import PIPE
from .typesetting import block_formula_edit, break_edits, code_marks, formula_edits

_OF_INTEREST = re.compile(r"[\[$]|\\\(|\\begin|<(?i:br)")
_KINDS: dict[str, Kind] = {"heading_open": "heading", "th_open": "cell", "td_open": "cell"}
#: Tokens whose lines the parser has read to their end.
_READ = frozenset(
    ("inline", "fence", "code_block", "hr", "table_open", "heading_open", "paragraph_open", BLOCK)
)


def show_links(markdown: str) -> str:
    """Give tidy Markdown whose links are written out and name a host that they would hide.

    Formulas in it are code, and ``<br>`` ends a line. A text that would take too long to parse becomes code
    as a whole: there is no link in that.
    """
    if not _OF_INTEREST.search(markdown):
        return markdown
    if is_dense(markdown):
        return as_one_fence(markdown)
    return _edited(markdown, sorted(_edits(markdown), key=lambda edit: edit[:2]))


def _edited(text: str, edits: list[Edit]) -> str:
    parts: list[str] = []
    done = 0
    for start, end, written in edits:
        if start >= done:
            parts += (text[done:start], written)
            done = end
    return "".join([*parts, text[done:]])


def _edits(text: str) -> Iterator[Edit]:
    reading, starts = read_blocks(text), line_starts(text)
    lines = set(range(len(starts) - 1))
    unread = lines.difference(*(range(first, end) for first, end in reading.definitions))
    unread.difference_update(*(range(first, end) for _, _, (first, end) in _read(reading)))
    budget, cursor = Budget(), 0
    for kind, token, (first, end) in _read(reading):
        start, stop = starts[first], starts[min(end, len(starts) - 1)]
        if token.type == BLOCK:
            yield block_formula_edit(text, token, stop)
        elif token.type == "inline" and (found := read_inline(token.content, reading)) != []:
            places = find_places(text, token.content, max(cursor, start), stop)
            if found is None or places is None:
                unread.update(range(first, end))
                continue
            cursor = places.end
            yield from _running_edits(found, Running(text, token.content, places, kind), budget)
    for start, end in _surplus(text, starts, reading.tokens):
        yield from bracket_edits(text, start, end)
    yield from definition_edits(text, ((starts[first], starts[end]) for first, end in reading.definitions))
    # What links there are in a line that the parser has not read is not known.
    for line in unread:
        yield from bracket_edits(text, starts[line], starts[line + 1])


def _read(reading: Reading) -> Iterator[tuple[Kind, Token, tuple[int, int]]]:
    """Give each token whose lines the parser has read, with its lines and what its content is of."""
    kind: Kind = "paragraph"
    for token in reading.tokens:
        if token.nesting > 0:
            kind = _KINDS.get(token.type, "paragraph")
        if token.map is not None and token.type in _READ:
            yield kind, token, (token.map[0], token.map[1])


def _surplus(text: str, starts: list[int], tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Give what in a table's rows is more than the head has cells for: the parser does not read that."""
    columns = 0
    for token in tokens:
        if token.type == "table_open":
            columns = 0
        elif token.type == "th_open":
            columns += 1
        elif token.type == "tr_open" and columns and token.map:
            start, end = starts[token.map[0]], starts[token.map[1]]
            pipes = [match.end() for match in PIPE.finditer(text, start, end)]
            begins_with_pipe = bool(pipes) and not text[start : pipes[0] - 1].strip(" \t>")
            yield from ((place, end) for place in pipes[columns - 1 + begins_with_pipe :][:1])


def _running_edits(found: list[Found], running: Running, budget: Budget) -> Iterator[Edit]:
    """Give the changes that a running text needs; in a link's label all stays on one line."""
    yield from link_edits(found, running, budget)
    link_end, marks = 0, code_marks(running.content)
    for each in found:
        match each:
            case Link():
                link_end = max(link_end, each.end)
            case Formula():
                yield from formula_edits(each, running, marks, in_label=each.start < link_end)
            case Break():
                yield from break_edits(each, running, in_label=each.start < link_end)
