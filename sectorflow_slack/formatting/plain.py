"""Messages of text alone, for where Slack refuses blocks, and the text that stands beside blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sectorflow_slack.domain.models import Message, ModelAnswer

from . import limits
from .blocks import section, title
from .cutting import cut_text
from .escaping import escape_mrkdwn
from .packing import Page, Section, pack
from .parsing import tidy
from .pieces import Piece, Room
from .splitting import split
from .words import ENGLISH

_UNLIMITED = 10**9
_ROOM = Room(
    chars=limits.PLANNED_TEXT_CHARS,
    blocks=_UNLIMITED,
    tables=_UNLIMITED,
    table_rows=_UNLIMITED,
    table_columns=_UNLIMITED,
    table_chars=_UNLIMITED,
)
#: Largest heading: a bold name, escaped, and that it goes on.
_HEADING = Piece("", 400)
_PIECE_ROOM = _ROOM.less(_HEADING)


def plainer(answers: Sequence[ModelAnswer]) -> tuple[Message, ...]:
    """Show the answers without blocks, for where Slack refuses these: each name in bold, then the text."""
    pages = pack([Section(tuple(_pieces(answer)), _HEADING, _HEADING) for answer in answers], _ROOM)
    return tuple(Message(text=_text(answers, page)) for page in pages)


def notice(sentence: str) -> Message:
    """Make a message of one sentence."""
    text = tidy(sentence)
    return Message(text=_first_words(text, limits.FALLBACK_CHARS), blocks=(section(text),))


def fallback(answers: Sequence[ModelAnswer]) -> str:
    """Give the ``text`` beside blocks: each model's name and the first words of its answer."""
    each = limits.FALLBACK_CHARS // max(1, len(answers)) - 1
    lines = (_first_words(f"{title(answer)}: {_content(answer)}", each) for answer in answers)
    return "\n".join(line for line in lines if line)


def _content(answer: ModelAnswer) -> str:
    """Give the answer, or that there is none."""
    text = "" if answer.failed else tidy(answer.text)
    return text if text.strip() else ENGLISH.model_failed


def _pieces(answer: ModelAnswer) -> Iterator[Piece]:
    for piece in split(_content(answer), _PIECE_ROOM):
        for part in cut_text(escape_mrkdwn(piece.text), _PIECE_ROOM.chars):
            yield Piece(part, limits.count(part))


def _text(answers: Sequence[ModelAnswer], page: Page) -> str:
    texts = []
    for part in page:
        name = title(answers[part.section])
        heading = ENGLISH.continued_heading(name) if part.continued else name
        texts.append(f"*{_first_words(heading, _HEADING.chars - 10)}*\n{part.text}")
    return "\n\n".join(texts)


def _first_words(text: str, limit: int) -> str:
    """Escape the beginning of a text, as one line, within the limit."""
    escaped = escape_mrkdwn(" ".join(text[: 2 * max(0, limit)].split()))
    parts = cut_text(escaped, max(1, limit - 1))
    first, more = next(parts, ""), next(parts, "")
    return f"{first}…" if more else first
