"""The Block Kit blocks that messages are made of (docs.slack.dev, Block Kit reference)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sectorflow_slack.domain.questions import ModelAnswer

from . import limits
from .reading import tidy
from .words import ENGLISH, Words

Block = dict[str, object]

DIVIDER: Block = {"type": "divider"}

#: What would format ``mrkdwn``, as signs that look the same.
_LITERAL = str.maketrans("*_~`", "∗＿∼ˋ")  # noqa: RUF001


def header(text: str) -> Block:
    """Make a heading."""
    return {"type": "header", "text": plain_text(text, limits.HEADER_CHARS)}


def context(*texts: str, limit: int = limits.CONTEXT_CHARS) -> Block:
    """Make a line of small texts."""
    return {"type": "context", "elements": [plain_text(text, limit) for text in texts]}


def section(text: str, accessory: Block | None = None) -> Block:
    """Make a paragraph of text that Slack shows as it is, perhaps with a button or a menu beside it."""
    block: Block = {"type": "section", "text": plain_text(text, limits.SECTION_CHARS)}
    return {**block, "accessory": accessory} if accessory else block


def name_line(bold: str, rest: str = "", accessory: Block | None = None) -> Block:
    """Make a line that begins with bold text."""
    text = f"*{escape_mrkdwn(bold.translate(_LITERAL))}*{escape_mrkdwn(rest.translate(_LITERAL))}"
    block: Block = {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
    return {**block, "accessory": accessory} if accessory else block


def escape_mrkdwn(text: str) -> str:
    """Escape the three characters Slack reads in ``mrkdwn`` (docs.slack.dev, formatting message text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def quoted(label: str, text: str) -> Block:
    """Make a quote of literal text, of any length, below a label."""
    above = {"type": "rich_text_section", "elements": [{"type": "text", "text": label}]}
    quote = {"type": "rich_text_quote", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [above, quote]}


def actions(*elements: Block) -> Block:
    """Make a row of buttons and menus."""
    return {"type": "actions", "elements": list(elements)}


def button(action_id: str, label: str, value: str, *, primary: bool = False) -> Block:
    """Make a button."""
    text = plain_text(label, limits.BUTTON_CHARS)
    element: Block = {"type": "button", "action_id": action_id, "text": text, "value": value}
    return {**element, "style": "primary"} if primary else element


def overflow(action_id: str, options: Sequence[tuple[str, str]]) -> Block:
    """Make a menu behind three dots of labels and the values they stand for, at most 5."""
    drawn = [{"text": plain_text(label, limits.OPTION_CHARS), "value": value} for label, value in options]
    return {"type": "overflow", "action_id": action_id, "options": drawn}


def plain_text(text: str, limit: int) -> Block:
    """Make a text object in which nothing is live, not even ``:emoji:``."""
    return {"type": "plain_text", "text": limits.shorten(text, limit), "emoji": False}


def title(answer: ModelAnswer, words: Words = ENGLISH) -> str:
    """Return a model's name as one line."""
    return one_line(answer.name) or words.nameless_model


def one_line(text: str) -> str:
    """Return a text with each run of white space as one space."""
    return " ".join(tidy(text).split())


def texts_of(value: object) -> Iterable[str]:
    """Yield every text in blocks that a reader sees, including those of buttons and menus."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from texts_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_of(inner)


def size_of(value: object) -> int:
    """Count what blocks take of a message: their texts and their addresses."""
    if isinstance(value, dict):
        return sum(
            limits.count(inner) if key in ("text", "url") and isinstance(inner, str) else size_of(inner)
            for key, inner in value.items()
        )
    return sum(map(size_of, value)) if isinstance(value, list | tuple) else 0
