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

from markdown_it.token import Token

from .parsing import code_spans, is_dense, parse_blocks, tidy

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
#: Where a line is looked for first, so that a long table is not searched to its end for each of its cells.
_NEAR: Final = 400
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
    if prose[max(0, start - 2) : start] == "](" and not set("()").isdisjoint(address):
        return "&lt;" + match[0][1:]
    before = "" if start == 0 or _UNWRAPPED_BEFORE.match(prose, start - 1) else " "
    after = "" if end == len(prose) or _UNWRAPPED_AFTER.match(prose, end) else " "
    return f"{before}{address}{after}"


def code_ranges(text: str) -> Iterator[tuple[int, int]]:
    """Find what is code, from the parser's tokens: ranges of the text, in order, none touching another.

    Nothing counts as code in a text that would take too long to parse.
    """
    if is_dense(text):
        return
    starts = _line_starts(text)
    cursor = 0
    for token in parse_blocks(text):
        if token.map is None or token.type not in ("fence", "code_block", "inline"):
            continue
        first, end = starts[token.map[0]], starts[min(token.map[1], len(starts) - 1)]
        if token.type != "inline":
            yield first, end
        elif token.content:
            cursor = max(cursor, first)
            ranges, cursor = _span_ranges(text, token, cursor, end)
            yield from ranges


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    starts[-1] = len(text)
    return starts


def _span_ranges(text: str, token: Token, cursor: int, end: int) -> tuple[list[tuple[int, int]], int]:
    """Find an ``inline`` token's code spans in the text, line by line, and where its content ends.

    The parser gives no columns and takes away indents and quote marks. What it takes away holds neither
    ``<`` nor backticks, so the first place where a line of the content is found is its place. Where one
    is not found nothing counts as code.
    """
    spans = code_spans(token.content)
    ranges: list[tuple[int, int]] = []
    offset, at, due = 0, cursor, 0
    for line in token.content.split("\n"):
        bare = line.lstrip()
        place, written = _find(text, bare, at, end)
        if place < 0:
            return [], cursor
        begins = offset + len(line) - len(bare)
        at, offset = place + len(written), offset + len(line) + 1
        while due < len(spans) and spans[due][0] < offset:
            first, last = (place + _width(bare, written, spot - begins) for spot in spans[due])
            ranges.append((max(place, first), min(at, last)))
            if spans[due][1] > offset:
                break
            due += 1
    return ranges, at


def _find(text: str, line: str, at: int, end: int) -> tuple[int, str]:
    """Find a line of content: where it stands, -1 where it does not, and how it is written there.

    In a table's cell the parser takes away the backslash before each pipe.
    """
    written = (line, line.replace("|", "\\|")) if "|" in line else (line,)
    for stop in (min(end, at + 2 * len(line) + _NEAR), end):
        found = [(place, each) for each in written if (place := text.find(each, at, stop)) >= 0]
        if found:
            return min(found)
    return -1, line


def _width(line: str, written: str, length: int) -> int:
    """Give how wide the first ``length`` characters of a line are as they are written."""
    return length if line == written else length + line.count("|", 0, max(0, length))
