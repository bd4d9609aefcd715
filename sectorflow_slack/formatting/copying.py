"""An answer as it was written, to copy."""

from __future__ import annotations

from sectorflow_slack.domain.questions import Message

from . import limits
from .blocks import context, one_line, section
from .cutting import cut_text
from .plain import notice
from .reading import tidy
from .tree import Code
from .words import ENGLISH, Words
from .writing import as_blocks

#: Of a message's text; the sentences around it need the rest.
_PART_CHARS = limits.MESSAGE_CHARS - limits.SECTION_CHARS // 2


def plain_text_messages(name: str, text: str, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Show an answer's Markdown letter by letter, in as many messages as needed; none for no answer."""
    model = limits.shorten(one_line(name) or words.nameless_model, limits.HEADER_CHARS)
    intro = words.copy_this.format(name=model)
    parts = [part for part in cut_text(tidy(text[: limits.ANSWER_CHARS]), _PART_CHARS) if part.strip()]
    messages = []
    for at, part in enumerate(parts):
        above = [section(intro)] if at == 0 else []
        is_cut = at == len(parts) - 1 and len(text) > limits.ANSWER_CHARS
        below = [context(words.cut_off)] if is_cut else []
        messages.append(Message(notice(intro).text, (*above, *as_blocks([Code(part)]), *below)))
    return tuple(messages)
