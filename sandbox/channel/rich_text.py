"""A ``rich_text`` block read into nodes (docs.slack.dev, rich text block).

Its texts are literal and are not parsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, get_args

from sandbox.channel.nodes import (
    PLAIN,
    Code,
    Inline,
    Inlines,
    Item,
    Listing,
    Mention,
    Node,
    Nodes,
    Paragraph,
    Quote,
    Run,
    Style,
    Styles,
)
from sandbox.channel.tokens import show_emoji

Json = Mapping[str, Any]


def read_rich_text(elements: Iterable[Json]) -> Nodes:
    """Read the elements of a rich text block; lists that only differ in ``indent`` become one."""
    nodes: list[Node] = []
    for element in elements:
        node = _read_part(element)
        depth = int(element.get("indent", 0)) if isinstance(node, Listing) else 0
        above = nodes[-1] if nodes else None
        if isinstance(above, Listing) and isinstance(node, Listing) and depth > above.indent:
            nodes[-1] = _nest(above, node, min(depth, 8) - above.indent)
        else:
            nodes.append(node)
    return tuple(nodes)


def _nest(outer: Listing, inner: Listing, depth: int) -> Listing:
    """Nest a list under the last item of another one, ``depth`` levels down."""
    *before, last = outer.items
    below = last.children[-1] if last.children else None
    if depth > 1 and isinstance(below, Listing):
        children = (*last.children[:-1], _nest(below, inner, depth - 1))
    else:
        children = (*last.children, replace(inner, indent=depth - 1))
    return replace(outer, items=(*before, Item(children, last.checked)))


def _read_part(element: Json) -> Node:
    """Read one part; a list or code with a border has a bar, as a quote does."""
    node = _read_kind(element)
    is_barred = bool(element.get("border")) and not isinstance(node, Quote)
    return Quote((node,)) if is_barred else node


def _read_kind(element: Json) -> Node:
    parts = element.get("elements", ())
    match element.get("type"):
        case "rich_text_list" if parts:
            items = tuple(Item((Paragraph(_read_inlines(part.get("elements", ()))),)) for part in parts)
            start = int(element.get("offset", 0)) + 1 if element.get("style") == "ordered" else None
            return Listing(items, start, int(element.get("indent", 0)))
        case "rich_text_quote":
            return Quote((Paragraph(_read_inlines(parts)),))
        case "rich_text_preformatted":
            text = "".join(str(part.get("text", part.get("url", ""))) for part in parts)
            return Code(text, str(element.get("language", "")))
    return Paragraph(_read_inlines(parts))


def _read_inlines(elements: Iterable[Json]) -> Inlines:
    return tuple(_read_inline(element) for element in elements)


def _read_inline(element: Json) -> Inline:
    styles = _read_styles(element.get("style"))
    match element.get("type"):
        case "user":
            return Mention("user", str(element.get("user_id", "")))
        case "usergroup":
            return Mention("group", str(element.get("usergroup_id", "")))
        case "channel":
            return Mention("channel", str(element.get("channel_id", "")))
        case "broadcast":
            return Mention("broadcast", str(element.get("range", "")))
        case "emoji":
            return Run(show_emoji(f":{element.get('name', '')}:"), styles)
        case "link":
            url = str(element.get("url", ""))
            return Run(str(element.get("text") or url), styles, url)
        case "date":
            return Run(str(element.get("fallback", "")), styles)
    return Run(str(element.get("text", element.get("value", ""))), styles)


def _read_styles(style: object) -> Styles:
    if not isinstance(style, Mapping):
        return PLAIN
    return frozenset(name for name in get_args(Style) if style.get(name))
