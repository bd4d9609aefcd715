"""Taking lists and quotes apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from markdown_it.token import Token

from .parsing import first_line

_MARKER = re.compile(r" *(?:[-+*]|\d{1,9}[.)])(?: {1,4}(?! )| (?= )|(?=\n|$))")
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


def without_marker(item: str) -> tuple[str, str]:
    """Part a list item into its marker and its content, whose lines lose the indent."""
    match = _MARKER.match(item)
    if match is None:
        return "", item
    indent = re.compile(rf"\n {{1,{max(1, match.end())}}}")
    return match[0], indent.sub("\n", item[match.end() :])


def unquote(text: str) -> str:
    """Take the outer quote marks away."""
    return _QUOTE_MARK.sub("", text)


def quote(text: str) -> str:
    """Put a quote mark before each line."""
    return "> " + text.replace("\n", "\n> ")
