"""The ``rich_text`` block: its four types of parts and their elements (docs.slack.dev, rich text block).

Slack refuses empty texts and parts without elements: "must be more than 0 characters", "missing element".
"""

from __future__ import annotations

from sandbox.slack.rules import Rule, boolean, items, number, one_of, shape, string, typed, url

_STYLE = shape({}, dict.fromkeys(("bold", "italic", "strike", "code"), boolean))
_WORDS = string(12_000)
_LINK_SCHEMES = ("http", "https", "mailto", "tel")
_TEXT: dict[str, Rule] = {
    "text": shape({"text": _WORDS}, {"style": _STYLE}),
    "link": shape({"url": url(3_000, _LINK_SCHEMES)}, {"text": _WORDS, "style": _STYLE, "unsafe": boolean}),
}
_INLINE: dict[str, Rule] = {
    **_TEXT,
    "emoji": shape({"name": string(100)}, {"unicode": string(100), "style": _STYLE}),
    "user": shape({"user_id": string(20)}, {"style": _STYLE}),
    "usergroup": shape({"usergroup_id": string(20)}, {"style": _STYLE}),
    "channel": shape({"channel_id": string(20)}, {"style": _STYLE}),
    "broadcast": shape({"range": one_of("here", "channel", "everyone")}, {"style": _STYLE}),
    "date": shape({"timestamp": number(0, 2**40), "format": string(200)}, {"fallback": string(200)}),
}
_MOST = 10_000
_INLINES = items(typed(_INLINE), _MOST)
_BORDER = {"border": number(0, 1)}
_SECTION = shape({"elements": _INLINES})
#: A list's items are sections only: code or a table within an item ends the list.
_LIST = shape(
    {"elements": items(typed({"rich_text_section": _SECTION}), _MOST), "style": one_of("bullet", "ordered")},
    {"indent": number(0, 8), "offset": number(0, 100_000), **_BORDER},
)
_PREFORMATTED = shape({"elements": items(typed(_TEXT), _MOST)}, {"language": string(40), **_BORDER})
_QUOTE = shape({"elements": _INLINES}, _BORDER)
_PARTS: dict[str, Rule] = {
    "rich_text_section": _SECTION,
    "rich_text_list": _LIST,
    "rich_text_preformatted": _PREFORMATTED,
    "rich_text_quote": _QUOTE,
}

RICH_TEXT = shape({"elements": items(typed(_PARTS), _MOST)}, {"block_id": string(255)})
