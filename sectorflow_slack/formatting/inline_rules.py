"""What answers say within running text beyond CommonMark, as rules of markdown-it.

Slack's ``<url|label>``, bare addresses, citations next to each other, emphasis beside punctuation and CJK,
and signs of programs that are none of Markdown's. Each rule looks at a bounded stretch of text.
"""

from __future__ import annotations

import re
from unicodedata import category

from markdown_it.common.utils import normalizeReference, unescapeAll
from markdown_it.rules_inline import StateInline, emphasis, newline
from markdown_it.token import Token

from .meaning.links import BARE_ADDRESS

#: A citation that another one follows: ``[1][2]``.
_CITATION = re.compile(r"\[(\^?\d{1,3})\](?=\[\^?\d{1,3}\])")
#: Names of programs, such as ``__init__``.
_DUNDER = re.compile(r"(?<!\w)__[a-z][a-z0-9_]*__(?!\w)")
_ADDRESS = re.compile(
    r"<(?:(?P<url>(?:https?://|mailto:)[^\s<>|]{1,3000})(?:\|(?P<label>[^<>|\n]{1,1000}))?"
    r"|(?P<mailbox>[\w.+%-]{1,100}@[\w-]{1,100}(?:\.[\w-]{1,100})*))>",
    re.IGNORECASE,
)


def read_newline(state: StateInline, silent: bool) -> bool:
    """Read a line's end; where the next line's blanks count, they are kept."""
    start = state.pos + 1
    if not newline(state, silent):
        return False
    if state.env["keeps_indent"] and not silent:
        state.append_pending(state.src[start : state.pos])
    return True


def read_emphasis(state: StateInline, silent: bool) -> bool:
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


def read_bare_address(state: StateInline, silent: bool) -> bool:
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


def read_citation(state: StateInline, silent: bool) -> bool:
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
            _push_link(state, definition["href"], match[1]).meta = {"label": label}
    state.pos = match.end()
    return True


def read_address(state: StateInline, silent: bool) -> bool:
    """Read ``<https://…>``, ``<mailbox@host>`` and Slack's ``<https://…|label>``, which models write too."""
    match = _ADDRESS.match(state.src, state.pos, state.posMax)
    if match is None or state.linkLevel:
        return False
    if not silent:
        target = match["url"] or f"mailto:{match['mailbox']}"
        _push_link(state, target, match["label"] or match["url"] or match["mailbox"])
    state.pos = match.end()
    return True


def _push_link(state: StateInline, target: str, text: str) -> Token:
    """Push a link with one text, and return the token that opens it."""
    link = state.push("link_open", "a", 1)
    link.attrs = {"href": target}
    state.push("text", "", 0).content = text
    state.push("link_close", "a", -1)
    return link
