"""The types of blocks that a message may have, each with its fields and limits.

Source: docs.slack.dev, Block Kit reference. Types that a message may not have (``alert``) or that no answer
uses (``video``, ``plan``, …) are refused like unknown ones.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sandbox.slack.elements import ACTION_ELEMENTS, BUTTON, CONTEXT_ACTION_ELEMENTS, IMAGE, IMAGE_SOURCE
from sandbox.slack.rich_text import RICH_TEXT
from sandbox.slack.rules import (
    Faults,
    Rule,
    boolean,
    both,
    fault,
    items,
    number,
    one_of,
    plain_text,
    shape,
    string,
    text_object,
    typed,
)

BLOCK_ID: dict[str, Rule] = {"block_id": string(255)}


def _text_or_fields(value: Any, pointer: str, faults: Faults) -> None:
    """Refuse a section without text and fields."""
    if isinstance(value, dict) and not value.keys() & {"text", "fields"}:
        faults.append(fault(pointer, "missing_field", "missing required field: text or fields"))


def _one_primary(value: Any, pointer: str, faults: Faults) -> None:
    """Refuse a second primary button in one block: Slack advises one, the sandbox requires it."""
    elements = value.get("elements") if isinstance(value, dict) else None
    styles = [each.get("style") for each in elements or [] if isinstance(each, dict)]
    if styles.count("primary") > 1:
        faults.append(fault(pointer, "too_many_primary", "only one button may be primary"))


def _own_action_ids(value: Any, pointer: str, faults: Faults) -> None:
    """Refuse a repeated ``action_id`` in one block."""
    elements = value.get("elements") if isinstance(value, dict) else None
    ids = Counter(each.get("action_id") for each in elements or [] if isinstance(each, dict))
    for action_id, count in ids.items():
        if action_id is not None and count > 1:
            faults.append(fault(pointer, "duplicate_action_id", f"action_id {action_id!r} already exists"))


def _container(value: Any, pointer: str, faults: Faults) -> None:
    """Refuse a container without a title, or whose flags contradict each other."""
    if not isinstance(value, dict):
        return
    if not value.keys() & {"title", "rich_text_title"}:
        faults.append(fault(pointer, "missing_field", "missing required field: title"))
    if value.get("default_collapsed") and not value.get("is_collapsible"):
        faults.append(fault(f"{pointer}/default_collapsed", "invalid_value", "needs is_collapsible"))
    if value.get("has_header_divider") is not None and value.get("is_collapsible"):
        faults.append(fault(f"{pointer}/has_header_divider", "invalid_value", "not with is_collapsible"))


SECTION = both(
    shape(
        {},
        {
            "text": text_object(3_000),
            "fields": items(text_object(2_000), 10),
            "accessory": typed({**ACTION_ELEMENTS, "image": IMAGE}),
            "expand": boolean,
            **BLOCK_ID,
        },
    ),
    _text_or_fields,
)
HEADER = shape({"text": plain_text(150)}, {"level": number(1, 4), **BLOCK_ID})
DIVIDER = shape({}, BLOCK_ID)
_WORDS = string(3_000)
CONTEXT = shape(
    {
        "elements": items(
            typed(
                {
                    "plain_text": shape({"text": _WORDS}, {"emoji": boolean}),
                    "mrkdwn": shape({"text": _WORDS}, {"verbatim": boolean}),
                    "image": IMAGE,
                }
            ),
            10,
        )
    },
    BLOCK_ID,
)
ACTIONS = both(
    shape({"elements": items(typed(ACTION_ELEMENTS), 25)}, BLOCK_ID), _one_primary, _own_action_ids
)
CONTEXT_ACTIONS = both(
    shape({"elements": items(typed(CONTEXT_ACTION_ELEMENTS), 5)}, BLOCK_ID), _own_action_ids
)
IMAGE_BLOCK = shape({"alt_text": string(2_000)}, {"title": plain_text(2_000), **IMAGE_SOURCE, **BLOCK_ID})
MARKDOWN = shape({"text": string(12_000)}, BLOCK_ID)
_CELL = typed({"raw_text": shape({"text": string(10_000)}), "rich_text": RICH_TEXT})
_COLUMN = shape({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})
TABLE = shape({"rows": items(items(_CELL, 20), 100)}, {"column_settings": items(_COLUMN, 20), **BLOCK_ID})
_CARD_TEXTS: dict[str, Rule] = {
    "title": text_object(150),
    "subtitle": text_object(150),
    "body": text_object(200),
    "subtext": text_object(200),
    "actions": items(typed({"button": BUTTON}), 3),
    "icon": typed({"image": IMAGE}),
    "hero_image": typed({"image": IMAGE}),
}
CARD = shape({}, {**_CARD_TEXTS, **BLOCK_ID})
CAROUSEL = shape({"elements": items(typed({"card": CARD}), 10)}, BLOCK_ID)
#: The blocks that a container may have: neither ``markdown`` nor another container.
CHILD_BLOCKS: dict[str, Rule] = {
    "actions": ACTIONS,
    "context": CONTEXT,
    "divider": DIVIDER,
    "header": HEADER,
    "image": IMAGE_BLOCK,
    "rich_text": RICH_TEXT,
    "section": SECTION,
    "table": TABLE,
}
CONTAINER = both(
    shape(
        {"child_blocks": items(typed(CHILD_BLOCKS), 10)},
        {
            "title": plain_text(150),
            "rich_text_title": typed({"rich_text": RICH_TEXT}),
            "subtitle": text_object(150),
            "icon": typed({"image": IMAGE}),
            "width": one_of("narrow", "standard", "wide", "full"),
            "is_collapsible": boolean,
            "default_collapsed": boolean,
            "has_header_divider": boolean,
            **BLOCK_ID,
        },
    ),
    _container,
)
MESSAGE_BLOCKS: dict[str, Rule] = {
    **CHILD_BLOCKS,
    "card": CARD,
    "carousel": CAROUSEL,
    "container": CONTAINER,
    "context_actions": CONTEXT_ACTIONS,
    "markdown": MARKDOWN,
}
#: A Home tab may have neither ``markdown`` nor ``context_actions``.
HOME_BLOCKS: dict[str, Rule] = {
    kind: rule for kind, rule in MESSAGE_BLOCKS.items() if kind not in ("markdown", "context_actions")
}
