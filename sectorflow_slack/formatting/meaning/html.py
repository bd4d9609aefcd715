"""HTML within Markdown: the few tags that models write for their effect have it; all others stay as written.

A text that has a tag of another kind speaks of HTML: then all its tags stay. So does a tag that nothing
closes, one with blanks around it (``<br> breaks a line``), and one that is all there is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from sectorflow_slack.formatting.rules import RENDERED_TAGS
from sectorflow_slack.formatting.tree import (
    BOLD,
    CODE,
    ITALIC,
    STRIKE,
    Formula,
    Inline,
    Inlines,
    Link,
    Tag,
    Text,
)

from .math import script

_STYLES = {
    **dict.fromkeys(("b", "strong", "summary"), BOLD),
    **dict.fromkeys(("i", "em"), ITALIC),
    **dict.fromkeys(("s", "del", "strike"), STRIKE),
    **dict.fromkeys(("code", "kbd", "samp", "tt", "var"), CODE),
}
_OF_DETAILS = ("details", "summary")
_LINE_ENDS = ("", "\n")
# Closing and opening quotation marks are meant, not look-alikes.
_BEHIND = frozenset(".,:;!?)]}'\"`“”’»")  # noqa: RUF001
_BEFORE = frozenset("([{'\"`“‘«")  # noqa: RUF001
_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)


def render_tags(content: Inlines, *, in_cell: bool = False) -> Inlines:
    """Return running text with its tags rendered, or as text."""
    if any(isinstance(each, Link) for each in content):
        content = tuple(
            replace(each, label=render_tags(each.label)) if isinstance(each, Link) else each
            for each in content
        )
    names = {each.name for each in content if isinstance(each, Tag)}
    if not names:
        return content
    if names - RENDERED_TAGS:
        return tuple(Text(each.text, each.style) if isinstance(each, Tag) else each for each in content)
    return _render(content, in_cell=in_cell)


def _render(content: Inlines, *, in_cell: bool) -> Inlines:
    before = _neighbours(content, -1)
    behind = _neighbours(content[::-1], 0)[::-1]
    pairs = _pairs(content, before, behind)
    opened: dict[str, int] = defaultdict(int)
    rendered: list[Inline] = []
    links: list[tuple[int, str]] = []
    for at, each in enumerate(content):
        if not isinstance(each, Tag):
            rendered.append(_styled(each, [name for name, count in opened.items() if count]))
        elif at not in pairs:
            rendered.append(Text(_single(each, before[at], behind[at], in_cell=in_cell), each.style))
        elif each.name == "a" and not each.is_closing:
            links.append((len(rendered), _target(each.text)))
        elif each.name == "a":
            start, target = links.pop()
            rendered[start:] = [Link(target, tuple(rendered[start:]))]
        else:
            opened[each.name] += -1 if each.is_closing else 1
            if each.name == "summary" and each.is_closing and behind[at] not in _LINE_ENDS:
                rendered.append(Text("\n"))
    return tuple(rendered)


def _single(tag: Tag, before: str, behind: str, *, in_cell: bool) -> str:
    """Return what is shown of a tag that stands alone."""
    if tag.name == "br" and _is_break(before, behind, in_cell=in_cell):
        return "" if behind == "\n" else "\n"
    is_frame = tag.name == "details" and before in _LINE_ENDS and behind in _LINE_ENDS
    return "" if is_frame else tag.text


def _target(tag: str) -> str:
    match = _HREF.search(tag)
    return next(filter(None, match.groups()), "") if match else ""


def _neighbours(content: Iterable[Inline], end: int) -> list[str]:
    """Return the sign before each part, "" at the beginning; what is no text is some sign.

    ``<br>`` is passed over, and the tags of ``<details>`` are like a line's end.
    """
    found: list[str] = []
    sign = ""
    for each in content:
        found.append(sign)
        if isinstance(each, Text):
            sign = each.text[end]
        elif not isinstance(each, Tag) or each.name != "br":
            sign = "" if isinstance(each, Tag) and each.name in _OF_DETAILS else "x"
    return found


def _pairs(content: Inlines, before: list[str], behind: list[str]) -> set[int]:
    """Find the tags that open and close something, which no blanks part from them."""
    found: set[int] = set()
    waiting: dict[str, list[int]] = defaultdict(list)
    for at, each in enumerate(content):
        if not isinstance(each, Tag) or each.name == "br":
            continue
        if not each.is_closing:
            waiting[each.name].append(at)
        elif waiting[each.name]:
            start = waiting[each.name].pop()
            is_apart = each.name == "summary" and before[start] not in _LINE_ENDS
            if start + 1 < at and not (behind[start].isspace() or before[at].isspace() or is_apart):
                found |= {start, at}
            if each.name == "a":
                waiting["a"].clear()
    return found


def _styled(each: Inline, names: list[str]) -> Inline:
    """Style the content of tags."""
    style = 0
    for name in names:
        style |= _STYLES.get(name, 0)
    match each:
        case Text(text=text):
            mark = "_" if "sub" in names else "^" if "sup" in names else ""
            return Text(script(text, mark) if mark else text, each.style | style)
        case Formula():
            return replace(each, style=each.style | style)
        case Link(label=label):
            return replace(each, label=tuple(_styled(part, names) for part in label))
    return each


def _is_break(before: str, behind: str, *, in_cell: bool) -> bool:
    """Whether ``<br>`` is there to break a line, and not named."""
    if in_cell or behind in _LINE_ENDS:
        return bool(before or behind) and before not in _BEFORE
    if before.isspace() and before != "\n":
        return not behind.isspace() and behind not in _BEHIND
    return before != "" and before not in _BEFORE
