"""The interactive elements of Block Kit that an app with answers uses.

Limits: docs.slack.dev, Block Kit reference.
"""

from __future__ import annotations

from typing import Any

from sandbox.slack.rules import (
    Faults,
    Rule,
    boolean,
    both,
    fault,
    items,
    one_of,
    plain_text,
    shape,
    string,
    text_object,
    url,
)

ACTION_ID = string(255)

CONFIRM = shape(
    {"title": plain_text(100), "text": text_object(300), "confirm": plain_text(30), "deny": plain_text(30)},
    {"style": one_of("primary", "danger")},
)
#: Of radio buttons, which show mrkdwn too.
MARKED_OPTION = shape({"text": text_object(75), "value": string(150)}, {"description": text_object(75)})
#: Of selects and overflow menus: plain text only (docs.slack.dev, option object).
OPTION = shape({"text": plain_text(75), "value": string(150)}, {"description": plain_text(75)})
#: Only overflow menus take addresses.
MENU_OPTION = shape(
    {"text": plain_text(75), "value": string(150)}, {"description": plain_text(75), "url": url()}
)
OPTION_GROUP = shape({"label": plain_text(75), "options": items(OPTION, 100)})
IMAGE_SOURCE: dict[str, Rule] = {
    "image_url": url(),
    "slack_file": shape({}, {"id": string(40), "url": url()}),
}
IMAGE = shape({"alt_text": string(2_000)}, IMAGE_SOURCE)

BUTTON = shape(
    {"text": plain_text(75)},
    {
        "action_id": ACTION_ID,
        "value": string(2_000),
        "url": url(),
        "style": one_of("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
        "visible_to_user_ids": items(string(20), 10),
    },
)


def _options_or_groups(value: Any, pointer: str, faults: Faults) -> None:
    """Refuse a select that has both options and option groups, or neither."""
    if isinstance(value, dict) and ("options" in value) == ("option_groups" in value):
        faults.append(fault(pointer, "missing_field", "needs either options or option_groups"))


STATIC_SELECT = both(
    shape(
        {},
        {
            "action_id": ACTION_ID,
            "placeholder": plain_text(150),
            "options": items(OPTION, 100),
            "option_groups": items(OPTION_GROUP, 100),
            "initial_option": OPTION,
            "confirm": CONFIRM,
            "focus_on_load": boolean,
        },
    ),
    _options_or_groups,
)
OVERFLOW = shape({"options": items(MENU_OPTION, 5)}, {"action_id": ACTION_ID, "confirm": CONFIRM})
RADIO_BUTTONS = shape(
    {"options": items(MARKED_OPTION, 10)},
    {"action_id": ACTION_ID, "initial_option": MARKED_OPTION, "confirm": CONFIRM},
)
CHECKBOXES = shape(
    {"options": items(MARKED_OPTION, 10)},
    {
        "action_id": ACTION_ID,
        "initial_options": items(MARKED_OPTION, 10),
        "confirm": CONFIRM,
        "focus_on_load": boolean,
    },
)
ACTION_ELEMENTS: dict[str, Rule] = {
    "button": BUTTON,
    "static_select": STATIC_SELECT,
    "overflow": OVERFLOW,
    "radio_buttons": RADIO_BUTTONS,
}

_FEEDBACK = shape({"text": plain_text(75), "value": string(2_000)}, {"accessibility_label": string(75)})
CONTEXT_ACTION_ELEMENTS: dict[str, Rule] = {
    "feedback_buttons": shape(
        {"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, {"action_id": ACTION_ID}
    ),
    "icon_button": shape(
        {"icon": one_of("trash"), "text": plain_text(75)},
        {
            "action_id": ACTION_ID,
            "value": string(2_000),
            "confirm": CONFIRM,
            "accessibility_label": string(75),
            "visible_to_user_ids": items(string(20), 10),
        },
    ),
}
