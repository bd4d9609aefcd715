"""Code fences: opening them again after a cut, and showing as code what can't be shown otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .cutting import pack_lines
from .escaping import neutral_code, restore
from .limits import count

#: Longest run of backticks that a fence of more backticks is put around.
_LONGEST_RUN = 100


def as_code(markdown: str, limit: int) -> Iterator[str]:
    """Show neutral Markdown as it is written, in fences: for what Slack would refuse to draw."""
    code = neutral_code(restore(markdown))
    return fenced(code.split("\n"), "", fence_for(code), limit)


def fenced(lines: list[str], info: str, fence: str, limit: int) -> Iterator[str]:
    """Put lines of code into as many fences as needed, each counting at most ``limit``."""
    inside = limit - 2 * len(fence) - count(info) - 2
    for part in pack_lines(lines, inside):
        yield f"{fence}{info}\n{part}\n{fence}"


def fence_for(code: str) -> str:
    """Give a fence that no line of the code closes."""
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    return "`" * max(3, longest + 1) if longest < _LONGEST_RUN else "~" * 3


def closes(line: str, fence: str) -> bool:
    """Say whether a line ends the code that ``fence`` began."""
    if line.startswith("    "):
        return False
    bare = line.strip()
    return bare.startswith(fence) and not bare.strip(fence[0])
