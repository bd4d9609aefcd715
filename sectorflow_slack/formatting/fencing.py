"""Code fences: opening them again after a cut, and showing as code what can't be shown otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .cutting import pack_lines
from .escaping import JOINER, neutral_code, restore
from .limits import count

#: Longest run of backticks that a fence of more backticks is put around; a longer one is broken invisibly.
_LONGEST_RUN = 100
_LONG_RUN = re.compile(f"`{{{_LONGEST_RUN}}}(?=`)")


def as_code(markdown: str, limit: int) -> Iterator[str]:
    """Show neutral Markdown as it is written, in fences: for what Slack would refuse to draw."""
    code, fence = fence_around(neutral_code(restore(markdown)))
    return fenced(code.split("\n"), "", fence, limit)


def as_one_fence(markdown: str) -> str:
    """Show Markdown as it is written, in a fence of any length."""
    code, fence = fence_around(markdown)
    return f"{fence}\n{code}\n{fence}"


def fenced(lines: list[str], info: str, fence: str, limit: int, head: Sequence[str] = ()) -> Iterator[str]:
    """Put lines of code into as many fences as needed, each counting at most ``limit``.

    The head's lines are there in each, unless they are so long that little else would be.
    """
    top = "".join(f"{line}\n" for line in head)
    inside = limit - 2 * len(fence) - count(info) - 2
    if not lines or count(top) > inside // 2:
        lines, top = [*head, *lines], ""
    for part in pack_lines(lines, inside - count(top)):
        yield f"{fence}{info}\n{top}{part}\n{fence}"


def fence_around(code: str) -> tuple[str, str]:
    """Give code that a fence can be put around, and a fence that no line of it closes."""
    code = _LONG_RUN.sub(rf"\g<0>{JOINER}", code)
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    return code, "`" * max(3, longest + 1)


def closes(line: str, fence: str) -> bool:
    """Say whether a line ends the code that ``fence`` began."""
    if line.startswith("    "):
        return False
    bare = line.strip()
    return bare.startswith(fence) and not bare.strip(fence[0])
