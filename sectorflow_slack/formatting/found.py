"""What is found in running text and written anew for Slack; places are those in an inline token's content."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """A link or an image: ``[label](target)``, or by reference."""

    start: int
    end: int
    #: Where the label is, without its brackets.
    label_start: int
    label_end: int
    #: Where it leads, with entities and backslashes resolved.
    target: str
    #: Where the target is written; None where it is in a definition elsewhere.
    written: tuple[int, int] | None
    is_image: bool = False


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in TeX, with its marks; ``body`` is without them."""

    start: int
    end: int
    body: str
    is_display: bool = False


@dataclass(frozen=True, slots=True)
class Break:
    """A row of ``<br>`` with the blanks around it."""

    start: int
    end: int
    count: int


@dataclass(frozen=True, slots=True)
class Stray:
    """What is no link here and must not become one: ``](``, an autolink with brackets, a link read oddly."""

    start: int
    end: int


Found = Link | Formula | Break | Stray
