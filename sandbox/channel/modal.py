"""A modal as the page renders it: its blocks, and its inputs as fields of a form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from sandbox.channel.blocks import read_blocks
from sandbox.channel.elements import read_controls
from sandbox.channel.nodes import Choice, Menu, Names
from sandbox.channel.rendering import render_nodes
from sandbox.channel.tokens import show_emoji

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """One input: a text box, a choice if it has options, or boxes to tick."""

    block_id: str
    label: str
    hint: str = ""
    placeholder: str = ""
    value: str = ""
    is_optional: bool = False
    is_multiline: bool = False
    max_length: int = 3_000
    menu: Menu | None = None
    #: Boxes to tick, each with whether it is ticked at first.
    boxes: tuple[tuple[Choice, bool], ...] = ()


@dataclass(frozen=True)
class ModalView:
    """A modal for the page's template."""

    id: str
    app_name: str
    title: str
    submit: str
    close: str
    #: Rendered blocks and fields, in their order.
    parts: tuple[Markup | Field, ...]


def read_modal(view: Json, app_name: str, names: Names) -> ModalView:
    """Read a view of ``views.open``; a button without a label has Slack's own."""
    parts = (
        _read_input(block) if block["type"] == "input" else render_nodes(read_blocks([block]), names)
        for block in view["blocks"]
    )
    return ModalView(
        id=view["id"],
        app_name=app_name,
        title=_words(view["title"]),
        submit=_words(view.get("submit")),
        close=_words(view.get("close")) or "Cancel",
        parts=tuple(parts),
    )


def _read_input(block: Json) -> Field:
    element = block["element"]
    menus = [each for each in read_controls([element], block["block_id"]) if isinstance(each, Menu)]
    return Field(
        block_id=block["block_id"],
        label=_words(block["label"]),
        hint=_words(block.get("hint")),
        placeholder=_words(element.get("placeholder")),
        value=element.get("initial_value", ""),
        is_optional=bool(block.get("optional")),
        is_multiline=bool(element.get("multiline")),
        max_length=element.get("max_length", 3_000),
        menu=menus[0] if menus else None,
        boxes=tuple(_read_boxes(element)),
    )


def _read_boxes(element: Json) -> Iterator[tuple[Choice, bool]]:
    if element["type"] == "checkboxes":
        ticked = {option["value"] for option in element.get("initial_options", ())}
        for option in element["options"]:
            yield Choice(_words(option["text"]), option["value"]), option["value"] in ticked


def _words(text: Json | None) -> str:
    return show_emoji(str((text or {}).get("text", "")))
