"""Slack's expansion of a markdown block: the number of its items, and its tables."""

from __future__ import annotations

from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

_OWN_ITEM = {"heading_open", "hr", "table_open"}


@dataclass(frozen=True)
class Table:
    """A table's size."""

    rows: int
    columns: int
    characters: int


@dataclass(frozen=True)
class Expansion:
    """The expansion of one markdown block."""

    items: int
    tables: tuple[Table, ...]


def expand(text: str) -> Expansion:
    """Read Markdown as Slack does when it stores it.

    Each heading, rule and table becomes an item of its own; the rest between them becomes one rich text.
    """
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    tops = [token.type for token in tokens if token.level == 0 and token.nesting >= 0]
    items, in_rich_text = 0, False
    for kind in tops:
        is_own = kind in _OWN_ITEM
        items += 1 if is_own or not in_rich_text else 0
        in_rich_text = not is_own
    return Expansion(items, tuple(_tables(tokens)))


def _tables(tokens: list[Token]) -> list[Table]:
    tables: list[Table] = []
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            end = next(i for i in range(index, len(tokens)) if tokens[i].type == "table_close")
            tables.append(_measure(tokens[index:end]))
    return tables


def _measure(tokens: list[Token]) -> Table:
    kinds = [token.type for token in tokens]
    characters = sum(len(token.content) for token in tokens if token.type == "inline")
    return Table(kinds.count("tr_open"), kinds.count("th_open"), characters)
