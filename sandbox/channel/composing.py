"""Typed text, converted as Slack's own client does."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from sandbox.channel.nodes import Names
from sandbox.channel.tokens import ADDRESS

_TOKEN = re.compile(r"<(?:@(?P<user>[UW][A-Z0-9]+)|!(?P<called>here|channel|everyone)|(?P<address>[^<>|]+))>")
_BROADCASTS = {"here": "!here", "channel": "!channel", "everyone": "!everyone"}


def as_sent(text: str, members: Mapping[str, str]) -> str:
    """Escape typed text and convert @names and URLs to tokens.

    ``members`` maps names to user ids. Slack escapes exactly ``&``, ``<`` and ``>``
    (docs.slack.dev, "Formatting message text").
    """
    tokens = _BROADCASTS | {name.lower(): f"@{user_id}" for name, user_id in members.items()}
    # The longest name first, so that "@Acme Helper" isn't taken for an "@Acme".
    names = "|".join(re.escape(name) for name in sorted(tokens, key=len, reverse=True))
    special = re.compile(rf"(?P<address>{ADDRESS.pattern})|(?<!\w)@(?P<name>(?i:{names}))(?!\w)|[&<>]")
    return special.sub(lambda found: _sent(found, tokens), text)


def _sent(found: re.Match[str], tokens: Mapping[str, str]) -> str:
    if found["name"]:
        return f"<{tokens[found['name'].lower()]}>"
    escaped = found[0].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<{escaped}>" if found["address"] else escaped


def as_typed(text: str, names: Names) -> str:
    """Return a message's text as its author typed it: the inverse of ``as_sent``."""

    def typed(found: re.Match[str]) -> str:
        if found["user"]:
            return f"@{names.users.get(found['user'], found['user'])}"
        return f"@{found['called']}" if found["called"] else str(found["address"])

    return html.unescape(_TOKEN.sub(typed, text))
