"""HTML within Markdown: the few tags that models write for their effect have it; all others stay as written.

A text that has a tag of another kind speaks of HTML: then all its tags stay. So does a tag that nothing
closes, one with blanks around it (``<br> breaks a line``), and one that is all there is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

#: The tags that are rendered, and what markdown-it calls such content; "" for tags that change nothing.
RENDERED: Final = {
    **dict.fromkeys(("b", "strong", "summary"), "strong"),
    **dict.fromkeys(("i", "em"), "em"),
    **dict.fromkeys(("s", "del", "strike"), "s"),
    **dict.fromkeys(("code", "kbd", "samp", "tt", "var"), "tt"),
    **dict.fromkeys(("u", "ins", "mark", "details", "br"), ""),
    "a": "link",
    "sub": "sub",
    "sup": "sup",
}
_TAG = re.compile(r"<(/?)([a-z][a-z0-9-]*)", re.IGNORECASE)
_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_LINE_ENDS = ("", "\n")
# Closing and opening quotation marks are meant, not look-alikes.
_BEHIND = frozenset(".,:;!?)]}'\"`“”’»")  # noqa: RUF001
_BEFORE = frozenset("([{'\"`“‘«")  # noqa: RUF001


def tag_name(html: str) -> str:
    """Return the name of the tag that a piece of HTML begins with, in lower case; "" for none."""
    match = _TAG.match(html)
    return match[2].lower() if match else ""


def render_tags(state: StateInline) -> None:
    """Turn tags into the tokens that Markdown has for the same, once running text is parsed."""
    html = [(at, token) for at, token in enumerate(state.tokens) if token.type == "html_inline"]
    tags = {at: tag_name(token.content) for at, token in html}
    if not tags or not RENDERED.keys() >= set(tags.values()):
        return
    before = _neighbours(state.tokens, -1)
    behind = _neighbours(state.tokens[::-1], 0)[::-1]
    pairs = _pairs(state.tokens, tags, before, behind)
    for at, name in tags.items():
        token = state.tokens[at]
        if at in pairs:
            _pair(token, name)
            is_apart = name == "summary" and token.nesting < 0 and behind[at] not in _LINE_ENDS
            token.content = "\n" if is_apart else ""
        elif name == "br" and _is_break(before[at], behind[at], in_cell=state.env["in_cell"]):
            token.content = "" if behind[at] == "\n" else "\n"
        elif name == "details" and before[at] in _LINE_ENDS and behind[at] in _LINE_ENDS:
            token.content = ""


def _pair(token: Token, name: str) -> None:
    """Make an opening or closing token of a tag; its content is shown behind it."""
    token.nesting = -1 if token.content.startswith("</") else 1
    token.type = f"{RENDERED[name]}_{'open' if token.nesting > 0 else 'close'}"
    if name == "a" and token.nesting > 0:
        match = _HREF.search(token.content)
        token.attrs["href"] = next(filter(None, match.groups()), "") if match else ""


def _neighbours(tokens: Iterable[Token], end: int) -> list[str]:
    """Return the sign before each token, "" at the beginning; what is no text is some sign.

    ``<br>`` is passed over; the tags of ``<details>`` are like a line's end, and so are a link's ends within.
    """
    found: list[str] = []
    sign = ""
    for token in tokens:
        found.append(sign)
        name = tag_name(token.content) if token.type == "html_inline" else ""
        if token.type in ("link_open", "link_close"):
            sign = "" if (token.nesting < 0) == (end == 0) else "x"
        elif token.type in ("softbreak", "hardbreak"):
            sign = "\n"
        elif token.type in ("html_inline", "image", "formula"):
            sign = sign if name == "br" else "" if name in ("details", "summary") else "x"
        elif token.content:
            sign = token.content[end]
    return found


def _pairs(tokens: list[Token], tags: dict[int, str], before: list[str], behind: list[str]) -> set[int]:
    """Find the tags that open and close something, within one link; no blanks part them from it."""
    found: set[int] = set()
    outer: list[dict[str, list[int]]] = []
    waiting: dict[str, list[int]] = defaultdict(list)
    for at, token in enumerate(tokens):
        name = tags.get(at, "")
        if token.type == "link_open":
            outer.append(waiting)
            waiting = defaultdict(list)
        elif token.type == "link_close":
            waiting = outer.pop()
        elif name not in ("", "br") and not token.content.startswith("</"):
            waiting[name].append(at)
        elif name != "br" and waiting.get(name):
            start = waiting[name].pop()
            is_apart = name == "summary" and before[start] not in _LINE_ENDS
            if start + 1 < at and not (behind[start].isspace() or before[at].isspace() or is_apart):
                found |= {start, at}
            if name == "a":
                waiting["a"].clear()
    return found


def _is_break(before: str, behind: str, *, in_cell: bool) -> bool:
    """Whether ``<br>`` is there to break a line, and not named."""
    if in_cell or behind in _LINE_ENDS:
        return bool(before or behind) and before not in _BEFORE
    if before.isspace() and before != "\n":
        return not behind.isspace() and behind not in _BEHIND
    return before != "" and before not in _BEFORE
