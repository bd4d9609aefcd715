"""Slack's rules on a message, written down apart from the code that keeps them."""

import re
from collections.abc import Iterable
from typing import Any

from markdown_it import MarkdownIt

from sandbox.slack.blocks import check_message
from sectorflow_slack.domain.questions import Message

LIVE_TOKEN = re.compile(
    r"<(!(channel|here|everyone|group|subteam|date)\b|[@#][UWBCDG][A-Z0-9]*[>|]|(https?://|mailto:)[^<>|]*\|)",
    re.IGNORECASE,
)
LIVE_IN_PROSE = re.compile(r"(?<![^\W_])@(channel|here|everyone)(?![^\W_])", re.IGNORECASE)


def texts(message: Message) -> list[str]:
    """Give every text in the message's blocks."""
    return list(_texts(message.blocks))


def markdown_of(messages: Iterable[Message]) -> list[str]:
    """Give the text of each markdown block, in order."""
    return [str(b["text"]) for message in messages for b in message.blocks if b["type"] == "markdown"]


def assert_accepted(message: Message) -> None:
    """Fail where Slack would refuse the message, or could."""
    assert check_message(message.text, list(message.blocks)) == []
    _assert_size(message)
    for block in message.blocks:
        _RULES[str(block["type"])](block)
    assert not [text for text in [message.text, *markdown_of([message])] if LIVE_TOKEN.search(text)]
    assert not LIVE_IN_PROSE.search(message.text)
    assert not re.search("[\0\ud800-\udfff]", "".join([message.text, *texts(message)]))


def _assert_size(message: Message) -> None:
    assert 0 < utf16(message.text) <= 4_000
    assert sum(utf16(text) for text in texts(message)) <= 10_500
    assert sum(_expanded(block) for block in message.blocks) <= 50
    assert sum(len(table_sizes(text)) for text in markdown_of([message])) <= 1


def _assert_markdown(block: dict[str, Any]) -> None:
    assert block["text"].strip()
    sizes = table_sizes(block["text"])
    assert len(sizes) <= 1
    assert all(rows <= 100 and columns <= 20 for rows, columns in sizes)


def _assert_plain(text: dict[str, Any], limit: int) -> None:
    assert text["type"] == "plain_text"
    assert text["emoji"] is False
    assert text["text"].strip()
    assert utf16(text["text"]) <= limit


def _assert_context(block: dict[str, Any]) -> None:
    assert 1 <= len(block["elements"]) <= 10
    for element in block["elements"]:
        _assert_plain(element, 2_000)


def _assert_actions(block: dict[str, Any]) -> None:
    ids = [element["action_id"] for element in block["elements"]]
    assert len(ids) == len(set(ids)) <= 25
    for element in block["elements"]:
        if element["type"] == "button":
            _assert_plain(element["text"], 75)
            assert len(element["value"]) <= 2_000
        else:
            assert 2 <= len(element["options"]) <= 5
            assert all(len(option["value"]) <= 150 for option in element["options"])


def _assert_literal(block: dict[str, Any]) -> None:
    for part in block["elements"]:
        assert part["type"] in {"rich_text_section", "rich_text_quote", "rich_text_preformatted"}
        (text,) = part["elements"]
        assert text["type"] == "text"
        assert text["text"].strip()


_RULES = {
    "actions": _assert_actions,
    "context_actions": lambda block: None,
    "rich_text": _assert_literal,
    "header": lambda block: _assert_plain(block["text"], 150),
    "section": lambda block: _assert_plain(block["text"], 3_000),
    "context": _assert_context,
    "markdown": _assert_markdown,
    "divider": lambda block: None,
}


def table_sizes(markdown: str) -> list[tuple[int, int]]:
    """Give rows and columns of each table."""
    sizes: list[tuple[int, int]] = []
    rows = columns = 0
    for token in MarkdownIt("commonmark", {"html": False}).enable("table").parse(markdown):
        if token.type == "table_open":
            rows = columns = 0
        rows += token.type == "tr_open"
        columns += token.type == "th_open"
        if token.type == "table_close":
            sizes.append((rows, columns))
    return sizes


def _expanded(block: dict[str, Any]) -> int:
    """Count what Slack makes of a block: runs of text, and each heading, rule and table (o) between them."""
    if block["type"] != "markdown":
        return 1
    tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(block["text"])
    own = {"heading_open", "hr", "table_open"}
    outer = "".join("ot"[t.type not in own] for t in tokens if t.level == 0 and t.nesting >= 0)
    return len(re.sub("t+", "t", outer)) + 2 * sum(t.level > 0 and t.type in own for t in tokens)


def utf16(text: str) -> int:
    """Count UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
