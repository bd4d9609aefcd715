"""Messages of text alone, for where Slack refuses blocks, and the text that stands beside blocks."""

from __future__ import annotations

from collections.abc import Sequence

from sectorflow_slack.domain.models import Message, ModelAnswer

from . import limits
from .blocks import Block, button, section, title
from .cutting import cut_text
from .escaping import escape_mrkdwn, restore
from .parsing import tidy
from .words import ENGLISH

#: What a press of the button is called in Slack's payload.
ASK_AGAIN = "ask_again"


def plainer(message: Message) -> tuple[Message, ...]:
    """Say the same without blocks, for where Slack refuses these; in more messages if need be."""
    lines = (_plain(block) for block in message.blocks if block["type"] != "actions")
    return tuple(Message(text=part) for part in cut_text("\n".join(lines), limits.PLANNED_TEXT_CHARS))


def notice(sentence: str) -> Message:
    """Make a message of one sentence."""
    text = tidy(sentence)
    return Message(text=_first_words(text, limits.FALLBACK_CHARS), blocks=(section(text),))


def notice_to_ask_again(sentence: str, letter_id: str) -> Message:
    """Make a message of one sentence, with a button that asks the question of a letter again."""
    message = notice(sentence)
    ask_again = button(ASK_AGAIN, ENGLISH.ask_again, letter_id)
    return Message(text=message.text, blocks=(*message.blocks, ask_again))


def fallback(answers: Sequence[ModelAnswer]) -> str:
    """Give the ``text`` beside blocks: each model's name and the first words of its answer."""
    each = limits.FALLBACK_CHARS // max(1, len(answers)) - 1
    lines = (_first_words(f"{title(answer)}: {_content(answer)}", each) for answer in answers)
    return "\n".join(line for line in lines if line)


def _content(answer: ModelAnswer) -> str:
    """Give the answer, or that there is none."""
    text = "" if answer.failed else tidy(answer.text)
    return text if text.strip() else ENGLISH.model_failed


def _plain(block: Block) -> str:
    match block:
        case {"type": "header", "text": {"text": str(text)}}:
            return f"*{escape_mrkdwn(text)}*"
        case {"type": "context", "elements": [{"text": str(text)}]}:
            return escape_mrkdwn(text)
        case {"type": "section", "text": {"text": str(text)}}:
            return escape_mrkdwn(text)
        case {"type": "markdown", "text": str(text)}:
            return escape_mrkdwn(restore(text))
    return ""


def _first_words(text: str, limit: int) -> str:
    """Escape the beginning of a text, as one line, within the limit."""
    escaped = escape_mrkdwn(" ".join(text[: 2 * max(0, limit)].split()))
    parts = cut_text(escaped, max(1, limit - 1))
    first, more = next(parts, ""), next(parts, "")
    return f"{first}…" if more else first
