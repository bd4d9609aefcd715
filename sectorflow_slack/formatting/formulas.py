r"""Formulas in TeX, which Slack does not draw: they are shown as code, so that no sign of them is lost.

Markdown would take their backslashes for escapes and their stars for emphasis. Where a formula is found is
what pandoc says of ``$…$`` and ``$$…$$``, with some care for sums of money; ``\(…\)`` and ``\[…\]`` mean the
same. The two rules here are markdown-it's.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from .found import Formula

#: The type of the token that stands for a formula on lines of its own.
BLOCK = "formula"
#: Longest formula looked for, so that one that never ends is not looked for in all that follows.
_LONGEST_INLINE = 1_000
_LONGEST_BLOCK = 8_000

_ENVIRONMENTS = "equation|align|aligned|alignat|gather|multline|eqnarray|cases|split|array|[bBpvV]?matrix"
_OPENING = re.compile(rf"(?P<mark>\$\$(?!\$)|\\\[|\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}})")
_CLOSING = {"$$": "$$", "\\[": "\\]"}
_INLINE = (
    ("\\(", "\\)", re.compile(r"\\\((?P<body>(?:[^\\]|\\[^)])++)\\\)", re.DOTALL)),
    ("\\[", "\\]", re.compile(r"\\\[(?P<body>(?:[^\\]|\\[^\]])++)\\\](?![(\[])", re.DOTALL)),
    ("$$", "$$", re.compile(r"\$\$(?!\$)(?P<body>(?:[^\\$]|\\.)++)\$\$(?!\$)", re.DOTALL)),
    ("$", "$", re.compile(r"\$(?P<body>(?!\s)(?:[^\\$`]|\\.)++(?<!\s))\$(?![\d${])", re.DOTALL)),
)
#: What stands in formulas and seldom in what only has brackets or dollars around it.
_OF_FORMULAS = re.compile(r"\\[a-zA-Z]|[\^_=+<>{}]")
_LETTER = re.compile(r"[^\W\d_]")


def block_formula(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Take a formula whose marks begin a line and end one; nothing blank is within."""
    if state.is_code_block(start_line):
        return False
    start = state.bMarks[start_line] + state.tShift[start_line]
    opening = _OPENING.match(state.src, start, state.eMarks[start_line])
    if opening is None:
        return False
    last_line = _closing_line(state, opening, start_line, end_line)
    body = _block_body(state, opening, start_line, last_line) if last_line else ""
    if last_line is None or not body:
        return False
    if not silent:
        state.line = last_line + 1
        token = state.push(BLOCK, "", 0)
        token.map = [start_line, last_line + 1]
        token.content = body
        token.meta = {"place": start}
    return True


def _closing_line(state: StateBlock, opening: re.Match[str], first: int, end_line: int) -> int | None:
    """Find the line that a formula ends with; None where there is none."""
    closing = _closing(opening)
    stop = min(opening.end() + _LONGEST_BLOCK, state.eMarks[end_line - 1])
    end = _find_closing(state.src, closing, opening.end(), stop)
    if end < 0:
        return None
    last = bisect_right(state.bMarks, end, first, end_line) - 1
    if state.src[end + len(closing) : state.eMarks[last]].strip():
        return None
    indent = min(state.blkIndent, state.sCount[first])
    within = range(first + 1, last + 1)
    return None if any(state.isEmpty(at) or state.sCount[at] < indent for at in within) else last


def _closing(opening: re.Match[str]) -> str:
    name = opening["name"]
    return f"\\end{{{name}}}" if name else _CLOSING[opening["mark"]]


def _find_closing(text: str, closing: str, start: int, stop: int) -> int:
    r"""Find a closing mark; ``\\]`` is a new line in TeX and a bracket."""
    place = text.find(closing, start, stop)
    while place >= 0 and closing == "\\]" and _backslashes(text[start:place]) % 2:
        place = text.find(closing, place + 1, stop)
    return place


def _backslashes(text: str) -> int:
    """Count the backslashes that a text ends with."""
    return len(text) - len(text.rstrip("\\"))


def _block_body(state: StateBlock, opening: re.Match[str], first: int, last: int) -> str:
    """Give a formula without its marks and without what stands before its lines; "" where it is none."""
    text = state.getLines(first, last + 1, state.sCount[first], False).strip()
    if opening["name"]:
        return text
    body = text[2:-2].strip(" ")
    is_meant = "\n" in body or _is_formula(body) or (opening["mark"] == "$$" and _LETTER.search(body))
    return body.strip("\n").rstrip() if is_meant else ""


def inline_formula(state: StateInline, silent: bool) -> bool:
    """Take a formula within running text, and note it."""
    char = state.src[state.pos]
    if char not in "\\$":
        return False
    for opening, closing, pattern in _INLINE:
        if state.src.startswith(opening, state.pos):
            return _take(state, silent, closing, pattern)
    return False


def _take(state: StateInline, silent: bool, closing: str, pattern: re.Pattern[str]) -> bool:
    start = state.pos
    limit = min(state.posMax, start + _LONGEST_INLINE)
    if state.src.find(closing, start + len(closing), limit) < 0:
        return False
    match = pattern.match(state.src, start, limit)
    if match is None or not _is_meant(match, closing):
        return False
    if not silent:
        state.env["found"].append(
            Formula(start, match.end(), match["body"].strip(), closing in ("\\]", "$$"))
        )
    state.pos = match.end()
    return True


def _is_meant(match: re.Match[str], closing: str) -> bool:
    """Say whether what stands between two marks is a formula."""
    body = match["body"]
    if not body.strip():
        return False
    if closing == "$":
        return not _is_money(match)
    return closing == "\\)" or _is_formula(body)


def _is_formula(body: str) -> bool:
    bare = body.strip()
    return _OF_FORMULAS.search(bare) is not None or (len(bare) <= 2 and _LETTER.search(bare) is not None)


def _is_money(match: re.Match[str]) -> bool:
    """Say whether two dollars are a price's, a variable's of a shell, or otherwise no formula's."""
    body, text = match["body"], match.string
    before, behind = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    if before.isalnum() or before == "$":
        return True
    if behind.isalpha() and not body[-1].isalnum() and body[-1] not in ")}]'":
        return True
    return body[0].isdigit() and " " in body and not _OF_FORMULAS.search(body)
