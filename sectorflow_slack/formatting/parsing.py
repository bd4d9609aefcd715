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

#: Deeper nesting is not parsed but kept as text; it also bounds the parser's recursion.
_MAX_NESTING = 24
#: More lines than these, of fewer characters than these on average, are no text that a model writes.
_MANY_LINES = 4_000
_SHORT_LINE = 12


def tidy(text: str) -> str:
    """Give ``text`` with the line feed as its only line end and U+FFFD where no character can be written."""
    return _UNWRITABLE.sub("\ufffd", _NEWLINE.sub("\n", text))


def is_dense(text: str) -> bool:
    """Say whether a text is nothing but thousands of tiny lines, which would take long to parse."""
    lines = text.count("\n")
    return lines > _MANY_LINES and len(text) < lines * _SHORT_LINE


def parse_blocks(markdown: str) -> list[Token]:
    """Parse the block structure of a tidy text; the content of ``inline`` tokens is left unparsed.

    Definitions of link references count as paragraphs, so that each line belongs to some block.
    """
    tokens: list[Token] = []
    parser = _parser()
    parser.block.parse(markdown, parser, {}, tokens)
    return tokens


def link_references(markdown: str) -> dict[str, str]:
    """Give the addresses that a text defines for its links (``[label]: address``), by normal label."""
    if "]:" not in markdown or is_dense(markdown):
        return {}
    env: dict[str, dict[str, dict[str, str]]] = {}
    parser = _reference_parser()
    parser.block.parse(markdown, parser, env, [])
    defined = env.get("references", {})
    return {label: _without_parentheses(each["href"]) for label, each in defined.items()}


def _without_parentheses(address: str) -> str:
    return address.replace("(", "%28").replace(")", "%29")


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
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _MAX_NESTING})
    parser.enable("table").disable("reference")
    # Code spans and backslashes bind tighter than anything else: no other rule is needed to find them.
    parser.inline.ruler.enableOnly(["text", "escape", "backticks"])
    parser.inline.ruler2.enableOnly([])
    parser.inline.ruler.at("backticks", _remember_span)
    return parser


@cache
def _reference_parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "maxNesting": _MAX_NESTING}).enable("table")


def _remember_span(state: StateInline, silent: bool) -> bool:
    """Parse backticks as markdown-it-py does, and note where a code span was found."""
    start, known = state.pos, len(state.tokens)
    matched = backtick(state, silent)
    if any(token.type == "code_inline" for token in state.tokens[known:]):
        state.env["spans"].append((start, state.pos))
    return matched
