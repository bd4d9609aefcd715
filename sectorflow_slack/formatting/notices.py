"""Messages as plain words: notices, the ``text`` beside blocks, and what is said if Slack refuses blocks."""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeAlias

from sectorflow_slack.domain.installations import Refusal
from sectorflow_slack.domain.questions import Message

from . import block_kit, limits
from .block_kit import DIVIDER, Block, actions, button, context, name_line, one_line, section, texts_of
from .packing import cut_text
from .reading import tidy
from .tables import align_columns, with_addresses
from .tree import Code
from .words import ENGLISH, Words
from .writing import as_blocks, preformatted

_BROADCAST = re.compile(r"(?<![^\W_])@(?=(?i:channel|here|everyone)(?![^\W_]))")
#: So much of a text's end is given up to end it between two words.
_WORD = 40
#: U+2060 WORD JOINER: invisible, no width, no line break.
_JOINER = "\u2060"
#: Stands before a model's name in plain words, and never in an answer: nothing else tells the names there.
_NAME = "◆"
_NO_NAME = "◇"


# Notices


def notice(sentence: str, *buttons: Block) -> Message:
    """Make a message of one sentence, perhaps with buttons below."""
    blocks = (section(tidy(sentence)), *([actions(*buttons)] if buttons else []))
    return Message(text=text_of(blocks), blocks=blocks)


def notice_to_ask_again(sentence: str, letter_id: str, words: Words = ENGLISH) -> Message:
    """Make a message of one sentence, with a button that asks the question of a letter again."""
    return notice(sentence, button(block_kit.ASK_AGAIN, words.ask_again, letter_id))


def help_notice(names: Sequence[str], words: Words = ENGLISH) -> Message:
    """Answer an empty question: how to ask, and who answers; a name that is not known is ""."""
    shown = _shortened(names)
    if not any(shown):
        return notice(words.help)
    return notice(words.help_with_models.format(names=words.list_names(shown)))


def asking(names: Sequence[str], words: Words = ENGLISH) -> Message:
    """Return the message that names the models being asked; an unknown name is ""."""
    return notice(words.asking.format(names=words.list_names(_shortened(names))))


def status(names: Sequence[str], words: Words = ENGLISH) -> str:
    """Return the short text that Slack shows behind the app's name (``assistant.threads.setStatus``)."""
    text = words.status.format(names=words.list_names(_shortened(names)))
    if limits.count(text) > limits.STATUS_CHARS and len(names) > 1:
        text = words.status_count.format(count=len(names))
    return limits.shorten(text, limits.STATUS_CHARS)


def session_title(question: str) -> str:
    """Return what Slack calls an agent's session (``agents.sessions.setStatus``): how its question begins."""
    return limits.shorten(one_line(question), limits.SESSION_TITLE_CHARS)


def _shortened(names: Sequence[str]) -> list[str]:
    return [limits.shorten(one_line(name), limits.NAME_CHARS) for name in names]


def chosen_models(names: Sequence[str], words: Words = ENGLISH) -> Message:
    """Return the line that says which models answer in a thread from now on; all of them for no name."""
    if not names:
        return notice(words.all_models_answer)
    return notice(words.models_answer.format(names=words.list_names(_shortened(names))))


# The text beside blocks


def text_of(blocks: Iterable[Mapping[str, object]], limit: int = limits.TEXT_CHARS) -> str:
    """Return the ``text`` beside blocks: all their words, as far as Slack takes them."""
    return _escaped(words_of(blocks), limit)


def for_update(message: Message) -> Message:
    """Return a message whose ``text`` is as short as ``chat.update`` asks for."""
    if limits.count(message.text) <= limits.UPDATED_TEXT_CHARS:
        return message
    return replace(message, text=_escaped(html.unescape(message.text), limits.UPDATED_TEXT_CHARS))


def words_of(blocks: Iterable[Mapping[str, object]]) -> str:
    """Return what is to be read in blocks, in plain words; a blank line and a mark tell a model's name."""
    told = "\n".join(filter(None, (_words(block).strip("\n") for block in blocks)))
    return told.replace(f"\n{_NAME}", f"\n\n{_NAME}")


def _escaped(text: str, limit: int) -> str:
    """Escape a text within a limit, as far as it goes; no escape is cut, and nothing pings."""
    escaped = _escape(text[: limit + 1])
    if limits.count(escaped) <= limit:
        return escaped
    end = bisect_left(range(limit + 1), limit, key=lambda at: limits.count(_escape(text[:at]))) - 1
    word = text.rfind(" ", end - _WORD, end + 1)
    return f"{_escape(text[: word if word > 0 else end].rstrip())}…"


def _escape(text: str) -> str:
    return _BROADCAST.sub(f"@{_JOINER}", block_kit.escape_mrkdwn(text))


def _words(block: Mapping[str, Any]) -> str:
    match block:
        case {"type": "section", "text": {"type": "mrkdwn", "text": str(text)}}:
            return f"{_NAME} {html.unescape(text.replace('*', ''))}"
        case {"type": "header" | "section", "text": {"text": str(text)}}:
            return text
        case {"type": "context", "elements": elements}:
            return " · ".join(texts_of(elements))
        case {"type": "container", "title": title, "child_blocks": children}:
            return f"{_NAME} {title['text']}\n{words_of(children)}"
        case {"type": "rich_text", "elements": elements}:
            return "\n".join(_element_words(element) for element in elements).replace(_NAME, _NO_NAME)
        case {"type": "table", "rows": rows}:
            return "\n".join(" · ".join(_cell_words(cell).strip() for cell in row) for row in rows)
    return ""


def _cell_words(cell: Mapping[str, Any]) -> str:
    text = str(cell["text"]) if cell["type"] == "raw_text" else _words(cell)
    return text.replace("\n", " ").replace(_NAME, _NO_NAME)


def _element_words(element: Mapping[str, Any]) -> str:
    parts = element["elements"]
    if element["type"] != "rich_text_list":
        return with_addresses((part["text"], part.get("url", "")) for part in parts)
    number = element.get("offset", 0) + 1
    marks = (f"{number + at}. " if element["style"] == "ordered" else "• " for at in range(len(parts)))
    indent = "    " * element.get("indent", 0)
    return "\n".join(f"{indent}{mark}{_element_words(part)}" for mark, part in zip(marks, parts, strict=True))


# Simpler forms


def plainer(message: Message) -> tuple[Message, ...]:
    """Return the same without blocks, in more messages if need be, in case Slack refuses blocks."""
    # Of tabs, the text has what the closed ones have to say, too.
    words = html.unescape(message.text)
    # An escaped sign takes up to five characters.
    parts = (part for half in cut_text(words, limits.PLANNED_TEXT_CHARS) for part in _within_limit(half))
    return tuple(Message(text=_escape(part)) for part in parts)


def _within_limit(text: str) -> Iterator[str]:
    if limits.count(_escape(text)) <= limits.PLANNED_TEXT_CHARS:
        yield text
    else:
        for half in cut_text(text, max(1, limits.count(text) // 2)):
            yield from _within_limit(half)


def simpler(message: Message) -> Message:
    """Return the same in blocks that Slack has had for longer, a step at a time; else as it is.

    First nothing is folded, then tables are code: those beside a first one, then all; in the end all are
    sections. A step that would make the message too long is left out.
    """
    for simplify, without in _STEPS:
        blocks = list(simplify(message.blocks))
        if len(blocks) > limits.BLOCKS:
            blocks = [block for block in blocks if block["type"] != "divider"]
        is_short = block_kit.size_of(blocks) <= limits.MESSAGE_CHARS and len(blocks) <= limits.BLOCKS
        if is_short and blocks != list(message.blocks):
            return replace(message, blocks=tuple(blocks), without=without)
    return message


def _unfold(blocks: Iterable[dict[str, Any]]) -> Iterator[Block]:
    """Yield a container's blocks below its name, with the menu beside that."""
    for at, block in enumerate(blocks):
        divider = [DIVIDER] if at else []
        match block:
            case {
                "type": "container",
                "title": {"text": str(name)},
                "child_blocks": [*children, {"type": "actions", "elements": [menu]}],
            }:
                yield from (*divider, name_line(name, "", menu), *children)
            case {"type": "container", "title": {"text": str(name)}, "child_blocks": list(children)}:
                yield from (*divider, name_line(name), *children)
            case _:
                yield block


def _tables_as_code(blocks: Iterable[Block], tables: int = 0) -> Iterator[Block]:
    """Write tables as code, but for the first few."""
    for block in blocks:
        match block:
            case {"type": "table", "rows": list(rows)} if (tables := tables - 1) < 0:
                cells = [[_cell_words(cell) for cell in row] for row in rows]
                code = preformatted(Code(align_columns(cells)))
                yield {"type": "rich_text", "elements": [code]}
            case _:
                yield block


def _as_sections(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        if block["type"] in ("rich_text", "table"):
            yield from map(section, cut_text(words_of([block]), limits.SECTION_CHARS))
        else:
            yield block


_Step: TypeAlias = tuple[Callable[[Iterable[Block]], Iterator[Block]], Refusal | Literal[""]]
#: Each simpler form, and what Slack refuses if it takes that one.
_STEPS: tuple[_Step, ...] = (
    (_unfold, "containers"),
    (partial(_tables_as_code, tables=1), "second_table"),
    (_tables_as_code, ""),
    (_as_sections, ""),
)


# An answer to copy

#: Of a message's text; the sentences around it need the rest.
_PART_CHARS = limits.MESSAGE_CHARS - limits.SECTION_CHARS // 2


def plain_text_messages(name: str, text: str, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Show an answer's Markdown letter by letter, in as many messages as needed; none for no answer."""
    model = limits.shorten(one_line(name) or words.nameless_model, limits.HEADER_CHARS)
    intro = words.copy_this.format(name=model)
    parts = [part for part in cut_text(tidy(text[: limits.ANSWER_CHARS]), _PART_CHARS) if part.strip()]
    pages = [as_blocks([Code(part)]) for part in parts]
    if pages:
        pages[0].insert(0, section(intro))
    if pages and len(text) > limits.ANSWER_CHARS:
        pages[-1].append(context(words.cut_off))
    return tuple(Message(notice(intro).text, tuple(blocks)) for blocks in pages)
