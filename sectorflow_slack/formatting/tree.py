"""The tree that an answer becomes: what its Markdown means, and nothing of how it was written.

It is as flat as Slack's rich text: parts one after the other, each of which knows how deep it is, and in them
runs of text, each with its own style and link. ``Link``, ``Tag`` and ``Formula`` stand for what the passes of
``meaning`` still turn into runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final, Literal, TypeAlias, cast

from . import limits

BOLD: Final = 1
ITALIC: Final = 2
STRIKE: Final = 4
CODE: Final = 8


@dataclass(frozen=True, slots=True)
class Text:
    """A run of literal text in one style, perhaps leading somewhere."""

    text: str
    style: int = 0
    #: Where it leads; only ``meaning.links`` sets it.
    url: str = ""

    @property
    def chars(self) -> int:
        """Count what it takes of a message: its text and its address."""
        return max(limits.RUN_CHARS, limits.count(self.text) + limits.count(self.url))


@dataclass(frozen=True, slots=True)
class Link:
    """A link or an image as it was written, not yet known to be one."""

    target: str
    label: tuple[Inline, ...]
    #: The definition that names its target; "" if it names the target itself.
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Tag:
    """An HTML tag within running text."""

    text: str
    #: In lower case.
    name: str
    is_closing: bool = False
    style: int = 0


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in TeX, without the marks around it."""

    tex: str
    style: int = 0


Inline: TypeAlias = Text | Link | Tag | Formula
Inlines: TypeAlias = tuple[Inline, ...]
Runs: TypeAlias = tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph, a heading, a list's item, or a line of a quote; each line of it stays a line."""

    kind: Literal["text", "heading", "item", "quote"]
    content: Inlines
    #: Of an item: how deep it is, and its number; None for a bullet.
    indent: int = 0
    number: int | None = None
    #: No blank line stands before it.
    is_tight: bool = False

    @property
    def runs(self) -> Runs:
        """Return the content, of which ``meaning`` has made runs."""
        return cast(Runs, self.content)


@dataclass(frozen=True, slots=True)
class Code:
    """Lines of literal text in a fixed-width font."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Its first row is the head; a row may have more cells than that, or fewer."""

    rows: tuple[tuple[Inlines, ...], ...]
    #: How each column is aligned: ``left``, ``center``, ``right`` or "".
    aligns: tuple[str, ...] = ()


Part: TypeAlias = Prose | Code | Table
Parts: TypeAlias = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer, and what the model thought before it answered."""

    answer: Parts
    thoughts: Parts = ()


def joined(runs: Iterable[Text]) -> Runs:
    """Return runs without empty ones, those of one style and one address next to each other made one."""
    groups = groupby((run for run in runs if run.text), key=attrgetter("style", "url"))
    return tuple(Text("".join(run.text for run in group), style, url) for (style, url), group in groups)


def plain(content: Iterable[Inline]) -> str:
    """Return the words of inline content."""
    parts: list[str] = []
    for each in content:
        match each:
            case Link(label=label):
                parts.append(plain(label))
            case Formula(tex=text) | Text(text=text) | Tag(text=text):
                parts.append(text)
    return "".join(parts)
