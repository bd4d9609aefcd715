"""The mentions in a message, and those of them that notify users.

Slack reads its tokens in message text, in mrkdwn text objects and in markdown blocks. A token that may be
live (inside code of a markdown block) counts as live here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sandbox.slack.records import Message

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_TOKEN = re.compile(
    r"<(?:@[UWB][A-Z0-9]*|!(?:here|channel|everyone|group)|!subteam\^[A-Z0-9]*)(?:[|^][^<>]*)?>",
    re.IGNORECASE,
)
#: Slack links these automatically in mrkdwn objects without ``verbatim`` (docs.slack.dev, formatting text).
_BARE = re.compile(r"(?<![\w.@/<])@(?:here|channel|everyone)\b", re.IGNORECASE)


def live_mentions(text: str, blocks: list[dict[str, Any]] | None) -> list[str]:
    """Return every mention that would notify users, in the order of the message."""
    found = _TOKEN.findall(text)
    for each in _objects(blocks or []):
        found += _mentions_of(each)
    return found


def _mentions_of(each: dict[str, Any]) -> list[str]:
    """Return the live mentions of one object, not of those inside it."""
    kind, text = each.get("type"), each.get("text")
    if kind == "user":
        return [f"<@{each.get('user_id')}>"]
    if kind == "usergroup":
        return [f"<!subteam^{each.get('usergroup_id')}>"]
    if kind == "broadcast":
        return [f"<!{each.get('range')}>"]
    if kind not in ("mrkdwn", "markdown") or not isinstance(text, str):
        return []
    is_verbatim = kind == "markdown" or each.get("verbatim") is True
    return _TOKEN.findall(text) + ([] if is_verbatim else _BARE.findall(text))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a JSON value, in order."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(item)
    elif isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _objects(item)


def pings(message: Message) -> list[str]:
    """Return the live mentions of a message, with those that ``link_names`` adds."""
    linked = [{"type": "mrkdwn", "text": message["text"]}] if message.get("link_names") else []
    return live_mentions(message["text"], [*(message.get("blocks") or []), *linked])


def is_reply(message: Message) -> bool:
    """Whether a message is a reply in a thread."""
    return bool(message.get("thread_ts", message["ts"]) != message["ts"])


def mentioned_ids(text: str) -> list[str]:
    """Return the ids of the users mentioned in a text, in order, each once."""
    return list(dict.fromkeys(_MENTION.findall(text)))
