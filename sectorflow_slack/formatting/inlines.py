"""Reading Markdown for what Slack would draw otherwise than it is meant: links, formulas, ``<br>``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.rules_inline import StateInline, autolink, image, link
from markdown_it.token import Token

from .formulas import BLOCK, block_formula, inline_formula
from .found import Break, Found, Link, Stray
from .parsing import MAX_NESTING

#: Brackets in brackets that the parser is trusted with.
_DEEPEST = MAX_NESTING - 4
#: What would be read as a link or as code if an address were not in angle brackets.
UNSAFE_IN_ADDRESS = "[]`\\"
_BREAKS = re.compile(r"(?:<br[ \t]{0,5}/?>[ \t]{0,20}){1,100}+", re.IGNORECASE)
_BRACKET = re.compile(r"\\.|[\[\]]", re.DOTALL)
_OF_INTEREST = re.compile(r"[\[$]|\\\(|<(?:br|[a-z][a-z0-9+.-]*:)", re.IGNORECASE)


@dataclass(slots=True)
class Reading:
    """The blocks of a text, and the lines in which definitions of link references stand."""

    tokens: list[Token]
    env: dict[str, Any] = field(default_factory=dict)

    @property
    def definitions(self) -> list[tuple[int, int]]:
        """Give the first line of each definition of a link reference, and the one behind it."""
        defined = [*self.env.get("references", {}).values(), *self.env.get("duplicate_refs", [])]
        return [(each["map"][0], each["map"][1]) for each in defined]


def read_blocks(markdown: str) -> Reading:
    """Read the blocks of a tidy text; formulas on lines of their own are tokens of type ``BLOCK``."""
    reading = Reading([])
    parser = _parser()
    parser.block.parse(markdown, parser, reading.env, reading.tokens)
    return reading


def read_inline(content: str, reading: Reading) -> list[Found] | None:
    """Find what is of interest in an inline token's content, in order; None where that can't be told."""
    if not _OF_INTEREST.search(content):
        return []
    if _is_deep(content):
        return None
    found: list[Found] = []
    parser = _parser()
    parser.inline.parse(content, parser, {**reading.env, "found": found}, [])
    return sorted(found, key=lambda each: each.start)


def _is_deep(content: str) -> bool:
    """Say whether brackets are nested deeper than the parser follows."""
    if "]" not in content or content.count("[") <= _DEEPEST:
        return False
    depth = 0
    for match in _BRACKET.finditer(content):
        depth = max(0, depth + {"[": 1, "]": -1}.get(match[0], 0))
        if depth > _DEEPEST:
            return True
    return False


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING}).enable("table")
    parser.block.ruler.before(
        "table", BLOCK, block_formula, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    rules = parser.inline.ruler
    rules.enableOnly(["text", "escape", "backticks", "link", "image", "autolink"])
    parser.inline.ruler2.enableOnly([])
    rules.before("escape", BLOCK, inline_formula)
    rules.at("link", _note_link)
    rules.at("image", _note_image)
    rules.at("autolink", _note_autolink)
    rules.before("autolink", "break", _note_break)
    rules.after("autolink", "stray", _note_stray)
    # The target as it is written, with entities and backslashes resolved.
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


def _note_link(state: StateInline, silent: bool) -> bool:
    start = state.pos
    if state.src.find("]", start, state.posMax) < 0 or not link(state, silent):
        return False
    if not silent:
        state.env["found"].append(_link(state, start, start) or Stray(start, state.pos))
    return True


def _note_image(state: StateInline, silent: bool) -> bool:
    """Take an image; its label is read like a link's, whatever Slack makes of what is in it."""
    start, stop = state.pos, state.posMax
    if state.src.find("]", start, stop) < 0 or not image(state, True):
        return False
    if not silent:
        found = _link(state, start, start + 1)
        state.env["found"].append(found or Stray(start, state.pos))
        if found:
            state.pos, state.posMax = found.label_start, found.label_end
            state.md.inline.tokenize(state)
            state.pos, state.posMax = found.end, stop
    return True


def _link(state: StateInline, start: int, bracket: int) -> Link | None:
    """Give what was parsed as a link, or as an image, up to the parser's place; None where it is odd."""
    helpers, text, end = state.md.helpers, state.src, state.pos
    label_end = helpers.parseLinkLabel(state, bracket, bracket == start)
    label = bracket + 1, label_end
    if end > label_end + 1 and text[label_end + 1] == "(":
        at = label_end + 2 + _blanks(text, label_end + 2)
        target = helpers.parseLinkDestination(text, at, end)
        written = (at, target.pos if target.ok else at)
        return (
            Link(start, end, *label, target.str, written, bracket > start) if text[end - 1] == ")" else None
        )
    name = text[label_end + 2 : end - 1] or text[label[0] : label_end]
    defined = state.env["references"].get(normalizeReference(name))
    return Link(start, end, *label, defined["href"], None, bracket > start) if defined else None


def _blanks(text: str, start: int) -> int:
    rest = text[start : start + 1_000]
    return len(rest) - len(rest.lstrip(" \t\n"))


def _note_autolink(state: StateInline, silent: bool) -> bool:
    start = state.pos
    if not autolink(state, silent):
        return False
    if not silent and not set(UNSAFE_IN_ADDRESS).isdisjoint(state.src[start : state.pos]):
        state.env["found"].append(Stray(start, state.pos))
    return True


def _note_break(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "<":
        return False
    match = _BREAKS.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        before = state.src[max(0, match.start() - 20) : match.start()]
        blank = len(before) - len(before.rstrip(" \t"))
        state.env["found"].append(Break(match.start() - blank, match.end(), match[0].lower().count("<br")))
    state.pos = match.end()
    return True


def _note_stray(state: StateInline, silent: bool) -> bool:
    """Take ``](`` that belongs to no link."""
    if not state.src.startswith("](", state.pos):
        return False
    if not silent:
        state.env["found"].append(Stray(state.pos, state.pos + 2))
    state.pos += 1
    return True
