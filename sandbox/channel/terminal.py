"""Slack messages as plain text for a terminal."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from functools import singledispatch

from sandbox.channel import nodes
from sandbox.channel.blocks import Json, read_message
from sandbox.channel.nodes import Inlines, Mention, Names, Node, Nodes, Run

WIDTH = 72
#: Control characters, which could be terminal commands, except the line feed and the tab.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
#: Mark bold on and off until control characters are removed; noncharacters, which no text should contain.
_START, _END = "\ufdd0", "\ufdd1"
_THUMBS = {"positive": "👍", "negative": "👎"}


def as_text(message: Json, names: Names | None = None, *, colour: bool = False) -> str:
    """Return a message as text for a terminal; ``colour`` makes headings bold."""
    text = _text_of(read_message(message), names or Names())
    if message.get("is_ephemeral"):
        text = f"(Only visible to one person)\n{text}"
    on, off = ("\x1b[1m", "\x1b[0m") if colour else ("", "")
    return _CONTROL.sub("", text).replace(_START, on).replace(_END, off)


def _text_of(children: Nodes, names: Names, gap: str = "\n\n") -> str:
    return gap.join(text for child in children if (text := render(child, names)))


def _line(content: Inlines, names: Names) -> str:
    return "".join(_word(part, names) for part in content)


def _word(part: Run | Mention, names: Names) -> str:
    if isinstance(part, Mention):
        return names.of(part)
    if part.url and part.url not in (part.text, f"mailto:{part.text}"):
        return f"{part.text} ({part.url})"
    return f"`{part.text}`" if "code" in part.styles else part.text


@singledispatch
def render(node: Node, names: Names) -> str:
    """Return one block as text."""
    raise TypeError(f"not a node: {type(node).__name__}")


@render.register
def _(node: nodes.Paragraph, names: Names) -> str:
    return _line(node.content, names)


@render.register
def _(node: nodes.Heading, names: Names) -> str:
    return f"{_START}{_line(node.content, names)}{_END}"


@render.register
def _(node: nodes.Quote, names: Names) -> str:
    return textwrap.indent(_text_of(node.children, names), "│ ", lambda line: True)


@render.register
def _(node: nodes.Listing, names: Names) -> str:
    text = "\n".join(_item(node, index, names) for index in range(len(node.items)))
    return textwrap.indent(text, "  " * node.indent)


def _item(listing: nodes.Listing, index: int, names: Names) -> str:
    item = listing.items[index]
    mark = "• " if listing.start is None else f"{listing.start + index}. "
    if item.checked is not None:
        mark = "[x] " if item.checked else "[ ] "
    text = _text_of(item.children, names, gap="\n")
    return mark + textwrap.indent(text, " " * len(mark)).lstrip(" ")


@render.register
def _(node: nodes.Code, names: Names) -> str:
    return textwrap.indent(node.text, "    ")


@render.register
def _(node: nodes.Table, names: Names) -> str:
    rows = [[_text_of(cell, names).replace("\n", " ") for cell in row] for row in node.rows]
    columns = max((len(row) for row in rows), default=0)
    widths = [max(_columns(row[at]) for row in rows if at < len(row)) for at in range(columns)]
    lines = [_table_row(row, widths) for row in rows]
    return "\n".join([*lines[:1], "─┼─".join("─" * width for width in widths), *lines[1:]])


def _table_row(row: list[str], widths: list[int]) -> str:
    padded = (cell + " " * (width - _columns(cell)) for cell, width in zip(row, widths, strict=False))
    return " │ ".join(padded).rstrip()


def _columns(text: str) -> int:
    """Count the columns of a text: two for wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


@render.register
def _(node: nodes.RichText, names: Names) -> str:
    return _text_of(node.children, names, gap="\n")


@render.register
def _(node: nodes.Rule, names: Names) -> str:
    return "─" * WIDTH


@render.register
def _(node: nodes.Context, names: Names) -> str:
    return " ".join(_line(part, names) for part in node.parts)


@render.register
def _(node: nodes.Fields, names: Names) -> str:
    return "\n".join(_text_of(cell, names) for cell in node.cells)


@render.register
def _(node: nodes.Picture, names: Names) -> str:
    return f"[image: {node.title or node.alt}] {node.url}".rstrip()


@render.register
def _(node: nodes.Actions, names: Names) -> str:
    return " ".join(map(_control, node.controls))


def _control(control: nodes.Control) -> str:
    if isinstance(control, nodes.Menu):
        choices = " | ".join(choice.label for choice in control.choices)
        return f"[{control.label or '⋯'}: {choices}]"
    if control.style in _THUMBS:
        return _THUMBS[control.style]
    # The open tab is the primary button.
    return f"[{_START}{control.label}{_END}]" if control.style == "primary" else f"[{control.label}]"


@render.register
def _(node: nodes.Beside, names: Names) -> str:
    return _text_of((*node.children, node.accessory), names)


@render.register
def _(node: nodes.Container, names: Names) -> str:
    title = " · ".join(filter(None, (_line(node.title, names), _line(node.subtitle, names))))
    return f"{_START}{title}{_END}\n" + textwrap.indent(_text_of(node.children, names), "  ")


@render.register
def _(node: nodes.Unknown, names: Names) -> str:
    return f"[{node.type or 'untyped'}: not drawn here]"
