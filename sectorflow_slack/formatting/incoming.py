"""A Slack message as the question it asks: readable text, and what goes along with it below.

The marks are Slack's (docs.slack.dev, formatting message text): ``<@U…>``, ``<#C…|name>``, ``<!here>``,
``<!subteam^S…|@name>``, ``<!date^…|fallback>``, ``<url|label>``, and ``&amp; &lt; &gt;`` for the three
characters that Slack escapes. Forwarded messages and pasted tables are in ``attachments``, and ``text`` does
not mention them. Every type is checked, because the signature of an event proves no field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sectorflow_slack.domain.questions import LeftOut

Json = Any

#: The longest question for SectorFlow, which names no limit: about 25,000 tokens, as current models accept.
#: The longest message of Slack, 40,000 characters, fits with what goes along.
MAX_QUESTION_LENGTH: Final = 100_000

_CUT_OFF = "\n[The rest was too long and is left out.]"
_NO_PREVIEW = "[no preview available]"

_MARK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_LIST_MARKER = re.compile(r"^\s*(?:•|\d+\.)\s")
#: Characters of formatting within a word, and those of no width that Slack sets around them.
_WITHIN_WORDS = re.compile(r"[*_~`\u200b\u200d\u2060\ufeff]")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class ReadQuestion:
    """The text to send to SectorFlow, "" if nothing was asked, and what of the message is not in it."""

    text: str = field(repr=False)
    left_out: tuple[LeftOut, ...] = ()


class _Part(NamedTuple):
    kind: LeftOut
    text: str


def read_question(
    message: Mapping[str, Json], bot_user_id: str, limit: int = MAX_QUESTION_LENGTH
) -> ReadQuestion:
    """Return what a message asks, in at most ``limit`` characters.

    ``message`` is the ``event`` of ``app_mention`` or ``message``. The app's own mention is removed, every
    other mark is as a user reads it. Text that only ``blocks`` have, forwarded messages and tables follow.
    """
    own = re.compile(rf"<@{re.escape(bot_user_id)}(?:\|[^<>]*)?>[ \t]*")
    shared = [each for each in _objects(message.get("attachments")) if each.get("is_share") is True]
    pasted = [each for each in _objects(message.get("attachments")) if each.get("is_share") is not True]
    blocks = list(_objects(message.get("blocks")))
    parts = [
        _Part("text", _words_of(own.sub("", _string(message, "text")), blocks, own)),
        *(_Part("tables", table) for table in _tables(blocks)),
        *(_Part("tables", table) for each in pasted for table in _tables(_objects(each.get("blocks")))),
        *(_Part("messages", _forwarded(each)) for each in shared),
    ]
    text, left_out = _joined(parts, limit)
    if any(each.get("files") for each in (message, *shared)):
        left_out.append("files")
    return ReadQuestion(text, tuple(dict.fromkeys(left_out)))


def _joined(parts: Iterable[_Part], limit: int) -> tuple[str, list[LeftOut]]:
    """Join parts by empty lines; cut the first one that is too long, and leave out the ones after it."""
    taken: list[str] = []
    left_out: list[LeftOut] = []
    room = limit
    for kind, text in parts:
        if kind == "messages" and not text:
            left_out.append(kind)
        if not text:
            continue
        if len(text) > room:
            left_out.append(kind)
            text, room = _cut(text, room - len(_CUT_OFF)), 0
        taken.append(text)
        room -= len(text) + 2
    return "\n\n".join(filter(None, taken)), left_out


def _cut(text: str, room: int) -> str:
    """Cut a text after a paragraph, line, sentence or word, if one ends in the last fifth of ``room``."""
    if room <= 0:
        return ""
    head = text[:room]
    ends = (head.rfind(end, room * 4 // 5) for end in ("\n\n", "\n", ". ", " "))
    at = next((at + 1 for at in ends if at > 0), room)
    return head[:at].rstrip() + _CUT_OFF


def _forwarded(attachment: Mapping[str, Json]) -> str:
    """Return a forwarded message as a quote that names its author; "" if Slack sent no text of it."""
    blocks = list(_objects(attachment.get("blocks")))
    for each in _objects(attachment.get("message_blocks")):
        inner = each.get("message")
        blocks += _objects(inner.get("blocks")) if isinstance(inner, dict) else ()
    found = [_words_of(_string(attachment, "text"), blocks), *_tables(blocks)]
    text = "\n\n".join(filter(None, found)) or _readable(_string(attachment, "fallback"))
    if not text or text == _NO_PREVIEW:
        return ""
    author = _readable(_string(attachment, "author_name") or _string(attachment, "author_subname"))
    quote = "\n".join(f"> {line}".rstrip() for line in text.splitlines())
    return f"Forwarded message{f' from {author}' if author else ''}:\n{quote}"


def _words_of(text: str, blocks: Iterable[Mapping[str, Json]], own: re.Pattern[str] | None = None) -> str:
    """Return a message's text, and below it the lines of its blocks that the text lacks."""
    readable = _readable(text)
    marked = "\n".join(line for block in blocks for line in _lines(block))
    lines = _readable(own.sub("", marked) if own else marked).splitlines()
    words = _words(readable)
    known = {size: set(_runs(words, size)) for size in (1, 2, 3)}
    missing = [line for line in lines if not _is_known(_words(_LIST_MARKER.sub("", line)), known)]
    return "\n\n".join(filter(None, (readable, "\n".join(missing))))


def _is_known(words: list[str], known: Mapping[int, set[tuple[str, ...]]]) -> bool:
    size = min(3, len(words))
    return not size or known[size].issuperset(_runs(words, size))


def _words(text: str) -> list[str]:
    return _WORD.findall(_WITHIN_WORDS.sub("", text))


def _runs(words: list[str], size: int) -> Iterator[tuple[str, ...]]:
    """Yield each run of ``size`` adjacent words, so that texts are compared in linear time."""
    return zip(*(words[start:] for start in range(size)), strict=False)


def _lines(block: Mapping[str, Json]) -> Iterator[str]:
    """Yield the lines of a block in Slack's marks; none for a table or an unknown block."""
    if block.get("type") == "rich_text":
        for element in _objects(block.get("elements")):
            yield from _rich_lines(element)
    elif block.get("type") == "markdown":
        yield _string(block, "text")
    elif _string(block, "type") in {"section", "header", "context"}:
        texts = [block.get("text"), *_list(block.get("fields")), *_list(block.get("elements"))]
        yield from (_string(each, "text") for each in _objects(texts))


def _rich_lines(element: Mapping[str, Json]) -> Iterator[str]:
    if element.get("type") != "rich_text_list":
        yield _inline(element)
        return
    for number, item in enumerate(_objects(element.get("elements")), start=1):
        marker = f"{number}." if element.get("style") == "ordered" else "•"
        yield f"{marker} {_inline(item)}"


def _inline(section: Mapping[str, Json]) -> str:
    return "".join(map(_marked, _objects(section.get("elements"))))


def _marked(element: Mapping[str, Json]) -> str:
    """Return an element of rich text in the marks of ``text``."""
    kind = element.get("type")
    if kind == "link":
        label = _escaped(_string(element, "text"))
        return f"<{_escaped(_string(element, 'url'))}{'|' + label if label else ''}>"
    for name, mark in _MARK_OF_KIND.get(str(kind), ()):
        if value := _string(element, name):
            return mark.format(_escaped(value))
    return ""


#: The fields that have the words of an element, best first, and the mark of each.
_MARK_OF_KIND: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "text": (("text", "{}"),),
    "user": (("user_id", "<@{}>"),),
    "channel": (("channel_id", "<#{}>"),),
    "usergroup": (("usergroup_id", "<!subteam^{}>"),),
    "broadcast": (("range", "<!{}>"),),
    "emoji": (("name", ":{}:"),),
    "date": (("fallback", "{}"),),
    "color": (("value", "{}"),),
}


def _tables(blocks: Iterable[Mapping[str, Json]]) -> Iterator[str]:
    """Yield each table as a Markdown table."""
    for block in blocks:
        rows = [row for row in _list(block.get("rows")) if isinstance(row, list) and row]
        if _string(block, "type") not in {"table", "data_table"} or not rows:
            continue
        # Shorter rows stay as they are: Markdown adds their empty cells.
        lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
        yield "\n".join([lines[0], f"|{' --- |' * len(rows[0])}", *lines[1:]])


def _cell(cell: Json) -> str:
    """Return the text of a cell on one line."""
    if not isinstance(cell, dict):
        return ""
    marked = " ".join(_lines(cell)) if cell.get("type") == "rich_text" else _string(cell, "text")
    return " ".join(_readable(marked).split()).replace("|", r"\|")


def _readable(text: str) -> str:
    """Return a text of Slack with each mark as a user reads it."""
    marked = _MARK.sub(_readable_mark, text)
    # &amp; last: "&amp;lt;" is what a person sees who typed "&lt;".
    return marked.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def _readable_mark(mark: re.Match[str]) -> str:
    target, label = mark[1], mark[2]
    if target.startswith(("@", "#")):
        return target[0] + (label or target[1:]).lstrip("@#")
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    return _readable_link(target, label)


def _readable_link(url: str, label: str | None) -> str:
    address = url.removeprefix("mailto:")
    bare = re.sub(r"^https?://", "", url).rstrip("/")
    if not label or label in {url, address} or bare == label.rstrip("/"):
        return address
    return f"{label} ({address})"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _string(mapping: Mapping[str, Json], name: str) -> str:
    value = mapping.get(name)
    # JSON can contain a lone surrogate (\ud800), which UTF-8 cannot.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _objects(value: Json) -> Iterator[Mapping[str, Json]]:
    return (each for each in _list(value) if isinstance(each, dict))
