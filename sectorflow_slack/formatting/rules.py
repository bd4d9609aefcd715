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
from markdown_it.common.utils import normalizeReference, unescapeAll
from markdown_it.ruler import RuleOptionsType
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
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, emphasis, newline
from markdown_it.token import Token

from .limits import LINK_CHARS
from .meaning.formulas import block_formula, inline_formula
from .meaning.html import RENDERED, render_tags, tag_name
from .meaning.links import BARE_ADDRESS

#: The parser's level from which on text is no longer read for blocks: a list takes two levels, a quote one.
#: It also bounds the parser's recursion.
DEEPEST = 20
#: Steps of the parser that its text alone does not bound, at some 10 µs each.
_MOST_STEPS = 40_000

#: Marks of running text that are read; with more of them a text is none that a model writes for people, and
#: they stay as they are: 10,000 characters have some 400, and a hostile mark takes up to 25 µs.
_MOST_MARKS = 20_000
#: What running text is looked through for; without any of it, it is plain.
_MARKUP = re.compile(r"[\n!$&*:<\[\\\]_`~]")
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
#: A citation that another one follows: ``[1][2]``.
_CITATION = re.compile(r"\[(\^?\d{1,3})\](?=\[\^?\d{1,3}\])")
#: Names of programs, such as ``__init__``.
_DUNDER = re.compile(r"(?<!\w)__[a-z][a-z0-9_]*__(?!\w)")
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
    block_alt: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    block.at("blockquote", _blockquote, block_alt)
    block.at("list", _list, {"alt": ["paragraph", "reference", "blockquote"]})
    block.before("fence", "fence_of_markdown", _fence_of_markdown, block_alt)
    block.at("html_block", _html_block, {"alt": ["paragraph", "reference", "blockquote"]})
    block.at("reference", _reference)
    block.before("table", "deep", _deep)
    block.before("table", "formula", block_formula, block_alt)
    inline = md.inline.ruler
    inline.at("emphasis", _emphasis)
    inline.at("newline", _newline)
    inline.before("escape", "formula", inline_formula)
    inline.at("autolink", _address)
    inline.before("link", "citation", _citation)
    inline.before("emphasis", "bare_address", _bare_address)
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
    line = getLine(state, start_line)
    if _COMPARISON.match(line):
        return False
    if not silent and line.startswith(">"):
        _count_steps(state, start_line, 2)
    return blockquote(state, start_line, end_line, silent)


def _list(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a list, and keep where it begins on its line."""
    known = len(state.tokens)
    is_list = list_block(state, start_line, end_line, silent)
    if is_list and not silent:
        state.tokens[known].meta["column"] = state.sCount[start_line]
    return is_list


def _fence_of_markdown(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
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


def _html_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a block of HTML, unless it begins with a tag that is rendered or that HTML does not know.

    Any tag alone on its line begins such a block too (CommonMark's kind 7), the only one that ends no
    paragraph: models put parts of their answers, in Markdown, into tags that they make up.
    """
    if tag_name(getLine(state, start_line)) in RENDERED or not html_block(state, start_line, end_line, True):
        return False
    return silent or html_block(state, start_line, end_line, False)


def _reference(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a definition that leads somewhere, and keep its lines."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    if not _DEFINITION.match(state.src, start) or not reference(state, start_line, end_line, silent):
        return False
    state.tokens[-1].content = state.getLines(start_line, state.line, state.blkIndent, False)
    return True


def _table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
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


# Inline


def _parse_inline(state: StateCore) -> None:
    """Parse running text; in a paragraph of its own the blanks that begin a line are kept."""
    left = _MOST_MARKS
    for before, token in pairwise(state.tokens):
        if token.type != "inline":
            continue
        marks = len(_MARKUP.findall(token.content))
        left -= marks
        if marks and left >= 0:
            token.children = []
            state.env["keeps_indent"] = token.level == 1
            state.env["opened"] = 0
            state.env["in_cell"] = before.type in ("th_open", "td_open")
            state.md.inline.parse(token.content, state.md, state.env, token.children)
        else:
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
    (``请**“``), and leaves the marks of ``**Owner:**Dana``. Those of ``2**10`` and ``__init__`` it takes.
    """
    start = state.pos
    if not emphasis.tokenize(state, silent):
        return False
    before, behind = state.src[start - 1 : start] or " ", state.src[state.pos : state.pos + 1] or " "
    length, is_ascii = state.pos - start, (before + behind).isascii()
    is_star = state.src[start] == "*"
    opens = is_star and not is_ascii and category(behind)[0] in "PS"
    ends = length > 1 and before in ":.;!?%)" if is_ascii else category(before)[0] in "PS"
    if is_star:
        is_sign = _is_sign(before, behind, length, may_close=state.env["opened"] > 0)
    else:
        is_sign = _DUNDER.match(state.src, start) is not None
    for mark in state.delimiters[-length:]:
        mark.open = (mark.open or opens) and not is_sign
        mark.close = (mark.close or (is_star and ends and behind.isalnum())) and not is_sign
    if is_star and mark.open != mark.close:
        state.env["opened"] = max(0, state.env["opened"] + (1 if mark.open else -1))
    return True


def _is_sign(before: str, behind: str, length: int, *, may_close: bool) -> bool:
    """Whether asterisks are a product's, a power's, a pattern's or a pointer's, by the characters beside."""
    if before.isalnum() and behind.isalnum() and (before + behind).isascii():
        return not may_close and (length == 1 or before.isdigit() or behind.isdigit())
    return before + behind == "()" or (before in "/\\_" and behind in "/\\.")


def _bare_address(state: StateInline, silent: bool) -> bool:
    """Take an address as text, so that none of its characters is a mark."""
    scheme = state.pending[-5:].lower()
    start = state.pos - (5 if scheme == "https" else 4)
    if state.src[state.pos] != ":" or not scheme.endswith(("http", "https")) or state.linkLevel:
        return False
    match = BARE_ADDRESS.match(state.src, start, state.posMax)
    if match is None:
        return False
    if not silent:
        state.pending += unescapeAll(state.src[state.pos : match.end()])
    state.pos = match.end()
    return True


def _citation(state: StateInline, silent: bool) -> bool:
    """Read a citation that another one follows: CommonMark would take it for that one's label."""
    match = _CITATION.match(state.src, state.pos, state.posMax)
    if match is None or state.linkLevel:
        return False
    if not silent:
        label = normalizeReference(match[1])
        definition = state.env.get("references", {}).get(label)
        if definition is None:
            state.pending += match[0]
        else:
            link = state.push("link_open", "a", 1)
            link.attrs, link.meta = {"href": definition["href"]}, {"label": label}
            state.push("text", "", 0).content = match[1]
            state.push("link_close", "a", -1)
    state.pos = match.end()
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
