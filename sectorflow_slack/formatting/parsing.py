"""Parsing Markdown: CommonMark, GFM's tables, task lists and strikethrough, and what else models write."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from . import block_rules, inline_rules
from .meaning.formulas import block_formula, inline_formula
from .meaning.html import render_tags

#: Marks of running text that are read; with more of them a text is none that a model writes for people, and
#: they stay as they are: 10,000 characters have some 400, and a hostile mark takes up to 25 µs.
_MOST_MARKS = 20_000
#: What running text is looked through for; without any of it, it is plain.
_MARKUP = re.compile(r"[\n!$&*:<\[\\\]_`~]")


@cache
def parser() -> MarkdownIt:
    """Make the parser; it raises ``block_rules.TooDense``."""
    options = {"html": True, "tasklists": True, "inline_definitions": True, "store_labels": True}
    md = MarkdownIt("commonmark", {**options, "maxNesting": block_rules.DEEPEST + 4})
    md.enable(["table", "strikethrough"])
    md.core.ruler.at("inline", _parse_inline)
    block = md.block.ruler
    # What a block ends that stands above it.
    paragraphs: RuleOptionsType = {"alt": ["paragraph", "reference"]}
    quotes: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote"]}
    lists: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    block.at("table", block_rules.read_table, paragraphs)
    block.at("blockquote", block_rules.read_blockquote, lists)
    block.at("list", block_rules.read_list, quotes)
    block.at("html_block", block_rules.read_html_block, quotes)
    block.at("reference", block_rules.read_reference)
    block.before("fence", "fence_of_markdown", block_rules.read_fence_of_markdown, lists)
    block.before("table", "deep", block_rules.read_deep)
    block.before("table", "formula", block_formula, lists)
    inline = md.inline.ruler
    inline.at("emphasis", inline_rules.read_emphasis)
    inline.at("newline", inline_rules.read_newline)
    inline.at("autolink", inline_rules.read_address)
    inline.before("escape", "formula", inline_formula)
    inline.before("link", "citation", inline_rules.read_citation)
    inline.before("emphasis", "bare_address", inline_rules.read_bare_address)
    md.inline.ruler2.push("tags", render_tags)
    # Targets as they are written, with entities and backslashes resolved; ``meaning.links`` judges them.
    md.normalizeLink = lambda url: url  # type: ignore[method-assign]
    md.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    md.validateLink = lambda url: True  # type: ignore[method-assign]
    return md


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
