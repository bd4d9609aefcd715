"""Slack's rules on a message, written down apart from the code that keeps them."""

import re
from collections.abc import Iterable
from typing import Any

from sandbox.slack.blocks import check_message
from sectorflow_slack.domain.questions import Message

LIVE_TOKEN = re.compile(
    r"<(!(channel|here|everyone|group|subteam|date)\b|[@#][UWBCDG][A-Z0-9]*[>|]|(https?://|mailto:)[^<>|]*\|)",
    re.IGNORECASE,
)
LIVE_IN_PROSE = re.compile(r"(?<![^\W_])@(channel|here|everyone)(?![^\W_])", re.IGNORECASE)
#: The elements that may show an answer: none of them pings, and none looks like the frame around it.
OF_ANSWERS = frozenset({
    "rich_text", "rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted",
    "table", "raw_text", "text", "link",
})  # fmt: skip
_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def texts(message: Message) -> list[str]:
    """Return every text in the message's blocks."""
    return list(texts_in(message.blocks))


def assert_accepted(*messages: Message) -> None:
    """Fail if Slack would refuse one of the messages, or could."""
    for message in messages:
        assert check_message(message.text, list(message.blocks)) == []
        assert 0 < utf16(message.text) <= 40_000
        assert sum(utf16(text) for text in texts_in(message.blocks, "text", "url")) <= 10_500
        children = [child for block in message.blocks for child in block.get("child_blocks", ())]  # type: ignore
        assert len(message.blocks) + len(children) <= 50
        tables = [block for block in [*message.blocks, *children] if block["type"] == "table"]
        assert sum(utf16(text) for text in texts_in(tables, "text", "url")) <= 10_000
        for block in message.blocks:
            _RULES[str(block["type"])](block)
        assert not LIVE_TOKEN.search(message.text)
        assert not LIVE_IN_PROSE.search(message.text)
        assert not _CONTROLS.search("".join([message.text, *texts(message)]))


def types_in(value: object) -> set[str]:
    """Return the types of the blocks and of all their elements."""
    found = {str(value["type"])} if isinstance(value, dict) and "type" in value else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return found.union(*map(types_in, inner))


def _assert_text(text: dict[str, Any], limit: int) -> None:
    assert text.get("emoji", False) is False
    assert text["type"] == "plain_text" or text["verbatim"] is True
    assert text["text"].strip()
    assert utf16(text["text"]) <= limit


def _assert_context(block: dict[str, Any]) -> None:
    assert 1 <= len(block["elements"]) <= 10
    for element in block["elements"]:
        _assert_text(element, 2_000)


def _assert_actions(block: dict[str, Any]) -> None:
    ids = [element["action_id"] for element in block["elements"]]
    assert len(ids) == len(set(ids)) <= 25
    for element in block["elements"]:
        _assert_control(element)


def _assert_control(element: dict[str, Any]) -> None:
    if element["type"] == "button":
        _assert_text(element["text"], 75)
        assert len(element["value"]) <= 2_000
    else:
        assert 2 <= len(element["options"]) <= 5
        assert all(len(option["value"]) <= 150 for option in element["options"])


def _assert_section(block: dict[str, Any]) -> None:
    _assert_text(block["text"], 3_000)
    if "accessory" in block:
        _assert_control(block["accessory"])


def _assert_rich_text(block: dict[str, Any]) -> None:
    assert types_in(block) <= OF_ANSWERS
    assert block["elements"]
    for element in block["elements"]:
        assert element["elements"]
        assert 0 <= element.get("indent", 0) <= 8
    for text in texts_in(block):
        assert text
    for url in texts_in(block, "url"):
        assert re.match(r"(https?://|mailto:)\S", url, re.IGNORECASE)


def _assert_table(block: dict[str, Any]) -> None:
    assert types_in(block) <= OF_ANSWERS
    assert 1 <= len(block["rows"]) <= 100
    widths = {len(row) for row in block["rows"]}
    assert len(widths) == 1
    assert max(widths) == len(block["column_settings"]) <= 20
    assert all(texts_in(block))


def _assert_container(block: dict[str, Any]) -> None:
    for name in ("title", "subtitle"):
        if name in block:
            _assert_text(block[name], 150)
    assert "title" in block
    assert 1 <= len(block["child_blocks"]) <= 10
    for child in block["child_blocks"]:
        assert child["type"] in ("rich_text", "table", "actions", "context")
        _RULES[child["type"]](child)


_RULES = {
    "container": _assert_container,
    "actions": _assert_actions,
    "rich_text": _assert_rich_text,
    "table": _assert_table,
    "section": _assert_section,
    "context": _assert_context,
    "divider": lambda block: None,
}


def utf16(text: str) -> int:
    """Count UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def texts_in(value: object, *names: str) -> Iterable[str]:
    """Yield every text in blocks, or the values of the fields named."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in (names or ("text",)) and isinstance(inner, str):
                yield inner
            else:
                yield from texts_in(inner, *names)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from texts_in(inner, *names)
