"""Each model's answer under its own heading, a divider between them, in as many messages as needed."""

from __future__ import annotations

from dataclasses import replace

from sectorflow_slack.domain.questions import Answer, Message

from . import limits, parts
from .blocks import DIVIDER, Block
from .escaping import restore
from .packing import Page, Part, Section, pack
from .pieces import Room, cost
from .plain import fallback
from .words import ENGLISH, Words


def separated(answer: Answer, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Show the answers one below the other, in their order, each with its buttons behind its end.

    What does not fit into one message goes on in the next, under the model's heading again. Messages that
    other people's may stand above say first which question they are about.
    """
    about = words.heading("", question=parts.first_words(answer))
    # Kept free in every message, so that none is parted elsewhere once some stand apart.
    room = Room().narrower(limits.count(about))
    pages = pack([_section(answer, at, room, words) for at in range(len(answer.models))], room)
    return tuple(_message(answer, page, number, words) for number, page in enumerate(pages))


def _section(answer: Answer, at: int, room: Room, words: Words) -> Section:
    model = answer.models[at]
    heading = cost([DIVIDER, *_above(answer, at, words), *parts.heading(model, words)])
    again = cost([DIVIDER, *parts.heading(model, words, again=True)])
    ending = cost([*parts.buttons_at_rest(answer, at, words), *_below(answer, at, words)])
    frame = replace(heading, chars=max(heading.chars, again.chars))
    pieces = parts.pieces_of(model, room.less(frame).less(ending), words)
    return Section(pieces, heading, again, ending)


def _above(answer: Answer, at: int, words: Words) -> list[Block]:
    """Give what stands above a model's heading: the question, above the first."""
    return parts.question(answer, words) if at == 0 else []


def _below(answer: Answer, at: int, words: Words) -> list[Block]:
    """Give what stands below a model's buttons: the footer, below the last."""
    return parts.footer(answer, "tabs", words) if at == len(answer.models) - 1 else []


def _message(answer: Answer, page: Page, number: int, words: Words) -> Message:
    """Draw a page; a line stands above each model's name, for answers have headings of their own."""
    blocks: list[Block] = []
    for part in page:
        if blocks or number:
            blocks.append(DIVIDER)
        is_apart = part is page[0] and number >= (answer.together or number + 1)
        blocks += _blocks(answer, part, parts.first_words(answer) if is_apart else "", words)
    shown = [replace(answer.models[part.section], text=restore(part.text)) for part in page]
    return Message(text=fallback(shown, words), blocks=tuple(blocks))


def _blocks(answer: Answer, part: Part, about: str, words: Words) -> list[Block]:
    """Draw a part of a model's answer; ``about`` is the question, where its heading names it."""
    at = part.section
    blocks = [] if part.continued else _above(answer, at, words)
    blocks += parts.heading(answer.models[at], words, again=part.continued, question=about)
    blocks.append(parts.body(part.text, words))
    if part.ends:
        blocks += [*parts.buttons(answer, at, words), *_below(answer, at, words)]
    return blocks
