"""Slack's limits on modals (docs.slack.dev, modal views and the input block)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.slack.block_types import ACTIONS, BLOCK_ID, CARD, CONTEXT, DIVIDER, HEADER, IMAGE_BLOCK, SECTION
from sandbox.slack.blocks import MAX_HOME_BLOCKS, check_block_ids
from sandbox.slack.elements import ACTION_ID, CHECKBOXES, RADIO_BUTTONS, STATIC_SELECT
from sandbox.slack.rich_text import RICH_TEXT
from sandbox.slack.rules import (
    Fault,
    Faults,
    Rule,
    boolean,
    both,
    fault,
    items,
    number,
    plain_text,
    shape,
    string,
    typed,
)

MAX_PRIVATE_METADATA = 3_000
MAX_CALLBACK_ID = 255
MAX_TITLE = 24
#: Of a plain text input.
MAX_INPUT = 3_000


def _lengths(value: Any, pointer: str, faults: Faults) -> None:
    """Refuse an input whose ``min_length`` is above its ``max_length``."""
    if not isinstance(value, dict):
        return
    least, most = value.get("min_length", 0), value.get("max_length", MAX_INPUT)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        faults.append(fault(f"{pointer}/min_length", "out_of_range", "must not be above max_length"))


PLAIN_TEXT_INPUT = both(
    shape(
        {},
        {
            "action_id": ACTION_ID,
            "placeholder": plain_text(150),
            "initial_value": string(MAX_INPUT),
            "multiline": boolean,
            "min_length": number(0, MAX_INPUT),
            "max_length": number(1, MAX_INPUT),
            "focus_on_load": boolean,
        },
    ),
    _lengths,
)
INPUT = shape(
    {
        "label": plain_text(2_000),
        "element": typed(
            {
                "plain_text_input": PLAIN_TEXT_INPUT,
                "static_select": STATIC_SELECT,
                "radio_buttons": RADIO_BUTTONS,
                "checkboxes": CHECKBOXES,
            }
        ),
    },
    {"hint": plain_text(2_000), "optional": boolean, "dispatch_action": boolean, **BLOCK_ID},
)
#: No ``markdown``, ``container``, ``carousel``, ``table`` or ``context_actions``.
MODAL_BLOCKS: dict[str, Rule] = {
    "actions": ACTIONS,
    "card": CARD,
    "context": CONTEXT,
    "divider": DIVIDER,
    "header": HEADER,
    "image": IMAGE_BLOCK,
    "input": INPUT,
    "rich_text": RICH_TEXT,
    "section": SECTION,
}
_VIEW = shape(
    {"title": plain_text(MAX_TITLE), "blocks": items(typed(MODAL_BLOCKS), MAX_HOME_BLOCKS)},
    {
        "submit": plain_text(MAX_TITLE),
        "close": plain_text(MAX_TITLE),
        "callback_id": string(MAX_CALLBACK_ID, least=0),
        "private_metadata": string(MAX_PRIVATE_METADATA, least=0),
        "external_id": string(255, least=0),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)


def check_modal(view: Any) -> list[Fault]:
    """Return the faults for which Slack would refuse a modal; pointers start at the view."""
    faults: Faults = []
    if not isinstance(view, dict) or view.get("type") != "modal":
        return [fault("/type", "invalid_value", "must be modal")]
    _VIEW(view, "", faults)
    if faults:
        return faults
    check_block_ids(view["blocks"], faults)
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    if inputs and "submit" not in view:
        faults.append(fault("", "missing_field", "missing required field: submit, with an input block"))
    if sum(bool(block["element"].get("focus_on_load")) for block in inputs) > 1:
        faults.append(fault("/blocks", "invalid_value", "only one element may have focus_on_load"))
    return faults


def inputs_of(view: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the ``block_id`` and the block of each input of a stored view."""
    for block in view["blocks"]:
        if block["type"] == "input":
            yield block["block_id"], block
