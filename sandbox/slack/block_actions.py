"""The interactive elements of a message as block actions (docs.slack.dev, block_actions)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.slack.block_ids import with_ids
from sandbox.slack.records import Message

Element = dict[str, Any]

_WITH_OPTIONS = ("overflow", "static_select", "radio_buttons")


def find_element(message: Message, action_id: str, block_id: str = "") -> Element:
    """Return the element with its ``block_id``; LookupError if there is none or several."""
    found = [
        element
        for element in _elements(with_ids(message.get("blocks") or []))
        if element["action_id"] == action_id and block_id in ("", element["block_id"])
    ]
    if len(found) != 1:
        raise LookupError("no such element" if not found else "several such elements: name the block_id")
    return found[0]


def find_button(view: dict[str, Any], action_id: str, value: str) -> Element:
    """Return the button of a view with its ``block_id``; LookupError if there is none."""
    for element in _elements(view["blocks"]):
        if (element["action_id"], element.get("value", "")) == (action_id, value):
            return element
    raise LookupError("no such button")


def as_action(element: Element, value: str, user_id: str) -> dict[str, Any]:
    """Return the block action of a pressed element."""
    if user_id not in (element.get("visible_to_user_ids") or [user_id]):
        raise LookupError("this person does not see the element")
    kind = element["type"]
    action = {"type": kind, "action_id": element["action_id"], "block_id": element["block_id"]}
    if kind in _WITH_OPTIONS:
        return {**action, "selected_option": _option(element, value)}
    if kind == "feedback_buttons":
        return {**action, **_thumb(element, value)}
    return {**action, **{name: element[name] for name in ("text", "value", "style") if name in element}}


def _elements(blocks: list[Element]) -> Iterator[Element]:
    for block in blocks:
        yield from _elements(block.get("child_blocks", []))
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if "action_id" in element:
                yield {**element, "block_id": block["block_id"]}


def _option(element: Element, value: str) -> dict[str, Any]:
    groups = [group["options"] for group in element.get("option_groups", [])]
    options = [option for group in [element.get("options", []), *groups] for option in group]
    found = [option for option in options if option["value"] == value]
    if not found:
        raise LookupError("no such option")
    return dict(found[0])


def _thumb(element: Element, value: str) -> dict[str, Any]:
    for side in ("positive_button", "negative_button"):
        if element[side]["value"] == value:
            return {"text": element[side]["text"], "value": value}
    raise LookupError("no such feedback")
