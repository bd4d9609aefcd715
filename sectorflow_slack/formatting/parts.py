"""What an answer is drawn of, however it is displayed: headings, rows of buttons, footer."""

from __future__ import annotations

import math

from sectorflow_slack.domain.installations import Display
from sectorflow_slack.domain.questions import Answer, ModelAnswer

from . import actions, limits
from .actions import ActionValue
from .blocks import (
    DIVIDER,
    Block,
    button,
    context,
    feedback,
    header,
    markdown,
    one_line,
    overflow,
    quoted,
    title,
)
from .blocks import actions as row
from .escaping import neutralise
from .links import show_links
from .parsing import tidy
from .pieces import Piece, Room, cost
from .splitting import split
from .words import Words


def pieces_of(model: ModelAnswer, room: Room, words: Words) -> tuple[Piece, ...]:
    """Split a model's answer to fit the room; what is said in its place has no text."""
    pieces = () if model.is_silent else split(neutralise(show_links(tidy(model.text))), room)
    return pieces or (cost([context(words.model_failed)]),)


def question(answer: Answer, words: Words) -> list[Block]:
    """Quote a question that others did not see, whole.

    It does not say who asked: a mention would ping them, and nothing else of a person is known but an id.
    """
    asked = tidy(answer.question.text).strip()
    if not (answer.question.is_hidden and asked):
        return []
    return [quoted(words.asked, limits.shorten(asked, limits.QUOTE_CHARS))]


def first_words(answer: Answer) -> str:
    """Give how the question began, as one line."""
    return limits.shorten(one_line(answer.question.text), limits.FIRST_WORDS_CHARS)


def heading(model: ModelAnswer, words: Words, *, again: bool = False, question: str = "") -> list[Block]:
    """Name a model, with its base model small below; over the rest of an answer without that.

    Where ``question`` is given, the heading names it. The base model cannot stand on the heading's own line:
    a header takes one text of one size, and a line of several small ones (``context``) is no heading, so that
    the headings within the answer would look greater than the one above it.
    """
    room = limits.HEADER_CHARS - limits.count(words.heading("", again=again, question=question))
    name = limits.shorten(title(model, words), room)
    named = header(words.heading(name, again=again, question=question))
    base_model = "" if again else one_line(model.base_model)
    return [named, context(base_model)] if base_model else [named]


def body(text: str, words: Words) -> Block:
    """Show neutral Markdown, or say that the model did not answer."""
    return markdown(text) if text else context(words.model_failed)


def buttons(answer: Answer, at: int, words: Words) -> list[Block]:
    """Make what can be done with one model's answer; it is no use while the model is asked again."""
    if answer.models[at].model_id in answer.busy:
        return [context(words.asking_again)]
    return buttons_at_rest(answer, at, words)


def buttons_at_rest(answer: Answer, at: int, words: Words) -> list[Block]:
    """Make what can be done with one model's answer while it is not asked again."""
    value = ActionValue(answer.id, at)
    if answer.models[at].is_silent:
        return [row(button(actions.REGENERATE, words.try_again, value.encode()))]
    more = overflow(
        actions.MORE,
        [
            (words.regenerate, ActionValue(answer.id, at, choice=actions.REGENERATE).encode()),
            (words.plain_text, ActionValue(answer.id, at, choice=actions.PLAIN_TEXT).encode()),
        ],
    )
    thumbs = feedback(
        actions.VOTE,
        (words.good_answer, ActionValue(answer.id, at, choice=actions.UP).encode()),
        (words.bad_answer, ActionValue(answer.id, at, choice=actions.DOWN).encode()),
    )
    return [row(button(actions.FOLLOW_UP, words.follow_up, value.encode()), more), thumbs]


def footer(answer: Answer, other: Display, words: Words) -> list[Block]:
    """Offer the other display where there is more than one model, and say what the answer took.

    A divider keeps what belongs to all models apart from the buttons of the one above.
    """
    blocks: list[Block] = []
    if len(answer.models) > 1:
        label = words.show_as_tabs if other == "tabs" else words.show_all
        value = ActionValue(answer.id, choice=other).encode()
        blocks += [DIVIDER, row(button(actions.SWITCH_DISPLAY, label, value))]
    took = " · ".join(filter(None, [_time(answer.seconds, words), _price(answer.credits, words)]))
    file_not_read = words.file_not_read if answer.question.has_files else ""
    if told := [text for text in (took, file_not_read) if text]:
        blocks.append(context(*told))
    return blocks


def _time(seconds: float | None, words: Words) -> str:
    if not _is_known(seconds):
        return ""
    whole = max(1, round(seconds or 0))
    if whole < 60:
        return words.seconds.format(seconds=whole)
    return words.minutes.format(minutes=whole // 60, seconds=whole % 60)


def _price(credits: float | None, words: Words) -> str:
    if not _is_known(credits):
        return ""
    amount = f"{credits or 0:.2f}".rstrip("0").rstrip(".")
    if amount == "0" and credits:
        amount = "< 0.01"
    return words.one_credit if amount == "1" else words.credits.format(credits=amount)


def _is_known(figure: float | None) -> bool:
    """Say whether a figure is one that people can make sense of."""
    return figure is not None and math.isfinite(figure) and 0 <= figure < 1e9
