"""HTML within Markdown: the few tags that models write to be drawn, drawn; all others as they are written.

A text that has a tag of another kind speaks of HTML: then all its tags stay. So does a tag that nothing
closes, one with blanks around it (``<br> breaks a line``), and one that is all there is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

from sectorflow_slack.formatting.rules import DRAWN_TAGS
from sectorflow_slack.formatting.tree import (
    BOLD,
    CODE,
    ITALIC,
    STRIKE,
    Block,
    Blocks,
    Formula,
    Heading,
    Inline,
    Inlines,
    Link,
    Listing,
    Paragraph,
    Quote,
    Tag,
    Text,
)

from .scripts import subscript, superscript

_STYLES = {
    **dict.fromkeys(("b", "strong"), BOLD),
    **dict.fromkeys(("i", "em"), ITALIC),
    **dict.fromkeys(("s", "del", "strike"), STRIKE),
    **dict.fromkeys(("code", "kbd", "samp", "tt", "var"), CODE),
}
# Closing and opening quotation marks are meant, not look-alikes.
_BEHIND = frozenset(".,:;!?)]}'\"`“”’»")  # noqa: RUF001
_BEFORE = frozenset("([{'\"`“‘«")  # noqa: RUF001
_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)


def draw_tags(content: Inlines, *, in_cell: bool = False) -> Inlines:
    """Return running text with its tags drawn, or as text."""
    if any(isinstance(each, Link) for each in content):
        content = tuple(map(_with_label, content))
    if not any(isinstance(each, Tag) for each in content):
        return content
    if any(isinstance(each, Tag) and each.name not in DRAWN_TAGS for each in content):
        return tuple(map(_literal, content))
    return _Drawing(content, in_cell).draw()


def _with_label(each: Inline) -> Inline:
    return replace(each, label=draw_tags(each.label)) if isinstance(each, Link) else each


def _literal(each: Inline) -> Inline:
    return Text(each.text, each.style) if isinstance(each, Tag) else each


@dataclass(slots=True)
class _Drawing:
    content: Inlines
    in_cell: bool
    #: How many tags of each name are open, at the place that is being drawn.
    opened: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def draw(self) -> Inlines:
        pairs = self._pairs()
        drawn: list[Inline] = []
        links: list[tuple[int, str]] = []
        for at, each in enumerate(self.content):
            if not isinstance(each, Tag):
                drawn.append(self._styled(each))
            elif each.name == "br":
                drawn.append(Text(self._break(at) if self._is_break(at) else each.text, each.style))
            elif at not in pairs:
                drawn.append(Text(each.text, each.style))
            elif each.name == "a" and not each.is_closing:
                links.append((len(drawn), _target(each)))
            elif each.name == "a":
                start, target = links.pop()
                drawn[start:] = [Link(target, tuple(drawn[start:]))]
            else:
                self.opened[each.name] += -1 if each.is_closing else 1
        return tuple(drawn)

    def _pairs(self) -> set[int]:
        """Find the tags that open and close something, which no blanks part from them."""
        found: set[int] = set()
        waiting: dict[str, list[int]] = defaultdict(list)
        for at, each in enumerate(self.content):
            if not isinstance(each, Tag) or each.name == "br":
                continue
            if not each.is_closing:
                waiting[each.name].append(at)
            elif waiting[each.name]:
                start = waiting[each.name].pop()
                if (
                    start + 1 < at
                    and not self._behind(start)[:1].isspace()
                    and not self._before(at)[-1:].isspace()
                ):
                    found |= {start, at}
                    if each.name == "a":
                        waiting["a"].clear()
        return found

    def _styled(self, each: Inline) -> Inline:
        style = 0
        for name, count in self.opened.items():
            style |= _STYLES.get(name, 0) if count else 0
        match each:
            case Text(text=text):
                if self.opened.get("sub"):
                    text = subscript(text)
                elif self.opened.get("sup"):
                    text = superscript(text)
                return Text(text, each.style | style)
            case Formula():
                return replace(each, style=each.style | style)
            case Link(label=label):
                return replace(each, label=tuple(map(self._styled, label)))
        return each

    def _is_break(self, at: int) -> bool:
        before, behind = self._before(at), self._behind(at)
        if not before.strip() and not behind.strip():
            return False
        if self.in_cell:
            return True
        ends_line = not behind or behind[0] == "\n"
        is_named = before[-1:] in _BEFORE if before.strip() else not ends_line
        if before and before[-1].isspace() and before[-1] != "\n" and not ends_line:
            is_named = behind[0].isspace() or behind[0] in _BEHIND
        return not is_named

    def _break(self, at: int) -> str:
        return "" if self._text(at + 1)[:1] == "\n" else "\n"

    def _before(self, at: int) -> str:
        """Return the text before a tag, further ``<br>`` left out; "" at the beginning."""
        at -= 1
        while at >= 0 and _is_br(self.content[at]):
            at -= 1
        return self._text(at)

    def _behind(self, at: int) -> str:
        at += 1
        while at < len(self.content) and _is_br(self.content[at]):
            at += 1
        return self._text(at)

    def _text(self, at: int) -> str:
        """Return the text at a place: of what is no text, something that is not blank."""
        if not 0 <= at < len(self.content):
            return ""
        each = self.content[at]
        return each.text if isinstance(each, Text) else "x"


def _is_br(each: Inline) -> bool:
    return isinstance(each, Tag) and each.name == "br"


def _target(tag: Tag) -> str:
    match = _HREF.search(tag.text)
    return next(filter(None, match.groups()), "") if match else ""


# <details>


def split_details(blocks: Blocks) -> Blocks:
    """Make a heading of each ``<summary>``, and let the tags around it and its text go."""
    if not any(_has_details(block) for block in blocks):
        return blocks
    return tuple(chain.from_iterable(map(_split, blocks)))


def _has_details(block: Block) -> bool:
    match block:
        case Paragraph(content=content):
            return any(isinstance(each, Tag) and each.name in ("details", "summary") for each in content)
        case Listing(items=items):
            return any(map(_has_details, chain.from_iterable(item.children for item in items)))
        case Quote(children=children):
            return any(map(_has_details, children))
    return False


def _split(block: Block) -> Iterator[Block]:
    if not isinstance(block, Paragraph) or not _has_details(block):
        yield block
        return
    content: list[Inline] = []
    rest = list(block.content)
    at = 0
    while at < len(rest):
        each = rest[at]
        name = each.name if isinstance(each, Tag) and _begins_line(rest, at) else ""
        if name == "details" and _ends_line(rest, at):
            yield from _paragraph(content)
            content = []
        elif name == "summary" and (end := _closing(rest, at)):
            yield from _paragraph(content)
            yield Heading(tuple(rest[at + 1 : end]))
            content, at = [], end
        else:
            content.append(each)
        at += 1
    yield from _paragraph(content)


def _closing(content: list[Inline], start: int) -> int:
    places = range(start + 1, len(content))
    closing = (at for at in places if isinstance(each := content[at], Tag) and each.name == "summary")
    return next(closing, 0)


def _begins_line(content: list[Inline], at: int) -> bool:
    before = content[at - 1] if at else None
    return (
        before is None or _is_of_details(before) or (isinstance(before, Text) and _is_blank_end(before.text))
    )


def _is_blank_end(text: str) -> bool:
    return text.rstrip(" \t")[-1:] in ("", "\n")


def _ends_line(content: list[Inline], at: int) -> bool:
    behind = content[at + 1] if at + 1 < len(content) else None
    return behind is None or _is_of_details(behind) or (isinstance(behind, Text) and behind.text[0] == "\n")


def _is_of_details(each: Inline) -> bool:
    return isinstance(each, Tag) and each.name in ("details", "summary")


def _paragraph(content: list[Inline]) -> Iterator[Paragraph]:
    """Make a paragraph of what stands between the tags, unless that is nothing."""
    kept = list(content)
    while kept and isinstance(kept[0], Text) and not kept[0].text.strip():
        del kept[0]
    while kept and isinstance(kept[-1], Text) and not kept[-1].text.strip():
        del kept[-1]
    if kept:
        yield Paragraph(tuple(kept))
