"""Taking lists and quotes apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from markdown_it.token import Token

from .parsing import first_line

_MARKER = re.compile(r" *(?:[-+*]|\d{1,9}[.)])(?: {1,4}(?! )| (?= )|(?=\n|$))")
_NUMBER = re.compile(r"\d+")
_LINE_WITHIN = re.compile(r"\n(?=[^\n])")
_QUOTE_MARK = re.compile(r"^ {0,3}> ?", re.MULTILINE)


def list_items(text: str, tokens: list[Token]) -> Iterator[tuple[str, list[Token]]]:
    """Give each outer item of a list, whose tokens these are, with its own tokens."""
    lines = text.split("\n")
    opens = [at for at, token in enumerate(tokens) if token.type == "list_item_open" and token.level == 1]
    starts = [first_line(tokens[at]) - first_line(tokens[0]) for at in opens]
    for (start, end), (first, last) in zip(
        pairwise([*starts, len(lines)]), pairwise([*opens, len(tokens)]), strict=True
    ):
        yield "\n".join(lines[start:end]).rstrip("\n"), tokens[first:last]


def begins_list(text: str) -> bool:
    """Say whether a text begins with a list item."""
    return _MARKER.match(text) is not None


def without_marker(item: str) -> tuple[str, str]:
    """Part a list item into its marker, a blank behind it, and its content, whose lines lose the indent."""
    match = _MARKER.match(item)
    if match is None:
        return "", item
    marker = match[0] if match[0].endswith(" ") else f"{match[0]} "
    indent = re.compile(rf"\n {{1,{len(marker)}}}")
    return marker, indent.sub("\n", item[match.end() :])


def indented(text: str, width: int) -> str:
    """Put blanks before each line but the first; lines without anything stay so."""
    return _LINE_WITHIN.sub(f"\n{' ' * width}", text)


def numbered(item: str, number: int) -> str:
    """Give a list item the number that Markdown gives it, whatever is written there."""
    marker, body = without_marker(item)
    digits = _NUMBER.search(marker)
    if digits is None or int(digits[0]) == number:
        return item
    renumbered = _NUMBER.sub(str(number), marker)
    return renumbered + indented(body, len(renumbered))


def unquote(text: str) -> str:
    """Take the outer quote marks away."""
    return _QUOTE_MARK.sub("", text)


def quote(text: str) -> str:
    """Put a quote mark before each line."""
    return "> " + text.replace("\n", "\n> ")
