r"""What answers say in Markdown beyond CommonMark and GFM's tables, as rules of markdown-it.

Formulas between ``\(…\)``, ``\[…\]``, ``$…$`` and ``$$…$$``, Slack's ``<url|label>``, emphasis beside
punctuation and CJK, the further cells of a row, the lines of a definition, and an end to nesting. Each rule
looks at a bounded stretch of text, or at each line once.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock, blockquote, html_block, reference, table
from markdown_it.rules_block.table import escapedSplit
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, newline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from .limits import LINK_CHARS
from .meaning.formulas import block_formula, inline_formula
from .meaning.html import RENDERED, render_tags, tag_name

#: The parser's level from which on text is no longer read for blocks: a list takes two levels, a quote one.
#: It also bounds the parser's recursion.
DEEPEST = 20
TARGET_SCHEMES = ("http:", "https:", "mailto:")

#: Lines that the parser's search for the end of a quote may look at: it looks at them again for each quote.
_QUOTE_LINES = 20_000
#: Cells that the tables of a text may have; each takes some 10 µs.
_CELLS = 40_000

#: What running text is looked through for; without any of it, it is plain.
_MARKUP = re.compile(r"[\n!$&*:<\[\\\]_`~]")
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
    options = {
        "html": True,
        "maxNesting": DEEPEST + 4,
        "tasklists": True,
        "inline_definitions": True,
        "store_labels": True,
    }
    md = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    md.core.ruler.at("inline", _parse_inline)
    block = md.block.ruler
    block.at("table", _table, {"alt": ["paragraph", "reference"]})
    block.at("blockquote", _blockquote, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    block.at("html_block", _html_block, {"alt": ["paragraph", "reference", "blockquote"]})
    block.at("reference", _reference)
    block.before("table", "deep", _deep)
    within: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    block.before("table", "formula", block_formula, within)
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


def _deep(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Take what is nested too deep for blocks as running text, up to a blank line or the block's end."""
    if silent or state.level < DEEPEST:
        return False
    line = start_line + 1
    while line < end_line and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        line += 1
    text = state.getLines(start_line, line, state.blkIndent, False).strip()
    state.push("paragraph_open", "p", 1)
    content = state.push("inline", "", 0)
    content.map, content.content, content.children = [start_line, line], text, []
    state.push("paragraph_close", "p", -1)
    state.line = line
    return True


def _table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a table; a row's cells beyond those of the head, which GFM drops, are kept."""
    if not table(state, start_line, end_line, True):
        return False
    if silent:
        return True
    _count_cells(state, start_line)
    known = len(state.tokens)
    table(state, start_line, end_line, False)
    tokens, state.tokens[known:] = state.tokens[known:], []
    columns = sum(token.type == "th_open" for token in tokens)
    for token in tokens:
        if token.type == "tr_open":
            row = token
        if token.type == "tr_close" and row.map:
            for text in _row(state, row.map[0])[columns:]:
                state.tokens += _cell(text, row)
        state.tokens.append(token)
    return True


def _count_cells(state: StateBlock, start_line: int) -> None:
    """Count the cells of a table up to the next blank line, where it ends at the latest.

    A row is filled up with empty cells: a few thousand characters become 65,000 of them in markdown-it.
    """
    text, start = state.src, state.bMarks[start_line]
    columns = text.count("|", state.bMarks[start_line + 1], state.eMarks[start_line + 1]) + 1
    blank = text.find("\n\n", start)
    rows = text.count("\n", start, blank if blank > 0 else None)
    state.env["cells"] = state.env.get("cells", 0) + columns * rows
    if state.env["cells"] > _CELLS:
        raise TooDense


def _row(state: StateBlock, line: int) -> list[str]:
    cells = escapedSplit(state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip())
    return cells[not cells[0] : len(cells) - (not cells[-1])]


def _cell(text: str, row: Token) -> list[Token]:
    level = row.level + 1
    content = Token("inline", "", 0, content=text.strip(), map=row.map, level=level + 1, children=[])
    return [Token("td_open", "td", 1, level=level), content, Token("td_close", "td", -1, level=level)]


def _blockquote(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a quote, and count the lines that may be looked at for its end.

    markdown-it looks for it up to the next blank line, also where the quote ends at once.
    """
    text, start = state.src, state.bMarks[start_line] + state.tShift[start_line]
    if not silent and text.startswith(">", start):
        blank = text.find("\n\n", start)
        state.env["quote_lines"] = state.env.get("quote_lines", 0) + text.count(
            "\n", start, blank if blank > 0 else None
        )
        if state.env["quote_lines"] > _QUOTE_LINES:
            raise TooDense
    return blockquote(state, start_line, end_line, silent)


def _html_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a block of HTML, unless it begins with a tag that is rendered."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    if tag_name(state.src[start : state.eMarks[start_line]]) in RENDERED:
        return False
    return html_block(state, start_line, end_line, silent)


def _reference(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a definition, and keep its lines; without an address it is none (``[Note]: Important``)."""
    known = len(state.tokens)
    before = len(state.env.get("references", ()))
    if not reference(state, start_line, end_line, silent):
        return False
    token = state.tokens[known]
    url = token.meta["url"]
    if url.lower().startswith(TARGET_SCHEMES) and len(url) <= LINK_CHARS:
        token.content = state.getLines(start_line, state.line, state.blkIndent, False)
        return True
    if len(state.env["references"]) > before:
        del state.env["references"][token.meta["id"]]
    else:
        state.env["duplicate_refs"].pop()
    del state.tokens[known:]
    state.line = start_line
    return False


# Inline


def _parse_inline(state: StateCore) -> None:
    """Parse running text; in a paragraph of its own the blanks that begin a line are kept.

    A paragraph that is one formula has it as its ``info``.
    """
    for before, token in pairwise(state.tokens):
        if token.type != "inline":
            continue
        token.children = token.children or []
        if _MARKUP.search(token.content):
            state.env["keeps_indent"] = token.level == 1
            state.env["in_cell"] = before.type in ("th_open", "td_open")
            state.md.inline.parse(token.content, state.md, state.env, token.children)
        else:
            token.children.append(Token("text", "", 0, content=token.content))
        if [child.type for child in token.children] == ["formula"]:
            before.info = token.children[0].content


def _newline(state: StateInline, silent: bool) -> bool:
    start = state.pos
    if not newline(state, silent):
        return False
    blanks = state.src[start + 1 : state.pos]
    if blanks and not silent and state.env.get("keeps_indent"):
        state.append_pending(blanks)
    return True


def _emphasis(state: StateInline, silent: bool) -> bool:
    """Read ``*`` and ``_`` as markdown-it does, and more of them beside punctuation and CJK as meant.

    CommonMark's rule for what opens and closes counts on blanks between words, which CJK has none of, and
    leaves the marks of ``**Owner:**Dana``.
    """
    marker = state.src[state.pos]
    if silent or marker not in "_*":
        return False
    scanned = state.scanDelims(state.pos, marker == "*")
    can_open, can_close = scanned.can_open, scanned.can_close
    if marker == "*":
        before = state.src[state.pos - 1] if state.pos else " "
        behind = state.src[state.pos + scanned.length : state.pos + scanned.length + 1] or " "
        can_open = can_open or _opens(before, behind)
        can_close = can_close or _closes(before, behind, scanned.length)
    for _ in range(scanned.length):
        state.push("text", "", 0).content = marker
        state.delimiters.append(
            Delimiter(ord(marker), scanned.length, len(state.tokens) - 1, -1, can_open, can_close)
        )
    state.pos += scanned.length
    return True


def _opens(before: str, behind: str) -> bool:
    """Whether a mark between a letter and what opens something (``请**“``) opens emphasis."""
    is_far = not (before.isascii() and behind.isascii())
    return is_far and not behind.isspace() and unicodedata.category(behind) in ("Ps", "Pi", "Po", "Sc", "So")


def _closes(before: str, behind: str, length: int) -> bool:
    """Whether a mark between what ends something and a letter (``:**Dana``) closes emphasis."""
    if before.isspace() or not behind.isalnum():
        return False
    if before.isascii() and behind.isascii():
        return length > 1 and before in ":.;!?%)"
    return unicodedata.category(before) in ("Pe", "Pf", "Po", "Sc", "So", "Sm")


def _address(state: StateInline, silent: bool) -> bool:
    """Read ``<https://…>``, ``<mailbox@host>`` and Slack's ``<https://…|label>``, which models write too."""
    if state.src[state.pos] != "<" or state.linkLevel:
        return False
    match = _ADDRESS.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        target = match["url"] or f"mailto:{match['mailbox']}"
        state.push("link_open", "a", 1).attrs = {"href": target}
        state.push("text", "", 0).content = match["label"] or match["url"] or match["mailbox"]
        state.push("link_close", "a", -1)
    state.pos = match.end()
    return True
