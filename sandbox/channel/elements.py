"""The interactive elements of blocks read into controls (docs.slack.dev, block elements)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.channel.nodes import Button, Choice, Control, Menu
from sandbox.channel.tokens import show_emoji

Json = Mapping[str, Any]


def read_controls(elements: Iterable[Json], block_id: str) -> tuple[Control, ...]:
    """Read the interactive elements and skip all others."""
    return tuple(
        control
        for element in elements
        if (reader := _READERS.get(str(element.get("type", ""))))
        for control in reader(element, block_id)
    )


def _read_button(element: Json, block_id: str, style: str = "") -> Button:
    return Button(
        label=_words(element.get("text")),
        action_id=str(element.get("action_id", "")),
        value=str(element.get("value", "")),
        block_id=block_id,
        style=style or str(element.get("style", "")),
        url=str(element.get("url", "")),
        confirm=_confirm(element),
    )


def _read_one(element: Json, block_id: str) -> tuple[Control, ...]:
    return (_read_button(element, block_id),)


def _read_icon(element: Json, block_id: str) -> tuple[Control, ...]:
    return (_read_button(element, block_id, str(element.get("icon", ""))),)


def _read_feedback(element: Json, block_id: str) -> tuple[Control, ...]:
    action_id = element.get("action_id", "")
    return tuple(
        _read_button({**element.get(f"{side}_button", {}), "action_id": action_id}, block_id, side)
        for side in ("positive", "negative")
    )


def _read_menu(element: Json, block_id: str) -> tuple[Control, ...]:
    groups = [group.get("options", ()) for group in element.get("option_groups", ())]
    options = [option for group in [element.get("options", ()), *groups] for option in group]
    menu = Menu(
        choices=tuple(Choice(_words(each.get("text")), str(each.get("value", ""))) for each in options),
        action_id=str(element.get("action_id", "")),
        block_id=block_id,
        is_select=element.get("type") != "overflow",
        label=_words(element.get("placeholder")),
        chosen=str((element.get("initial_option") or {}).get("value", "")),
        confirm=_confirm(element),
    )
    return (menu,)


def _confirm(element: Json) -> str:
    asked = element.get("confirm") or {}
    return "\n".join(filter(None, (_words(asked.get("title")), _words(asked.get("text")))))


def _words(text: Json | None) -> str:
    return show_emoji(str((text or {}).get("text", "")))


_READERS: dict[str, Callable[[Json, str], tuple[Control, ...]]] = {
    "button": _read_one,
    "feedback_buttons": _read_feedback,
    "icon_button": _read_icon,
    "overflow": _read_menu,
    "radio_buttons": _read_menu,
    "static_select": _read_menu,
}
CONTROL_TYPES = frozenset(_READERS)
