"""The interactive elements and the rich text of Block Kit, as far as an app that posts answers uses them.

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
    number,
    one_of,
    plain_text,
    shape,
    string,
    text_object,
    typed,
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
    """Refuse a select that has both options and groups of them, or neither."""
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

# Rich text

_STYLE = shape({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), boolean))
_ANY_LENGTH = string(12_000)
_INLINE = typed(
    {
        "text": shape({"text": _ANY_LENGTH}, {"style": _STYLE}),
        "link": shape({"url": url()}, {"text": _ANY_LENGTH, "style": _STYLE, "unsafe": boolean}),
        "emoji": shape({"name": string(100)}, {"unicode": string(100), "style": _STYLE}),
        "user": shape({"user_id": string(20)}, {"style": _STYLE}),
        "usergroup": shape({"usergroup_id": string(20)}, {"style": _STYLE}),
        "channel": shape({"channel_id": string(20)}, {"style": _STYLE}),
        "broadcast": shape({"range": one_of("here", "channel", "everyone")}, {"style": _STYLE}),
        "date": shape({"timestamp": number(0, 2**40), "format": string(200)}, {"fallback": string(200)}),
    }
)
_INLINES = items(_INLINE, 10_000, least=0)
_BORDER = {"border": number(0, 1)}
_SECTION = shape({"elements": _INLINES})
_LIST = shape(
    {"elements": items(typed({"rich_text_section": _SECTION}), 10_000), "style": one_of("bullet", "ordered")},
    {"indent": number(0, 8), "offset": number(0, 100_000), **_BORDER},
)
RICH_TEXT = shape(
    {
        "elements": items(
            typed(
                {
                    "rich_text_section": _SECTION,
                    "rich_text_list": _LIST,
                    "rich_text_preformatted": shape(
                        {"elements": _INLINES}, {"language": string(40), **_BORDER}
                    ),
                    "rich_text_quote": shape({"elements": _INLINES}, _BORDER),
                }
            ),
            10_000,
        )
    },
    {"block_id": string(255)},
)
