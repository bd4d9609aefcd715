"""Interactive elements as HTML: buttons, thumbs, overflow menus and selects."""

from __future__ import annotations

from markupsafe import Markup

from sandbox.channel.nodes import Button, Control, Menu
from sandbox.channel.tags import is_safe_address, tag

_THUMBS = ("positive", "negative")


def render_control(control: Control) -> Markup:
    """Render one interactive element; its data attributes identify the block action."""
    if isinstance(control, Button):
        return _render_button(control)
    return _render_select(control) if control.is_select else _render_overflow(control)


def _render_button(button: Button) -> Markup:
    # The style sheet renders a thumb; its label remains for screen readers.
    is_thumb = button.style in _THUMBS
    style = button.style if button.style in ("primary", "danger") else ""
    is_link = bool(button.url) and is_safe_address(button.url)
    return tag(
        "a" if is_link else "button",
        "" if is_thumb else button.label,
        type=None if is_link else "button",
        href=button.url if is_link else None,
        target="_blank" if is_link else None,
        rel="noopener noreferrer nofollow" if is_link else None,
        class_=f"press thumb {button.style}" if is_thumb else f"press {style}".strip(),
        data_action=button.action_id,
        data_block=button.block_id,
        data_value=button.value,
        data_confirm=button.confirm or None,
        aria_label=button.label if is_thumb else None,
        title=button.label if is_thumb else None,
    )


def _render_overflow(menu: Menu) -> Markup:
    options = (
        tag(
            "button",
            choice.label,
            type="button",
            role="menuitem",
            class_="press option",
            data_action=menu.action_id,
            data_block=menu.block_id,
            data_value=choice.value,
            data_confirm=menu.confirm or None,
        )
        for choice in menu.choices
    )
    summary = tag("summary", "⋯", class_="press", aria_label="More actions", title="More actions")
    return tag("details", summary, tag("div", *options, class_="options", role="menu"), class_="more")


def _render_select(menu: Menu) -> Markup:
    label = menu.label or "Choose an option"
    empty = tag("option", label, value="", selected=not menu.chosen, disabled=True, hidden=True)
    options = (
        tag("option", choice.label, value=choice.value, selected=choice.value == menu.chosen)
        for choice in menu.choices
    )
    return tag(
        "select",
        empty,
        *options,
        class_="press select",
        data_action=menu.action_id,
        data_block=menu.block_id,
        data_confirm=menu.confirm or None,
        aria_label=label,
    )
