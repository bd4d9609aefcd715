"""HTML within Markdown: the few tags that models write for their effect have it; all others stay as written.

Tags that only size or place text have none in Slack and are left out, comments too. A text that has a tag of
another kind speaks of HTML: then all its tags stay. So does a tag that nothing closes, and one that is named
(``<br> breaks a line``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

#: The tags that are rendered, and what markdown-it calls such content; "" for tags that change nothing.
RENDERED: Final = {
    **dict.fromkeys(("b", "strong", "summary"), "strong"),
    **dict.fromkeys(("i", "em"), "em"),
    **dict.fromkeys(("s", "del", "strike"), "s"),
    **dict.fromkeys(("code", "kbd", "samp", "tt", "var"), "tt"),
    **dict.fromkeys(("u", "ins", "mark", "small", "big", "span", "font", "center"), ""),
    **dict.fromkeys(("details", "br", "!--"), ""),
    "a": "link", "sub": "sub", "sup": "sup",
}  # fmt: skip
_TAG = re.compile(r"</?([a-z][a-z0-9-]*|(?<=<)!--)", re.IGNORECASE)
_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
#: Signs that stand around a tag that a text speaks of.
_BEFORE = frozenset(("", " ", "\t"))
_BEHIND = frozenset(" \t.,:;!?)]}'\"“”’»")  # noqa: RUF001
_QUOTES = frozenset("([{'\"“‘«")  # noqa: RUF001


def tag_name(html: str) -> str:
    """Return the name of the tag that a piece of HTML begins with, in lower case; "" for none."""
    match = _TAG.match(html)
    return match[1].lower() if match else ""


def render_tags(state: StateInline) -> None:
    """Turn tags into the tokens that Markdown has for the same, once running text is parsed."""
    tokens = state.tokens
    names = {at: tag_name(token.content) for at, token in enumerate(tokens) if token.type == "html_inline"}
    if not RENDERED.keys() >= set(names.values()):
        return
    around = {at: (_sign_beside(tokens, at, -1), _sign_beside(tokens, at, 1)) for at in names}
    opened: dict[str, list[int]] = defaultdict(list)
    for at, name in names.items():
        if _is_named(name, *around[at], in_cell=state.env["in_cell"]):
            continue
        line_end = "\n" if around[at][1] != "\n" else ""
        if name in ("br", "details", "!--"):
            tokens[at].content = line_end if name == "br" else ""
        elif not tokens[at].content.startswith("</"):
            opened[name].append(at)
        elif opened[name] and (start := opened[name].pop()) + 1 < at:
            _pair(tokens[start], tokens[at], RENDERED[name])
            tokens[at].content = line_end if name == "summary" else ""
            # A link has no other within it.
            opened["a"] = [] if name == "a" else opened["a"]


def _sign_beside(tokens: list[Token], at: int, step: int) -> str:
    """Return the sign before a token (-1) or behind it (1); "" if there is none."""
    while 0 <= (at := at + step) < len(tokens):
        if tokens[at].type in ("softbreak", "hardbreak"):
            return "\n"
        if tokens[at].content:
            return tokens[at].content[min(step, 0)]
    return ""


def _is_named(name: str, before: str, behind: str, *, in_cell: bool) -> bool:
    """Whether a text speaks of a tag, to tell by the signs around it."""
    if name == "br" and in_cell:
        return before in _QUOTES or not (before or behind)
    if name == "details":
        return before in _QUOTES or before in (" ", "\t") or behind in _BEHIND
    is_quoted = name == "br" and before in _QUOTES
    return is_quoted or (before in _BEFORE and behind in _BEHIND)


def _pair(opening: Token, closing: Token, kind: str) -> None:
    """Make tokens of two tags."""
    if kind == "link":
        match = _HREF.search(opening.content)
        opening.attrs["href"] = next(filter(None, match.groups()), "") if match else ""
    opening.type, opening.nesting, opening.content = f"{kind}_open", 1, ""
    closing.type, closing.nesting = f"{kind}_close", -1
