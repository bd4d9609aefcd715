"""Each model's answer under its own heading, a divider between them, in as many messages as needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sectorflow_slack.domain.models import Message, ModelAnswer

from . import limits
from .blocks import DIVIDER, Block, context, header, markdown, one_line, title
from .escaping import neutralise, restore
from .packing import Page, Part, Section, pack
from .pieces import Piece, Room
from .plain import fallback
from .splitting import split
from .words import ENGLISH

#: Largest heading: a header, a context and the divider before them.
_HEADING = Piece("", limits.HEADER_CHARS + limits.CONTEXT_CHARS, blocks=3)
_ROOM = Room()
_PIECE_ROOM = _ROOM.less(_HEADING)
#: Stands in place of an answer.
_FAILED = Piece("", limits.CONTEXT_CHARS)


def separated(answers: Sequence[ModelAnswer]) -> tuple[Message, ...]:
    """Show the answers one below the other, in their order.

    What does not fit into one message goes on in the next, under the model's heading again.
    """
    pages = pack([_section(answer) for answer in answers], _ROOM)
    return tuple(_message(answers, page) for page in pages)


def _section(answer: ModelAnswer) -> Section:
    pieces = () if answer.failed else split(neutralise(answer.text), _PIECE_ROOM)
    return Section(pieces or (_FAILED,), _HEADING, _HEADING)


def _message(answers: Sequence[ModelAnswer], page: Page) -> Message:
    blocks: list[Block] = []
    for part in page:
        if blocks:
            blocks.append(DIVIDER)
        blocks += _blocks(answers[part.section], part)
    shown = [replace(answers[part.section], text=restore(part.text)) for part in page]
    return Message(text=fallback(shown), blocks=tuple(blocks))


def _blocks(answer: ModelAnswer, part: Part) -> list[Block]:
    if part.continued:
        name = limits.shorten(title(answer), limits.HEADER_CHARS - len(ENGLISH.continued))
        return [header(ENGLISH.continued_heading(name)), markdown(part.text)]
    blocks = [header(title(answer))]
    if base_model := one_line(answer.base_model):
        blocks.append(context(base_model))
    blocks.append(markdown(part.text) if part.text else context(ENGLISH.model_failed))
    return blocks
