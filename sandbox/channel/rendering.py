"""Slack messages as HTML, the way Slack renders them.

Every element is made by ``tag``, which escapes everything else: text from users and models can't become
markup, and an address becomes a link only if its scheme is harmless.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from itertools import groupby

from markupsafe import Markup

from sandbox.channel import nodes
from sandbox.channel.blocks import Json, read_message
from sandbox.channel.controls import render_control
from sandbox.channel.highlighting import highlight
from sandbox.channel.nodes import Inline, Inlines, Mention, Names, Node, Nodes, Run
from sandbox.channel.tags import is_safe_address, tag

_STYLE_TAGS = (("strike", "s"), ("italic", "em"), ("bold", "strong"), ("code", "code"))


def render_message(message: Json, names: Names | None = None) -> Markup:
    """Render a message's blocks, or if it has none its text."""
    return render_nodes(read_message(message), names or Names())


def render_nodes(children: Nodes, names: Names) -> Markup:
    """Render blocks below each other."""
    return Markup("").join(render_node(child, names) for child in children)


def _render_inlines(content: Iterable[Inline], names: Names) -> Markup:
    """Render running text; neighbours that lead to one address become one link."""
    rendered = Markup("")
    for url, parts in groupby(content, key=lambda part: part.url if isinstance(part, Run) else ""):
        inner = Markup("").join(_render_inline(part, names) for part in parts)
        if url and is_safe_address(url):
            inner = tag(
                "a", inner, class_="link", href=url, target="_blank", rel="noopener noreferrer nofollow"
            )
        rendered += inner
    return rendered


def _render_inline(part: Inline, names: Names) -> Markup:
    if isinstance(part, Mention):
        # A broadcast is yellow in Slack, as is everything that notifies the reader.
        return tag("span", names.of(part), class_=f"mention {part.kind}")
    rendered = Markup("{}").format(part.text)
    for style, element in _STYLE_TAGS[::-1]:
        if style in part.styles:
            rendered = tag(element, rendered)
    return rendered


@singledispatch
def render_node(node: Node, names: Names) -> Markup:
    """Render one block."""
    raise TypeError(f"not a node: {type(node).__name__}")


@render_node.register
def _(node: nodes.Paragraph, names: Names) -> Markup:
    return tag("p", _render_inlines(node.content, names))


@render_node.register
def _(node: nodes.Heading, names: Names) -> Markup:
    return tag("h3", _render_inlines(node.content, names))


@render_node.register
def _(node: nodes.Quote, names: Names) -> Markup:
    return tag("div", render_nodes(node.children, names), class_="quote")


@render_node.register
def _(node: nodes.Listing, names: Names) -> Markup:
    items = Markup("").join(_render_item(item, names) for item in node.items)
    stands_in = f"in{node.indent}" if node.indent else None
    if node.start is None:
        return tag("ul", items, class_=stands_in)
    return tag("ol", items, start=str(node.start), class_=stands_in)


def _render_item(item: nodes.Item, names: Names) -> Markup:
    children = render_nodes(item.children, names)
    if item.checked is None:
        return tag("li", children)
    state = "true" if item.checked else "false"
    box = tag(
        "span",
        "✓" if item.checked else "",
        class_="box",
        role="checkbox",
        aria_checked=state,
        aria_disabled="true",
    )
    return tag("li", box, tag("div", children), class_="task")


@render_node.register
def _(node: nodes.Code, names: Names) -> Markup:
    pieces = (
        tag("span", text, class_=kind) if kind else text for kind, text in highlight(node.text, node.language)
    )
    code = tag("pre", tag("code", *pieces), tabindex="0")
    label = tag("span", node.language, class_="language") if node.language else Markup("")
    return tag("div", label, code, class_="code")


@render_node.register
def _(node: nodes.Table, names: Names) -> Markup:
    rows = Markup("").join(
        tag("tr", *(_render_cell(node, row, column, names) for column in range(len(node.rows[row]))))
        for row in range(len(node.rows))
    )
    return tag("div", tag("table", rows), class_="grid", tabindex="0")


def _render_cell(table: nodes.Table, row: int, column: int, names: Names) -> Markup:
    align = table.aligns[column] if column < len(table.aligns) else ""
    content = _render_cell_content(table.rows[row][column], names)
    is_head = row == 0 and content.strip()
    return tag("th" if is_head else "td", content, class_=align if align in ("center", "right") else None)


def _render_cell_content(parts: Nodes, names: Names) -> Markup:
    """Render a cell; a single line needs no paragraph."""
    match parts:
        case (nodes.Paragraph(content),):
            return _render_inlines(content, names)
    return render_nodes(parts, names)


@render_node.register
def _(node: nodes.RichText, names: Names) -> Markup:
    return tag("div", render_nodes(node.children, names), class_="rich")


@render_node.register
def _(node: nodes.Rule, names: Names) -> Markup:
    return tag("hr")


@render_node.register
def _(node: nodes.Context, names: Names) -> Markup:
    return tag("div", *(tag("span", _render_inlines(part, names)) for part in node.parts), class_="context")


@render_node.register
def _(node: nodes.Fields, names: Names) -> Markup:
    return tag("div", *(tag("div", render_nodes(cell, names)) for cell in node.cells), class_="fields")


@render_node.register
def _(node: nodes.Picture, names: Names) -> Markup:
    title = tag("b", node.title) if node.title else Markup("")
    words = _render_inlines((Run(node.alt or "image", frozenset(), node.url),), names)
    return tag("div", title, tag("span", words), class_="picture")


@render_node.register
def _(node: nodes.Actions, names: Names) -> Markup:
    return tag("div", *map(render_control, node.controls), class_="quiet" if node.quiet else "actions")


@render_node.register
def _(node: nodes.Beside, names: Names) -> Markup:
    text = tag("div", render_nodes(node.children, names))
    return tag("div", text, render_node(node.accessory, names), class_="beside")


@render_node.register
def _(node: nodes.Container, names: Names) -> Markup:
    heading = _render_title(node.title, node.subtitle, names)
    children = render_nodes(node.children, names)
    width = node.width if node.width in ("narrow", "wide", "full") else ""
    class_ = " ".join(filter(None, ("container", width, "divided" if node.divided else "")))
    if node.collapsible:
        return tag("details", tag("summary", heading), children, class_=class_, open=not node.collapsed)
    return tag("div", tag("div", heading, class_="summary"), children, class_=class_)


def _render_title(title: Inlines, subtitle: Inlines, names: Names) -> Markup:
    small = tag("span", _render_inlines(subtitle, names), class_="subtitle") if subtitle else Markup("")
    return tag("b", _render_inlines(title, names)) + small


@render_node.register
def _(node: nodes.Unknown, names: Names) -> Markup:
    return tag("p", f"[{node.type or 'untyped'}: not drawn here]", class_="unknown")
