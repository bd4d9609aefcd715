r"""What answers say in Markdown beyond CommonMark and GFM's tables, as rules of markdown-it.

Formulas between ``\(…\)``, ``\[…\]``, ``$…$`` and ``$$…$$``, Slack's ``<url|label>``, emphasis beside
punctuation and CJK, the further cells of a row, the lines of a definition, and an end to nesting. Each rule
looks at a bounded stretch of text, or at each line once.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from unicodedata import category

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, html_block, paragraph, reference, table
from markdown_it.rules_block.table import escapedSplit, getLine
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, emphasis, newline
from markdown_it.token import Token

from .limits import LINK_CHARS
from .meaning.formulas import block_formula, inline_formula
from .meaning.html import RENDERED, render_tags, tag_name

#: The parser's level from which on text is no longer read for blocks: a list takes two levels, a quote one.
#: It also bounds the parser's recursion.
DEEPEST = 20
#: Steps of the parser that its text alone does not bound, at some 10 µs each.
_MOST_STEPS = 40_000

#: What running text is looked through for; without any of it, it is plain.
_MARKUP = re.compile(r"[\n!$&*:<\[\\\]_`~]")
#: How a definition begins that leads somewhere; without an address it is none (``[Note]: Important``).
_DEFINITION = re.compile(
    rf"\[(?:[^\\\[\]]|\\.){{1,999}}\]:\s*<?(?:https?:|mailto:)\S{{0,{LINK_CHARS - 5}}}(?!\S)",
    re.IGNORECASE | re.DOTALL,
)
_ADDRESS = re.compile(
    r"<(?:(?P<url>(?:https?://|mailto:)[^\s<>|]{1,3000})(?:\|(?P<label>[^<>|\n]{1,1000}))?"
    r"|(?P<mailbox>[\w.+%-]{1,100}@[\w-]{1,100}(?:\.[\w-]{1,100})*))>",
    re.IGNORECASE,
)


class TooDense(Exception):
    """The text is written so that to parse it takes out of proportion long."""


@cache
def parser() -> MarkdownIt:
    """Make the parser: CommonMark, GFM's tables, task lists and strikethrough, and the rules below."""
    options = {"html": True, "tasklists": True, "inline_definitions": True, "store_labels": True}
    md = MarkdownIt("commonmark", {**options, "maxNesting": DEEPEST + 4}).enable(["table", "strikethrough"])
    md.core.ruler.at("inline", _parse_inline)
    block = md.block.ruler
    block.at("table", _table, {"alt": ["paragraph", "reference"]})
    block.at("blockquote", _blockquote, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    block.at("html_block", _html_block, {"alt": ["paragraph", "reference", "blockquote"]})
    block.at("reference", _reference)
    block.before("table", "deep", _deep)
    block.before("table", "formula", block_formula, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    inline = md.inline.ruler
    inline.at("emphasis", _emphasis)
    inline.at("newline", _newline)
    inline.before("escape", "formula", inline_formula)
    inline.at("autolink", _address)
    md.inline.ruler2.push("tags", render_tags)
    # Targets as they are written, with entities and backslashes resolved; ``meaning.links`` judges them.
    md.normalizeLink = lambda url: url  # type: ignore[method-assign]
    md.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    md.validateLink = lambda url: True  # type: ignore[method-assign]
    return md


# Blocks


def _count_steps(state: StateBlock, start_line: int, of_a_line: int) -> None:
    """Count steps for each line up to the next blank one, where what begins here ends at the latest."""
    start = state.bMarks[start_line]
    blank = state.src.find("\n\n", start)
    lines = state.src.count("\n", start, blank if blank > 0 else None)
    state.env["steps"] = state.env.get("steps", 0) + lines * of_a_line
    if state.env["steps"] > _MOST_STEPS:
        raise TooDense


def _deep(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Take what is nested too deep for blocks as running text."""
    return not silent and state.level >= DEEPEST and paragraph(state, start_line, end_line, silent)


def _blockquote(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a quote; its end is looked for up to the next blank line, also where it ends at once."""
    if not silent and getLine(state, start_line).startswith(">"):
        _count_steps(state, start_line, 2)
    return blockquote(state, start_line, end_line, silent)


def _html_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a block of HTML, unless it begins with a tag that is rendered."""
    is_rendered = tag_name(getLine(state, start_line)) in RENDERED
    return not is_rendered and html_block(state, start_line, end_line, silent)


def _reference(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a definition that leads somewhere, and keep its lines."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    if not _DEFINITION.match(state.src, start) or not reference(state, start_line, end_line, silent):
        return False
    state.tokens[-1].content = state.getLines(start_line, state.line, state.blkIndent, False)
    return True


def _table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a table; a row's cells beyond those of the head, which GFM drops, are kept."""
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
            cells = escapedSplit(getLine(state, token.map[0]).strip())
        elif token.type == "tr_close":
            for text in cells[columns + (not cells[0]) : len(cells) - (not cells[-1])]:
                state.push("td_open", "td", 1)
                state.push("inline", "", 0).content = text.strip()
                state.push("td_close", "td", -1)
        state.tokens.append(token)
    return True


# Inline


def _parse_inline(state: StateCore) -> None:
    """Parse running text; in a paragraph of its own the blanks that begin a line are kept."""
    for before, token in pairwise(state.tokens):
        if token.type == "inline" and _MARKUP.search(token.content):
            token.children = []
            state.env["keeps_indent"] = token.level == 1
            state.env["in_cell"] = before.type in ("th_open", "td_open")
            state.md.inline.parse(token.content, state.md, state.env, token.children)
        elif token.type == "inline":
            token.children = [Token("text", "", 0, content=token.content)]


def _newline(state: StateInline, silent: bool) -> bool:
    start = state.pos + 1
    if not newline(state, silent):
        return False
    if state.env["keeps_indent"] and not silent:
        state.append_pending(state.src[start : state.pos])
    return True


def _emphasis(state: StateInline, silent: bool) -> bool:
    """Read ``*`` and ``_`` as markdown-it does, and more of them beside punctuation and CJK as meant.

    CommonMark's rule for what opens and closes counts on blanks between words, which CJK has none of
    (``请**“``), and leaves the marks of ``**Owner:**Dana``.
    """
    start = state.pos
    if not emphasis.tokenize(state, silent):
        return False
    before, behind = state.src[start - 1 : start] or " ", state.src[state.pos : state.pos + 1] or " "
    if state.src[start] == "*":
        length, is_ascii = state.pos - start, (before + behind).isascii()
        opens = not is_ascii and category(behind)[0] in "PS"
        ends = length > 1 and before in ":.;!?%)" if is_ascii else category(before)[0] in "PS"
        for mark in state.delimiters[-length:]:
            mark.open = mark.open or opens
            mark.close = mark.close or (ends and behind.isalnum())
    return True


def _address(state: StateInline, silent: bool) -> bool:
    """Read ``<https://…>``, ``<mailbox@host>`` and Slack's ``<https://…|label>``, which models write too."""
    match = _ADDRESS.match(state.src, state.pos, state.posMax)
    if match is None or state.linkLevel:
        return False
    if not silent:
        target = match["url"] or f"mailto:{match['mailbox']}"
        state.push("link_open", "a", 1).attrs = {"href": target}
        state.push("text", "", 0).content = match["label"] or match["url"] or match["mailbox"]
        state.push("link_close", "a", -1)
    state.pos = match.end()
    return True
