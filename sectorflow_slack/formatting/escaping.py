"""Nothing that a model writes can ping, fake a mention or be a live Slack token.

Slack reads its tokens (``<!channel>``, ``<@U…>``, ``<https://…|label>``) in ``markdown`` blocks too.
An entity is decoded for display and never read again as a token (docs.slack.dev, formatting message
text), so in prose every ``<`` becomes ``&lt;``. In code it would be shown as ``&lt;``: there only live
tokens are broken, by an invisible word joiner. Text taken for code by mistake is thus still harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .parsing import code_spans, is_dense, parse_blocks, tidy
from .places import find_places, line_starts

#: U+2060 WORD JOINER: invisible, no width, no line break.
JOINER: Final = "\u2060"

_BROADCAST: Final = re.compile(r"(?<![^\W_])@(?=(?i:channel|here|everyone)(?![^\W_]))")
_PROSE: Final = re.compile(
    r"(?P<backslash>\\\\)"
    r"|<(?:(?P<url>(?i:https?://|mailto:)[^\s<>`|\\]+)"
    r"|(?P<email>[\w.!#$%&'*+/=?^{}~-]+@[\w-]+(?:\.[\w-]+)*))>"
    r"|\\?<"
)
_LIVE_TOKEN: Final = re.compile(
    r"<(?=!(?i:channel|group|here|everyone|subteam|date)\\?[\^|>]"
    r"|@[UWB][A-Z0-9]*\\?[|>]"
    r"|#[CDG][A-Z0-9]*\\?[|>]"
    r"|(?i:[a-z][a-z0-9+.-]{0,30}://|mailto:|tel:)[^<>|]*\|)"
)
#: ``@here`` as a part of an address's path: ``%40here`` leads to the same place.
_BROADCAST_IN_PATH: Final = re.compile(
    r"((?i:https?)://[\w.-]{1,200}(?::\d{1,5})?/(?:[\w.~%+=&?#,;/:-]{0,200}/)?)"
    r"@(?=(?i:channel|here|everyone)(?![^\W_]))"
)
#: Brackets that belong to a host, an IPv6 address.
_NUMERIC_HOST: Final = re.compile(r"(?i:https?)://\[[0-9a-fA-F:.]+\](?=[:/]|$)")
_UNWRAPPED_BEFORE: Final = re.compile(r"[\s(\[{\"'*_~|>:,;]")
_UNWRAPPED_AFTER: Final = re.compile(r"[\s)\]}\"'.,;:!?|]")


def neutralise(markdown: str) -> str:
    """Give the Markdown without anything that Slack would act upon; it looks the same to people.

    In prose ``<`` becomes ``&lt;`` (``&`` stays: ``&amp;`` would spoil addresses; ``>`` stays: it makes
    block quotes), ``<https://…>`` becomes the bare address, and ``@here`` and its like are broken.
    """
    text = tidy(markdown)
    if "<" not in text and "@" not in text:
        return text
    parts: list[str] = []
    done = 0
    for start, end in code_ranges(text):
        parts += (_neutral_prose(text[done:start]), neutral_code(text[start:end]))
        done = end
    parts.append(_neutral_prose(text[done:]))
    return "".join(parts)


def restore(neutral: str) -> str:
    """Undo ``neutralise`` up to what can't be told apart: an entity and the ``<`` it stands for."""
    return neutral.replace(JOINER, "").replace("&lt;", "<")


def neutral_code(code: str) -> str:
    """Break the live tokens in a piece of code and leave all else, ``<!DOCTYPE html>`` too, as it is."""
    return _LIVE_TOKEN.sub(f"<{JOINER}", code)


def escape_mrkdwn(text: str) -> str:
    """Escape the three characters Slack reads in ``mrkdwn`` (docs.slack.dev, formatting message text)."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return break_broadcasts(escaped)


def break_broadcasts(text: str) -> str:
    """Put a word joiner into each plain ``@channel``, ``@here`` and ``@everyone``."""
    return _BROADCAST.sub(f"@{JOINER}", text)


def _neutral_prose(prose: str) -> str:
    return break_broadcasts(_without_broadcasts(_PROSE.sub(_neutral_match, prose)))


def _without_broadcasts(address: str) -> str:
    return _BROADCAST_IN_PATH.sub(r"\1%40", address)


def _neutral_match(match: re.Match[str]) -> str:
    if match["backslash"]:
        return match[0]
    address = _without_broadcasts(match["url"] or match["email"] or "")
    prose, start, end = match.string, match.start(), match.end()
    if not address or _BROADCAST.search(address):
        return "&lt;" + match[0].removeprefix("\\").removeprefix("<")
    address = closed(address, "[]()" if prose[max(0, start - 2) : start] == "](" else "[]")
    before = "" if start == 0 or _UNWRAPPED_BEFORE.match(prose, start - 1) else " "
    after = "" if end == len(prose) or _UNWRAPPED_AFTER.match(prose, end) else " "
    return f"{before}{address}{after}"


def closed(address: str, unsafe: str) -> str:
    """Encode what would begin a link or code, or end a link's target, without angle brackets around it."""
    numeric = _NUMERIC_HOST.match(address)
    kept = numeric.end() if numeric else 0
    return address[:kept] + "".join(f"%{ord(c):02X}" if c in unsafe else c for c in address[kept:])


def code_ranges(text: str) -> Iterator[tuple[int, int]]:
    """Find what is code, from the parser's tokens: ranges of the text, in order, none touching another.

    Nothing counts as code in a text that would take too long to parse, and none where a code span's content
    is not found in the text.
    """
    if is_dense(text):
        return
    starts = line_starts(text)
    cursor = 0
    for token in parse_blocks(text):
        if token.map is None or token.type not in ("fence", "code_block", "inline"):
            continue
        first, end = starts[token.map[0]], starts[min(token.map[1], len(starts) - 1)]
        if token.type != "inline":
            yield first, end
        elif "`" in token.content and (places := find_places(text, token.content, max(cursor, first), end)):
            cursor = places.end
            for start, stop in code_spans(token.content):
                yield from places.ranges(start, stop)
