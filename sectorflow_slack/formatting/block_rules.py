"""What answers say in blocks beyond CommonMark and GFM's tables, as rules of markdown-it.

Nested fences of Markdown, the further cells of a row, the lines of a definition, where a list begins, and an
end to nesting. Each rule looks at a bounded stretch of text, or at each line once.
"""

from __future__ import annotations

import re

from markdown_it.rules_block import (
    StateBlock,
    blockquote,
    html_block,
    list_block,
    paragraph,
    reference,
    table,
)
from markdown_it.rules_block.table import escapedSplit, getLine

from .limits import LINK_CHARS
from .meaning.html import RENDERED, tag_name

#: The parser's level from which on text is no longer read for blocks: a list takes two levels, a quote one.
#: It also bounds the parser's recursion.
DEEPEST = 20
#: Steps of the parser that its text alone does not bound, at some 10 µs each.
_MOST_STEPS = 40_000

#: How a definition begins that leads somewhere; without an address it is none (``[Note]: Important``).
_DEFINITION = re.compile(
    rf"\[(?:[^\\\[\]]|\\.){{1,999}}\]:\s*<?(?:https?:|mailto:)\S{{0,{LINK_CHARS - 5}}}(?!\S)",
    re.IGNORECASE | re.DOTALL,
)
#: Reads as more than or at least at a line's beginning, not as a quote.
_COMPARISON = re.compile(r">[\d=$€£¥]")
_FENCE_OF_MARKDOWN = re.compile(r"```[ \t]*(?:markdown|md)[ \t]*", re.IGNORECASE)
_FENCE = re.compile(r"`{3,}[ \t]*([^`]*)")
#: More levels of code than these within a fence of Markdown are none that it has.
_DEEPEST_FENCE = 4


class TooDense(Exception):
    """The text is written so that to parse it takes out of proportion long."""


def _count_steps(state: StateBlock, start_line: int, of_a_line: int) -> None:
    """Count steps for each line up to the next blank one, where what begins here ends at the latest."""
    start = state.bMarks[start_line]
    blank = state.src.find("\n\n", start)
    lines = state.src.count("\n", start, blank if blank > 0 else None)
    state.env["steps"] = state.env.get("steps", 0) + lines * of_a_line
    if state.env["steps"] > _MOST_STEPS:
        raise TooDense


def read_deep(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Take what is nested too deep for blocks as running text."""
    return not silent and state.level >= DEEPEST and paragraph(state, start_line, end_line, silent)


def read_blockquote(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a quote; its end is looked for up to the next blank line, also where it ends at once."""
    line = getLine(state, start_line)
    if _COMPARISON.match(line):
        return False
    if not silent and line.startswith(">"):
        _count_steps(state, start_line, 2)
    return blockquote(state, start_line, end_line, silent)


def read_list(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a list, and keep where it begins on its line."""
    known = len(state.tokens)
    is_list = list_block(state, start_line, end_line, silent)
    if is_list and not silent:
        state.tokens[known].meta["column"] = state.sCount[start_line]
    return is_list


def read_fence_of_markdown(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a fence of Markdown that has fences in it, as models write a README: a bare one ends the last."""
    if not _FENCE_OF_MARKDOWN.fullmatch(getLine(state, start_line)) or state.is_code_block(start_line):
        return False
    depth, last = 1, start_line
    while (
        depth
        and depth <= _DEEPEST_FENCE
        and last + 1 < end_line
        and state.sCount[last + 1] >= state.blkIndent
    ):
        last += 1
        if fence := _FENCE.fullmatch(getLine(state, last)):
            depth += 1 if fence[1].strip() else -1
    if depth:
        return False
    if not silent:
        token = state.push("fence", "code", 0)
        token.info = "markdown"
        token.content = state.getLines(start_line + 1, last, state.sCount[start_line], True)
        state.line = last + 1
    return True


def read_html_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a block of HTML, unless it begins with a tag that is rendered or that HTML does not know.

    Any tag alone on its line begins such a block too (CommonMark's kind 7), the only one that ends no
    paragraph: models put parts of their answers, in Markdown, into tags that they make up.
    """
    if tag_name(getLine(state, start_line)) in RENDERED or not html_block(state, start_line, end_line, True):
        return False
    return silent or html_block(state, start_line, end_line, False)


def read_reference(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a definition that leads somewhere, and keep its lines."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    if not _DEFINITION.match(state.src, start) or not reference(state, start_line, end_line, silent):
        return False
    state.tokens[-1].content = state.getLines(start_line, state.line, state.blkIndent, False)
    return True


def read_table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a table; a row's cells beyond those of the head, which GFM drops, are kept.

    Where a row has too many, what a pipe in code has parted is one cell.
    """
    is_table = table(state, start_line, end_line, True)
    if silent or not is_table:
        return is_table
    # markdown-it fills each row up with empty cells: a few thousand characters become 65,000 of them.
    _count_steps(state, start_line, getLine(state, start_line + 1).count("|") + 1)
    known = len(state.tokens)
    table(state, start_line, end_line, False)
    tokens, state.tokens[known:] = state.tokens[known:], []
    columns = sum(token.type == "th_open" for token in tokens)
    for token in tokens:
        if token.type == "tr_open" and token.map:
            row = iter(_cells(getLine(state, token.map[0]).strip(), columns))
        elif token.type == "inline":
            token.content = next(row, "").strip()
        elif token.type == "tr_close":
            for text in row:
                state.push("td_open", "td", 1)
                state.push("inline", "", 0).content = text.strip()
                state.push("td_close", "td", -1)
        state.tokens.append(token)
    return True


def _cells(line: str, columns: int) -> list[str]:
    """Return the texts of a row's cells."""
    cells = escapedSplit(line)
    cells = cells[not cells[0] : len(cells) - (not cells[-1])]
    joined: list[str] = []
    for cell in cells if len(cells) > columns else ():
        if joined and joined[-1].count("`") % 2:
            joined[-1] += f"|{cell}"
        else:
            joined.append(cell)
    return joined if len(joined) == columns else cells
