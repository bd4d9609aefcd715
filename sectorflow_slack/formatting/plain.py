"""Messages in simpler forms, for where Slack refuses blocks, and the text that stands beside blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sectorflow_slack.domain.questions import Message, ModelAnswer

from . import limits
from .actions import ASK_AGAIN as ASK_AGAIN
from .actions import action_of
from .blocks import Block, actions, button, one_line, section, texts_of, title
from .cutting import cut_text
from .escaping import escape_mrkdwn, restore
from .parsing import tidy
from .words import ENGLISH, Words

_OF_BUTTONS = ("actions", "context_actions")


def plainer(message: Message) -> tuple[Message, ...]:
    """Say the same without blocks, for where Slack refuses these; in more messages if need be."""
    lines = (_plain(block) for block in message.blocks if block["type"] not in _OF_BUTTONS)
    return tuple(Message(text=part) for part in cut_text("\n".join(lines), limits.PLANNED_TEXT_CHARS))


def simpler(message: Message) -> Message:
    """Say the same in blocks that Slack has had for long: Markdown as it is written, buttons as buttons."""
    blocks = [simple for block in message.blocks for simple in _simple(block)]
    if len(blocks) > limits.BLOCKS:
        blocks = [block for block in blocks if block["type"] != "divider"]
    return Message(text=message.text, blocks=tuple(blocks))


def notice(sentence: str) -> Message:
    """Make a message of one sentence."""
    text = tidy(sentence)
    return Message(text=_first_words(text, limits.FALLBACK_CHARS), blocks=(section(text),))


def notice_to_ask_again(sentence: str, letter_id: str, words: Words = ENGLISH) -> Message:
    """Make a message of one sentence, with a button that asks the question of a letter again."""
    message = notice(sentence)
    ask_again = actions(button(ASK_AGAIN, words.ask_again, letter_id))
    return Message(text=message.text, blocks=(*message.blocks, ask_again))


def help_notice(names: Sequence[str], words: Words = ENGLISH) -> Message:
    """Answer an empty question: how to ask, and who answers; a name that is not known is ""."""
    shown = [limits.shorten(name, limits.NAME_CHARS) for name in map(one_line, names)]
    if not any(shown):
        return notice(words.help)
    return notice(words.help_with_models.format(names=words.list_names(shown)))


def fallback(answers: Sequence[ModelAnswer], words: Words = ENGLISH) -> str:
    """Give the ``text`` beside blocks: each model's name and the first words of its answer."""
    each = limits.FALLBACK_CHARS // max(1, len(answers)) - 1
    lines = (_first_words(f"{title(answer, words)}: {_content(answer, words)}", each) for answer in answers)
    return "\n".join(line for line in lines if line)


def _content(answer: ModelAnswer, words: Words) -> str:
    """Give the answer, or that there is none."""
    return words.model_failed if answer.is_silent else tidy(answer.text)


def _plain(block: Block) -> str:
    match block:
        case {"type": "header", "text": {"text": str(text)}}:
            return f"*{escape_mrkdwn(text)}*"
        case {"type": "section", "text": {"text": str(text)}}:
            return escape_mrkdwn(text)
        case {"type": "markdown", "text": str(text)}:
            return escape_mrkdwn(restore(text))
        case {"type": "context"}:
            return escape_mrkdwn(" · ".join(texts_of(block)))
        case {"type": "rich_text"}:
            return escape_mrkdwn("\n".join(texts_of(block)))
    return ""


def _simple(block: Block) -> Iterator[Block]:
    match block:
        case {"type": "markdown", "text": str(text)}:
            # Plain text is literal; the invisible joiners that are there stay all the same.
            shown = text.replace("&lt;", "<")
            yield from map(section, cut_text(shown, limits.SECTION_CHARS))
        case {"type": "rich_text"}:
            for text in texts_of(block):
                yield from map(section, cut_text(text, limits.SECTION_CHARS))
        case {"type": "context_actions", "elements": list(elements)}:
            yield actions(*(thumb for element in elements for thumb in _thumbs(element)))
        case _:
            yield block


def _thumbs(element: Block) -> Iterator[Block]:
    """Make buttons that carry what Slack's feedback buttons carry."""
    action = action_of(str(element["action_id"]))
    for key in ("positive_button", "negative_button"):
        thumb = element[key]
        if isinstance(thumb, dict):
            label = " ".join(texts_of(thumb))
            yield button(f"{action}:{key}", label, str(thumb["value"]))


def _first_words(text: str, limit: int) -> str:
    """Escape the beginning of a text, as one line, within the limit."""
    escaped = escape_mrkdwn(" ".join(text[: 2 * max(0, limit)].split()))
    parts = cut_text(escaped, max(1, limit - 1))
    first, more = next(parts, ""), next(parts, "")
    return f"{first}…" if more else first
