"""The tree that an answer becomes: what its Markdown means, and nothing of how it was written.

It is as flat as Slack's rich text: parts one after the other, each of which knows how deep it is, and in them
runs of text, each with its own style and address.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final, Literal, TypeAlias

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


Runs: TypeAlias = tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph, a heading, a list's item, or a line of a quote; each line of it stays a line."""

    kind: Literal["text", "heading", "item", "quote"]
    runs: Runs
    #: Of an item: how deep it is, and its number; None for a bullet.
    indent: int = 0
    number: int | None = None
    #: No blank line stands before it.
    is_tight: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """Lines of literal text in a fixed-width font."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Its first row is the head; a row may have more cells than that, or fewer."""

    rows: tuple[tuple[Runs, ...], ...]
    #: How each column is aligned: ``left``, ``center``, ``right`` or "".
    aligns: tuple[str, ...] = ()

    @property
    def columns(self) -> int:
        """Count the cells of the longest row."""
        return max(map(len, self.rows))


Part: TypeAlias = Prose | Code | Table
Parts: TypeAlias = tuple[Part, ...]


def joined(runs: Iterable[Text]) -> Runs:
    """Return runs without empty ones, those of one style and one address next to each other made one."""
    groups = groupby((run for run in runs if run.text), key=attrgetter("style", "url"))
    return tuple(Text("".join(run.text for run in group), style, url) for (style, url), group in groups)


def plain(runs: Iterable[Text]) -> str:
    """Return the text of runs."""
    return "".join(run.text for run in runs)
