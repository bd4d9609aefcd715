"""Each model's answer under its own heading, a divider between them, in as many messages as needed."""

from __future__ import annotations

from dataclasses import replace

from sectorflow_slack.domain.messages import Message
from sectorflow_slack.domain.questions import Answer

from . import parts
from .blocks import DIVIDER, Block
from .escaping import restore
from .packing import Page, Part, Section, pack
from .pieces import Room, cost
from .plain import fallback
from .words import ENGLISH, Words

_ROOM = Room()


def separated(answer: Answer, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Show the answers one below the other, in their order, each with its buttons behind its end.

    What does not fit into one message goes on in the next, under the model's heading again.
    """
    sections = [_section(answer, at, words) for at in range(len(answer.models))]
    pages = pack(sections, _ROOM)
    return tuple(_message(answer, page, words) for page in pages)


def _section(answer: Answer, at: int, words: Words) -> Section:
    model = answer.models[at]
    heading = cost([DIVIDER, *_above(answer, at, words), *parts.heading(model, words)])
    again = cost([DIVIDER, *parts.heading(model, words, again=True)])
    ending = cost([*parts.buttons_at_rest(answer, at, words), *_below(answer, at, words)])
    frame = replace(heading, chars=max(heading.chars, again.chars))
    pieces = parts.pieces_of(model, _ROOM.less(frame).less(ending), words)
    return Section(pieces, heading, again, ending)


def _above(answer: Answer, at: int, words: Words) -> list[Block]:
    """Give what stands above a model's heading: the question, above the first."""
    return parts.question(answer, words) if at == 0 else []


def _below(answer: Answer, at: int, words: Words) -> list[Block]:
    """Give what stands below a model's buttons: the footer, below the last."""
    return parts.footer(answer, "tabs", words) if at == len(answer.models) - 1 else []


def _message(answer: Answer, page: Page, words: Words) -> Message:
    blocks: list[Block] = []
    for part in page:
        if blocks:
            blocks.append(DIVIDER)
        blocks += _blocks(answer, part, words)
    shown = [replace(answer.models[part.section], text=restore(part.text)) for part in page]
    return Message(text=fallback(shown, words), blocks=tuple(blocks))


def _blocks(answer: Answer, part: Part, words: Words) -> list[Block]:
    at = part.section
    blocks = [] if part.continued else _above(answer, at, words)
    blocks += parts.heading(answer.models[at], words, again=part.continued)
    blocks.append(parts.body(part.text, words))
    if part.ends:
        blocks += [*parts.buttons(answer, at, words), *_below(answer, at, words)]
    return blocks
