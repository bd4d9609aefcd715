"""An answer as it was written, to copy."""

from __future__ import annotations

from sectorflow_slack.domain.questions import Message

from . import limits
from .blocks import one_line, preformatted, section
from .cutting import pack_lines
from .parsing import tidy
from .plain import notice
from .words import ENGLISH, Words

#: Of a message's text; the sentence above it needs the rest.
_PART_CHARS = limits.MESSAGE_CHARS - limits.SECTION_CHARS // 2


def plain_text_messages(name: str, text: str, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Show an answer's Markdown letter by letter, in as many messages as needed; none for no answer.

    Rich text takes each text literally, so that nothing in it is live (docs.slack.dev, rich text block).
    """
    model = limits.shorten(one_line(name) or words.nameless_model, limits.HEADER_CHARS)
    intro = words.copy_this.format(name=model)
    parts = [part for part in pack_lines(tidy(text).split("\n"), _PART_CHARS) if part.strip()]
    beside = notice(intro).text
    return tuple(
        Message(text=beside, blocks=((section(intro),) if at == 0 else ()) + (preformatted(part),))
        for at, part in enumerate(parts)
    )
