"""Each model's answer under its own name, a divider between them, in as many messages as needed."""

from __future__ import annotations

from dataclasses import replace

from sectorflow_slack.domain.questions import Answer, Message
from sectorflow_slack.formatting import limits
from sectorflow_slack.formatting.blocks import DIVIDER, Block
from sectorflow_slack.formatting.packing import Page, Portion, Room, Section, pack
from sectorflow_slack.formatting.plain import text_of
from sectorflow_slack.formatting.words import ENGLISH, Words
from sectorflow_slack.formatting.writing import as_blocks

from . import frame


def separated(answer: Answer, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Show the answers one below the other, in their order.

    What does not fit into one message goes on in the next, under the model's name again. Messages that other
    people's may stand above say first which question they are about.
    """
    about = words.heading("", question=frame.first_words(answer))
    # Kept free in every message, so that none is parted elsewhere once some stand apart.
    room = Room().less(limits.count(about), 0)
    pages = pack([_section(answer, at, room, words) for at in range(len(answer.models))], room)
    return tuple(_message(answer, page, number, words) for number, page in enumerate(pages))


def _section(answer: Answer, at: int, room: Room, words: Words) -> Section:
    at_rest = _at_rest(answer)
    heading = [DIVIDER, *_above(answer, at, words), *frame.heading(at_rest, at, words)]
    again = [DIVIDER, *frame.heading(at_rest, at, words, again=True)]
    ending = _below(answer, at, words)
    inside = min(
        (room.less_blocks(above).less_blocks(ending) for above in (heading, again)),
        key=lambda left: left.chars,
    )
    parts = frame.parts_of(answer.models[at], words)
    return Section(frame.units_of(parts, inside), heading, again, ending)


def _at_rest(answer: Answer) -> Answer:
    """Return an answer none of whose models is asked again: its pages are the same then."""
    return replace(answer, busy=())


def _above(answer: Answer, at: int, words: Words) -> list[Block]:
    """Return the blocks above a model's name: the question, above the first."""
    return frame.question(answer, words) if at == 0 else []


def _below(answer: Answer, at: int, words: Words) -> list[Block]:
    """Return the blocks below a model's answer: the footer, below the last."""
    cut = frame.cut_notice(answer.models[at], words)
    return cut + (frame.footer(answer, "tabs", words) if at == len(answer.models) - 1 else [])


def _message(answer: Answer, page: Page, number: int, words: Words) -> Message:
    """Draw a page; a line stands above each model's name, which none in an answer looks like."""
    blocks: list[Block] = []
    for portion in page:
        if blocks or number:
            blocks.append(DIVIDER)
        is_apart = portion is page[0] and number >= (answer.together or number + 1)
        blocks += _blocks(answer, portion, frame.first_words(answer) if is_apart else "", words)
    return Message(text=text_of(blocks), blocks=tuple(blocks))


def _blocks(answer: Answer, portion: Portion, about: str, words: Words) -> list[Block]:
    """Draw what of a model's answer is on one page."""
    at = portion.section
    blocks = [] if portion.continued else _above(answer, at, words)
    blocks += frame.heading(answer, at, words, again=portion.continued, about=about)
    blocks += as_blocks(portion.parts)
    return blocks + (_below(answer, at, words) if portion.ends else [])
