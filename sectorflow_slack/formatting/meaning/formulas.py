r"""Where formulas in TeX are, as rules of markdown-it: between ``\(…\)``, ``\[…\]``, ``$…$``, ``$$…$$``.

The text between such marks must look like a formula: dollars are prices and variables of programs too, and
some models put a backslash before every bracket.
"""

# ruff: noqa: RUF001  (dashes stand before formulas)

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import pairwise

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

#: Longest formula looked for, so that one that never ends is not looked for in all that follows.
_LONGEST_INLINE = 1_000
_LONGEST_BLOCK = 8_000

# Formulas on lines of their own

_ENVIRONMENTS = "equation|align|aligned|alignat|gather|multline|eqnarray|cases|split|array|[bBpvV]?matrix"
_OPENING = re.compile(rf"(?P<mark>\$\$(?!\$)|\\\[|\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}})")
_CLOSING = {"$$": "$$", "\\[": "\\]"}


def block_formula(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Take a formula whose marks begin a line and end one; nothing blank is within."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    opening = _OPENING.match(state.src, start, state.eMarks[start_line])
    if opening is None or state.is_code_block(start_line):
        return False
    closing = f"\\end{{{opening['name']}}}" if opening["name"] else _CLOSING[opening["mark"]]
    blank = state.src.find("\n\n", opening.end(), opening.end() + _LONGEST_BLOCK)
    end = state.src.find(closing, opening.end(), opening.end() + _LONGEST_BLOCK if blank < 0 else blank)
    last = bisect_right(state.bMarks, end, start_line, end_line) - 1
    is_within = 0 <= end < state.eMarks[end_line - 1]
    if not is_within or state.src[end + len(closing) : state.eMarks[last]].strip():
        return False
    if any(
        state.sCount[line] < min(state.blkIndent, state.sCount[start_line])
        for line in range(start_line, last + 1)
    ):
        return False
    text = state.getLines(start_line, last + 1, state.sCount[start_line], False).strip()
    body = text if opening["name"] else text[2:-2].strip(" ").strip("\n").rstrip()
    is_meant = "\n" in text or _is_formula(body) or (opening["mark"] == "$$" and _LETTER.search(body))
    if not (body and is_meant):
        return False
    if not silent:
        state.line = last + 1
        state.push("formula", "", 0).content = body
    return True


# Within running text

_INLINE = (
    ("\\(", "\\)", re.compile(r"\\\((?P<body>(?:[^\\]|\\[^)])++)\\\)", re.DOTALL)),
    ("\\[", "\\]", re.compile(r"\\\[(?P<body>(?:[^\\]|\\[^\]])++)\\\](?![(\[])", re.DOTALL)),
    ("$$", "$$", re.compile(r"\$\$(?!\$)(?P<body>(?:[^\\$]|\\.)++)\$\$(?!\$)", re.DOTALL)),
    ("$", "$", re.compile(r"\$(?P<body>(?![\s{(])(?:[^\\$`\n]|\\[^\n]|\n(?!\n))++(?<!\s))\$(?![\d${])")),
)
#: Characters of formulas, rare in other texts between brackets or dollars.
_OF_FORMULAS = re.compile(r"\\[a-zA-Z]|[\^_=+<>{}]")
_LETTER = re.compile(r"[^\W\d_]")
#: Words of a language, not names in a formula; TeX's commands and what ``\text`` has are none.
_WORDS = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}")
_COMMAND_WITH_WORDS = re.compile(r"\\(?:text|mathrm|operatorname|mbox|begin|end)\*?\{[^{}]*\}")
_ENDINGS = re.compile(r"(?:th|st|nd|rd|s)\b|(?!\w)")


def inline_formula(state: StateInline, silent: bool) -> bool:
    """Take a formula within running text."""
    if state.src[state.pos] not in "\\$":
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
        state.push("formula", "", 0).content = match["body"].strip()
    state.pos = match.end()
    return True


def _is_meant(match: re.Match[str], closing: str) -> bool:
    """Whether the text between two marks is a formula."""
    body, before = match["body"], match.string[match.start() - 1 : match.start()]
    if not body.strip():
        return False
    if closing == "$":
        return _is_dollar_formula(match, before)
    if closing == "\\)" and (before.isalnum() or before == "_"):
        # The brackets of a call, with backslashes that Markdown does not need.
        return False
    return _is_formula(body)


def _is_formula(body: str) -> bool:
    bare = body.strip()
    if len(bare) <= 2:
        return _LETTER.search(bare) is not None
    return _OF_FORMULAS.search(bare) is not None and not _has_words(bare)


def _has_words(body: str) -> bool:
    """Whether a text has words that no formula has: two next to each other."""
    found = list(_WORDS.finditer(_COMMAND_WITH_WORDS.sub("", body)))
    return any(0 < two.start() - one.end() <= 2 for one, two in pairwise(found))


def _is_dollar_formula(match: re.Match[str], before: str) -> bool:
    """Whether two dollars are a formula's, not a price's, nor those of variables and patterns of programs."""
    body, behind = match["body"], match.end()
    if before and not before.isspace() and before not in "([{*_~—–-:>|":
        return False
    if not _ENDINGS.match(match.string, behind) or match.string[behind : behind + 1] in tuple("/\"'"):
        return False
    if "\n" in body and body.count("\n") != 1:
        return False
    if body[0].isdigit() and " " in body and not _OF_FORMULAS.search(body):
        return False
    if re.fullmatch(r"[a-zA-Z]{2,}\w+", body) or '"' in body or "; " in body:
        return False
    return not _has_words(body)
