"""Slack messages as HTML, the way Slack draws them.

Every element is made by ``_tag``, which escapes whatever isn't HTML made here: text from people and
models can't become markup, and an address becomes a link only where its scheme is harmless.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from itertools import groupby
from urllib.parse import urlsplit

from markupsafe import Markup

from sandbox.channel import nodes
from sandbox.channel.blocks import Json, read_message
from sandbox.channel.colouring import colour
from sandbox.channel.nodes import Inline, Inlines, Mention, Names, Node, Nodes, Run

_SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_STYLE_TAGS = (("strike", "s"), ("italic", "em"), ("bold", "strong"), ("code", "code"))


def draw_message(message: Json, names: Names | None = None) -> Markup:
    """Draw what a message says: its blocks, or where it has none its text."""
    return draw_nodes(read_message(message), names or Names())


def draw_nodes(children: Nodes, names: Names) -> Markup:
    """Draw blocks below each other."""
    return Markup("").join(draw_node(child, names) for child in children)


def is_safe_address(url: str) -> bool:
    """Tell whether an address may become a link."""
    try:
        return urlsplit(url).scheme.lower() in _SAFE_SCHEMES
    except ValueError:
        return False


def _tag(name: str, *children: str | Markup, **attributes: str | bool | None) -> Markup:
    """Make one element; ``class_`` and ``data_x`` mean ``class`` and ``data-x``; None leaves one out."""
    opening = Markup("<") + Markup(name)  # noqa: S704 - names are written in this module only
    for attribute, value in attributes.items():
        if value is None or value is False:
            continue
        key = Markup(attribute.rstrip("_").replace("_", "-"))  # noqa: S704 - as above
        opening += Markup(" ") + key + (Markup("") if value is True else Markup('="{}"').format(value))
    opening += Markup(">")
    if name == "hr":
        return opening
    return opening + Markup("").join(children) + Markup("</{}>").format(name)


def _draw_inlines(content: Iterable[Inline], names: Names) -> Markup:
    """Draw running text; neighbours that lead to one address become one link."""
    drawn = Markup("")
    for url, parts in groupby(content, key=lambda part: part.url if isinstance(part, Run) else ""):
        inner = Markup("").join(_draw_inline(part, names) for part in parts)
        if url and is_safe_address(url):
            inner = _tag(
                "a", inner, class_="link", href=url, target="_blank", rel="noopener noreferrer nofollow"
            )
        drawn += inner
    return drawn


def _draw_inline(part: Inline, names: Names) -> Markup:
    if isinstance(part, Mention):
        # A broadcast is yellow in Slack, as is whatever notifies the reader.
        return _tag("span", names.of(part), class_=f"mention {part.kind}")
    drawn = Markup("{}").format(part.text)
    for style, element in _STYLE_TAGS[::-1]:
        if style in part.styles:
            drawn = _tag(element, drawn)
    return drawn


@singledispatch
def draw_node(node: Node, names: Names) -> Markup:
    """Draw one block."""
    raise TypeError(f"not a node: {type(node).__name__}")


@draw_node.register
def _(node: nodes.Paragraph, names: Names) -> Markup:
    return _tag("p", _draw_inlines(node.content, names))


@draw_node.register
def _(node: nodes.Heading, names: Names) -> Markup:
    return _tag("h4", _draw_inlines(node.content, names))


@draw_node.register
def _(node: nodes.Quote, names: Names) -> Markup:
    return _tag("div", draw_nodes(node.children, names), class_="quote")


@draw_node.register
def _(node: nodes.Listing, names: Names) -> Markup:
    items = Markup("").join(_draw_item(item, names) for item in node.items)
    if node.start is None:
        return _tag("ul", items)
    return _tag("ol", items, start=str(node.start))


def _draw_item(item: nodes.Item, names: Names) -> Markup:
    children = draw_nodes(item.children, names)
    if item.checked is None:
        return _tag("li", children)
    state = "true" if item.checked else "false"
    box = _tag(
        "span",
        "✓" if item.checked else "",
        class_="box",
        role="checkbox",
        aria_checked=state,
        aria_disabled="true",
    )
    return _tag("li", box, _tag("div", children), class_="task")


@draw_node.register
def _(node: nodes.Code, names: Names) -> Markup:
    pieces = (
        _tag("span", text, class_=kind) if kind else text for kind, text in colour(node.text, node.language)
    )
    code = _tag("pre", _tag("code", *pieces), tabindex="0")
    label = _tag("span", node.language, class_="language") if node.language else Markup("")
    return _tag("div", label, code, class_="code")


@draw_node.register
def _(node: nodes.Table, names: Names) -> Markup:
    rows = Markup("").join(
        _tag("tr", *(_draw_cell(node, row, column, names) for column in range(len(node.rows[row]))))
        for row in range(len(node.rows))
    )
    return _tag("div", _tag("table", rows), class_="grid", tabindex="0")


def _draw_cell(table: nodes.Table, row: int, column: int, names: Names) -> Markup:
    align = table.aligns[column] if column < len(table.aligns) else ""
    content = _draw_inlines(table.rows[row][column], names)
    return _tag("td" if row else "th", content, class_=align if align in ("center", "right") else None)


@draw_node.register
def _(node: nodes.Rule, names: Names) -> Markup:
    return _tag("hr")


@draw_node.register
def _(node: nodes.Context, names: Names) -> Markup:
    return _tag("div", *(_tag("span", _draw_inlines(part, names)) for part in node.parts), class_="context")


@draw_node.register
def _(node: nodes.Fields, names: Names) -> Markup:
    return _tag("div", *(_tag("div", draw_nodes(cell, names)) for cell in node.cells), class_="fields")


@draw_node.register
def _(node: nodes.Picture, names: Names) -> Markup:
    title = _tag("b", node.title) if node.title else Markup("")
    words = _draw_inlines((Run(node.alt or "image", frozenset(), node.url),), names)
    return _tag("div", title, _tag("span", words), class_="picture")


@draw_node.register
def _(node: nodes.Actions, names: Names) -> Markup:
    return _tag(
        "div", *(_draw_button(button) for button in node.buttons), class_="quiet" if node.quiet else "actions"
    )


def _draw_button(button: nodes.Button) -> Markup:
    # A thumb is drawn by the style sheet; its words stay for those who hear the page.
    is_thumb = button.style in ("positive", "negative")
    style = button.style if button.style in ("primary", "danger") else ""
    return _tag(
        "button",
        "" if is_thumb else button.label,
        type="button",
        class_=f"press thumb {button.style}" if is_thumb else f"press {style}".strip(),
        data_action=button.action_id,
        data_block=button.block_id,
        data_value=button.value,
        aria_label=button.label if is_thumb else None,
        title=button.label if is_thumb else None,
    )


@draw_node.register
def _(node: nodes.Beside, names: Names) -> Markup:
    text = _tag("div", draw_nodes(node.children, names))
    return _tag("div", text, draw_node(node.accessory, names), class_="beside")


@draw_node.register
def _(node: nodes.Container, names: Names) -> Markup:
    heading = _draw_title(node.title, node.subtitle, names)
    children = draw_nodes(node.children, names)
    if node.collapsible:
        return _tag(
            "details", _tag("summary", heading), children, class_="container", open=not node.collapsed
        )
    return _tag("div", _tag("div", heading, class_="summary"), children, class_="container")


def _draw_title(title: Inlines, subtitle: Inlines, names: Names) -> Markup:
    small = _tag("span", _draw_inlines(subtitle, names), class_="subtitle") if subtitle else Markup("")
    return _tag("b", _draw_inlines(title, names)) + small


@draw_node.register
def _(node: nodes.Unknown, names: Names) -> Markup:
    return _tag("p", f"[{node.type or 'untyped'}: not drawn here]", class_="unknown")
