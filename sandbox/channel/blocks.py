"""A Slack message's Block Kit blocks read into nodes (docs.slack.dev, Block Kit reference).

Lenient, as Slack's own checks have passed already: a missing field is rendered as empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.channel.elements import CONTROL_TYPES, read_controls
from sandbox.channel.markdown import read_markdown
from sandbox.channel.mrkdwn import read_inline, read_mrkdwn
from sandbox.channel.nodes import (
    Actions,
    Beside,
    Container,
    Context,
    Fields,
    Heading,
    Inlines,
    Node,
    Nodes,
    Paragraph,
    Picture,
    Quote,
    RichText,
    Rule,
    Run,
    Table,
    Unknown,
)
from sandbox.channel.rich_text import read_rich_text
from sandbox.channel.tokens import show_emoji

Json = Mapping[str, Any]


def read_message(message: Json) -> Nodes:
    """Read a message's blocks, or if it has none its text as mrkdwn, and its attachments."""
    blocks = message.get("blocks")
    own = read_blocks(blocks) if blocks else read_mrkdwn(str(message.get("text") or ""))
    return (*own, *(node for each in message.get("attachments") or () for node in _read_attachment(each)))


def _read_attachment(attachment: Json) -> Nodes:
    """Read a forwarded message, below its author's name, or an attachment's blocks."""
    if not attachment.get("is_share"):
        return read_blocks(attachment.get("blocks", ()))
    inner = [each.get("message", {}).get("blocks", ()) for each in attachment.get("message_blocks", ())]
    told = tuple(node for blocks in inner for node in read_blocks(blocks))
    author = Paragraph((Run(str(attachment.get("author_name", "")), frozenset({"bold"})),))
    footer = Context(((Run(str(attachment.get("footer", ""))),),))
    return (Quote((author, *(told or read_mrkdwn(str(attachment.get("text", "")))), footer)),)


def read_blocks(blocks: Iterable[Json]) -> Nodes:
    """Read blocks in their order."""
    return tuple(node for block in blocks for node in _read_block(block))


def _read_block(block: Json) -> Nodes:
    kind = str(block.get("type", ""))
    reader = _READERS.get(kind)
    return reader(block) if reader else (Unknown(kind),)


def _read_text(text: Json | None) -> Nodes:
    text = text or {}
    if text.get("type") == "mrkdwn":
        return read_mrkdwn(str(text.get("text", "")))
    return (Paragraph(_read_line(text)),)


def _read_line(text: Json | None) -> Inlines:
    text = text or {}
    words = str(text.get("text", ""))
    return read_inline(words) if text.get("type") == "mrkdwn" else (Run(show_emoji(words)),)


def _read_section(block: Json) -> Nodes:
    nodes: Nodes = _read_text(block["text"]) if block.get("text") else ()
    if block.get("fields"):
        nodes = (*nodes, Fields(tuple(_read_text(cell) for cell in block["fields"])))
    if not block.get("accessory"):
        return nodes
    return (Beside(nodes, _read_element(block["accessory"], str(block.get("block_id", "")))),)


def _read_element(element: Json, block_id: str) -> Node:
    if element.get("type") == "image":
        return _read_image(element)
    controls = read_controls([element], block_id)
    return Actions(controls) if controls else Unknown(str(element.get("type", "")))


def _read_actions(block: Json) -> Nodes:
    elements = block.get("elements", ())
    controls = read_controls(elements, str(block.get("block_id", "")))
    others = tuple(
        Unknown(str(part.get("type", ""))) for part in elements if part.get("type") not in CONTROL_TYPES
    )
    return (Actions(controls), *others) if controls else others


def _read_context_actions(block: Json) -> Nodes:
    controls = read_controls(block.get("elements", ()), str(block.get("block_id", "")))
    return (Actions(controls, quiet=True),)


def _read_context(block: Json) -> Nodes:
    parts = (_read_context_part(part) for part in block.get("elements", ()))
    return (Context(tuple(parts)),)


def _read_context_part(part: Json) -> Inlines:
    if part.get("type") == "image":
        return (Run(f"[{part.get('alt_text', '')}]"),)
    return _read_line(part)


def _read_image(block: Json) -> Picture:
    source = str(block.get("image_url") or block.get("slack_file", {}).get("url", ""))
    return Picture(str(block.get("alt_text", "")), source, str((block.get("title") or {}).get("text", "")))


def _read_table(block: Json) -> Nodes:
    rows = tuple(tuple(_read_cell(cell) for cell in row) for row in block.get("rows", ()))
    aligns = tuple(str((column or {}).get("align", "")) for column in block.get("column_settings", ()))
    return (Table(rows, aligns),)


def _read_cell(cell: Json) -> Nodes:
    if cell.get("type") == "rich_text":
        return read_rich_text(cell.get("elements", ()))
    return (Paragraph((Run(str(cell.get("text", cell.get("value", "")))),)),)


def _read_container(block: Json) -> Nodes:
    rich = read_rich_text((block.get("rich_text_title") or {}).get("elements", ()))
    title = rich[0].content if rich and isinstance(rich[0], Paragraph) else _read_line(block.get("title"))
    return (
        Container(
            title=title,
            subtitle=_read_line(block["subtitle"]) if block.get("subtitle") else (),
            children=read_blocks(block.get("child_blocks", ())),
            collapsible=bool(block.get("is_collapsible")),
            collapsed=bool(block.get("default_collapsed")),
            width=str(block.get("width", "")),
            divided=bool(block.get("has_header_divider")),
        ),
    )


_READERS: dict[str, Callable[[Json], Nodes]] = {
    "actions": _read_actions,
    "container": _read_container,
    "context": _read_context,
    "context_actions": _read_context_actions,
    "divider": lambda block: (Rule(),),
    "header": lambda block: (Heading(_read_line(block.get("text"))),),
    "image": lambda block: (_read_image(block),),
    "markdown": lambda block: read_markdown(str(block.get("text", ""))),
    "rich_text": lambda block: (RichText(read_rich_text(block.get("elements", ()))),),
    "section": _read_section,
    "table": _read_table,
}
