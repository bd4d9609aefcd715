r"""Where formulas in TeX are, as rules of markdown-it: between ``\(…\)``, ``\[…\]``, ``$…$``, ``$$…$$``.

The text between such marks must look like a formula: dollars are prices and variables of programs too, and
some models put a backslash before every bracket.
"""

from __future__ import annotations

import re

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

#: Longest formula looked for, so that one that never ends is not looked for in all that follows.
_LONGEST_INLINE = 1_000
_LONGEST_BLOCK = 8_000
_CLOSING = {"\\(": "\\)", "\\[": "\\]", "$": "$", "$$": "$$"}

_OPENING = re.compile(r"\$\$(?!\$)|\\\[|\\begin\{[a-zA-Z]+\*?\}")
_BLANK_LINE = re.compile(r"\n[ \t>]*\n")

#: What is before and behind such marks in programs and prices keeps them from being a formula's.
_INLINE = re.compile(
    r"""
      (?<!\w) \\\( ( (?: [^\\] | \\[^)] )++ ) \\\)
    | \\\[ ( (?: [^\\] | \\[^\]] )++ ) \\\] (?![(\[])
    | \$\$ (?!\$) ( (?: [^\\$] | \\. )++ ) \$\$ (?!\$)
    | (?: (?<![!-~]) | (?<=[(\[{*_~:>|,-]) ) \$ (?![\s),;:])
      ( (?: [^\\$`\n] | \\[^\n] | \n(?!\n) )++ )
      (?<!\s) \$ (?= (?:th|st|nd|rd|s)? (?! (?a:\w) ) ) (?![${(/"'])
    """,
    re.DOTALL | re.VERBOSE,
)
#: Signs of formulas, rare in other texts between such marks.
_OF_FORMULAS = re.compile(r"\\[a-zA-Z]|[\^_=+<>{}]")
_LETTER = re.compile(r"[^\W\d_]")
#: What is between two dollars of programs and prices.
_OF_OTHERS = re.compile(r'[a-zA-Z]{2,}\w+\Z|\d(?=.* )[^\\^_=+<>{}]+\Z|.*(?:"|; |\n.*\n)', re.DOTALL)
#: Water has its number of atoms in TeX (``H_2O``); names of variables are no elements.
_SUBSTANCE = re.compile(r"(?=\w*_\d)(?:(?:[BCFHIKNOPSUVWY]|[A-Z][a-z])(?:_\d+)?)+")
#: Two words of a language next to each other, or an option; TeX's commands and what ``\text`` has are none.
_WORDS = re.compile(r"(?<!\S)-[a-z]{4}|(?<![\\a-zA-Z])[a-zA-Z]{3,}+[^a-zA-Z]{1,2}(?<!\\)[a-zA-Z]{3}")
_COMMAND_WITH_WORDS = re.compile(r"\\(?:text|mathrm|operatorname|mbox|begin|end)\*?\{[^{}]*\}")


def block_formula(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Take a formula whose marks begin a line and end one; nothing blank is within."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    opening = _OPENING.match(state.src, start)
    if opening is None or state.is_code_block(start_line):
        return False
    mark = opening[0]
    closing = _CLOSING.get(mark, mark.replace("begin", "end"))
    end = state.src.find(closing, opening.end(), opening.end() + _LONGEST_BLOCK)
    last = start_line + state.src.count("\n", start, max(start, end))
    if end < 0 or last >= end_line or _BLANK_LINE.search(state.src, start, end):
        return False
    is_outside = min(state.sCount[start_line : last + 1]) < min(state.blkIndent, state.sCount[start_line])
    if is_outside or state.src[end + len(closing) : state.eMarks[last]].strip():
        return False
    text = state.getLines(start_line, last + 1, state.sCount[start_line], False).strip()
    body = text[2:-2].strip() if mark in _CLOSING else text
    if not body or (mark == "\\[" and "\n" not in text and not _is_formula(body, closing)):
        return False
    if not silent:
        state.line = last + 1
        state.push("formula", "", 0).content = body
    return True


def inline_formula(state: StateInline, silent: bool) -> bool:
    """Take a formula within running text."""
    mark = state.src[state.pos : state.pos + 2]
    closing, limit = (
        _CLOSING.get(mark) or _CLOSING.get(mark[0]),
        min(state.posMax, state.pos + _LONGEST_INLINE),
    )
    if closing is None or state.src.find(closing, state.pos + 1, limit) < 0:
        return False
    match = _INLINE.match(state.src, state.pos, limit)
    text = match[match.lastindex or 0] if match else ""
    if match is None or not _is_formula(text, closing):
        return False
    if not silent:
        state.push("formula", "", 0).content = text.strip()
    state.pos = match.end()
    return True


def _is_formula(text: str, closing: str) -> bool:
    """Whether the text before a mark that closes formulas is one."""
    body = text.strip()
    if closing == "$":
        is_likely = not _OF_OTHERS.match(body) or bool(_SUBSTANCE.fullmatch(body))
    elif closing == "\\)" and text[:1].isspace() and text[-1:].isspace():
        # Who puts a backslash before every bracket puts no blanks within.
        is_likely = bool(body)
    else:
        is_likely = bool((_LETTER if len(body) <= 2 else _OF_FORMULAS).search(body))
    return is_likely and not _WORDS.search(_COMMAND_WITH_WORDS.sub("", body))
