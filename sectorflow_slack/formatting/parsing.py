"""Markdown as Slack reads it: CommonMark with tables and without HTML, parsed by markdown-it-py."""

from __future__ import annotations

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline, backtick
from markdown_it.token import Token

_NEWLINE = re.compile(r"\r\n?")
#: NUL, which CommonMark forbids, and halves of surrogate pairs, which UTF-8 can't carry.
_UNWRITABLE = re.compile(r"[\0\ud800-\udfff]")

_FENCE = re.compile(r"(`{3,}|~{3,})[^`\n]*\n")

#: Deeper nesting is not parsed but kept as text; it also bounds the parser's recursion.
MAX_NESTING = 24
#: More lines than these, of fewer characters than these on average, are no text that a model writes.
_MANY_LINES = 4_000
_SHORT_LINE = 12


def tidy(text: str) -> str:
    """Give ``text`` with the line feed as its only line end and U+FFFD where no character can be written."""
    return _UNWRITABLE.sub("\ufffd", _NEWLINE.sub("\n", text))


def is_dense(text: str) -> bool:
    """Say whether a text is nothing but thousands of tiny lines, which would take long to parse.

    They do not where they are all code: a fence is looked through for its end, and that is it.
    """
    lines = text.count("\n")
    return lines > _MANY_LINES and len(text) < lines * _SHORT_LINE and not _is_one_fence(text)


def _is_one_fence(text: str) -> bool:
    opening = _FENCE.match(text)
    if opening is None:
        return False
    closing = re.compile(rf"^ {{0,3}}{opening[1]}{opening[1][0]}*[ \t]*$", re.MULTILINE)
    end = closing.search(text, opening.end())
    return end is not None and end.end() == len(text)


def parse_blocks(markdown: str) -> list[Token]:
    """Parse the block structure of a tidy text; the content of ``inline`` tokens is left unparsed.

    Definitions of link references count as paragraphs, so that each line belongs to some block.
    """
    tokens: list[Token] = []
    parser = _parser()
    parser.block.parse(markdown, parser, {}, tokens)
    return tokens


def first_line(token: Token) -> int:
    """Give the number of the line that a block begins on."""
    if token.map is None:
        raise ValueError("a block's opening token says where it stands")
    return token.map[0]


def code_spans(content: str) -> list[tuple[int, int]]:
    """Find the code spans of an ``inline`` token's content: where each begins and ends."""
    if "`" not in content:
        return []
    spans: list[tuple[int, int]] = []
    parser = _parser()
    parser.inline.parse(content, parser, {"spans": spans}, [])
    return spans


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING})
    parser.enable("table").disable("reference")
    # Code spans and backslashes bind tighter than anything else: no other rule is needed to find them.
    parser.inline.ruler.enableOnly(["text", "escape", "backticks"])
    parser.inline.ruler2.enableOnly([])
    parser.inline.ruler.at("backticks", _remember_span)
    return parser


def _remember_span(state: StateInline, silent: bool) -> bool:
    """Parse backticks as markdown-it-py does, and note where a code span was found."""
    start, known = state.pos, len(state.tokens)
    matched = backtick(state, silent)
    if any(token.type == "code_inline" for token in state.tokens[known:]):
        state.env["spans"].append((start, state.pos))
    return matched
