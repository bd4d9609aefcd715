"""The frame of an answer in every display: its question, the model's name with its menu, the footer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sectorflow_slack.domain.installations import Display
from sectorflow_slack.domain.questions import Answer, ModelAnswer
from sectorflow_slack.formatting import actions, limits
from sectorflow_slack.formatting.actions import ActionValue
from sectorflow_slack.formatting.blocks import (
    DIVIDER,
    Block,
    button,
    context,
    name_line,
    one_line,
    overflow,
    quoted,
    section,
    title,
)
from sectorflow_slack.formatting.meaning import understand
from sectorflow_slack.formatting.packing import Room, Unit, split
from sectorflow_slack.formatting.reading import read, tidy
from sectorflow_slack.formatting.tree import Text
from sectorflow_slack.formatting.words import Words
from sectorflow_slack.formatting.writing import Part, Prose, lay_out

#: The units of a model that has nothing to show: what is said in its place is part of its heading.
NOTHING: tuple[Unit, ...] = ((),)


# The answer


def parts_of(model: ModelAnswer, words: Words) -> tuple[Part, ...]:
    """Read a model's answer, once; Markdown that renders to nothing is shown as it is written."""
    if model.is_silent:
        return ()
    text = model.text[: limits.ANSWER_CHARS]
    parts = tuple(lay_out(understand(read(text), words)))
    bare = tidy(text).strip()
    return parts or ((Prose("text", (Text(bare),)),) if bare else ())


def units_of(parts: Sequence[Part], room: Room) -> tuple[Unit, ...]:
    """Split an answer's parts to fit a room."""
    return split(parts, room) if parts else NOTHING


def cut_notice(model: ModelAnswer, words: Words) -> list[Block]:
    """Return the notice that an answer was cut, if it was."""
    return [context(words.cut_off)] if len(model.text) > limits.ANSWER_CHARS else []


def question(answer: Answer, words: Words) -> list[Block]:
    """Quote a question that others did not see, whole.

    It does not say who asked: a mention would ping them, and nothing else of a person is known but an id.
    """
    asked = tidy(answer.question.text).strip()
    if not (answer.question.is_hidden and asked):
        return []
    return [quoted(words.asked, limits.shorten(asked, limits.QUOTE_CHARS))]


def first_words(answer: Answer) -> str:
    """Return how the question began, as one line."""
    return limits.shorten(one_line(answer.question.text), limits.FIRST_WORDS_CHARS)


# The model


def heading(answer: Answer, at: int, words: Words, *, again: bool = False, about: str = "") -> list[Block]:
    """Name a model, with the menu of what can be done with its answer beside it.

    Over the rest of an answer there is no menu; ``about`` is the question, if the heading is to name it. A
    model that did not answer says so.
    """
    model = answer.models[at]
    room = limits.HEADER_CHARS - limits.count(words.heading("", again=again, question=about))
    name = words.heading(limits.shorten(title(model, words), room), again=again, question=about)
    if again:
        return [name_line(name)]
    rest = f"  {base_model(model, words)}".rstrip()
    if model.model_id in answer.busy:
        return [name_line(name, f"{rest}  {words.asking_again}")]
    failed = [] if has_text(model) else [context(words.model_failed)]
    return [name_line(name, rest, menu(answer, at, words)), *failed]


def has_text(model: ModelAnswer) -> bool:
    """Whether anything of a model's answer can be shown."""
    return not model.is_silent and bool(tidy(model.text[: limits.ANSWER_CHARS]).strip())


def base_model(model: ModelAnswer, words: Words) -> str:
    """Return a model's base model, if that tells something that its name does not."""
    base = one_line(model.base_model)
    name, known = ("".join(filter(str.isalnum, text)).casefold() for text in (title(model, words), base))
    return "" if not known or known in name else limits.shorten(base, limits.NAME_CHARS)


def menu(answer: Answer, at: int, words: Words) -> Block:
    """Make what can be done with one model's answer."""
    if not has_text(answer.models[at]):
        return button(actions.REGENERATE, words.try_again, ActionValue(answer.id, at).encode())
    choices = (
        (words.follow_up, actions.FOLLOW_UP),
        (words.regenerate, actions.REGENERATE),
        (words.plain_text, actions.PLAIN_TEXT),
        (words.good_answer, actions.UP),
        (words.bad_answer, actions.DOWN),
    )
    options = [(label, ActionValue(answer.id, at, choice=choice).encode()) for label, choice in choices]
    return overflow(actions.MORE, options)


# The footer


def footer(answer: Answer, other: Display, words: Words) -> list[Block]:
    """Return the answer's time and price in one line, with a button for the other display beside it.

    A divider keeps it apart from the answer above, which could say the same.
    """
    took = [_time(answer.seconds, words), _price(answer.credits, words)]
    file_not_read = words.file_not_read if answer.question.has_files else ""
    told = " · ".join(filter(None, [*took, file_not_read, words.may_be_wrong]))
    if len(answer.models) < 2:
        return [context(told)]
    label = words.show_as_tabs if other == "tabs" else words.show_all
    switch = button(actions.SWITCH_DISPLAY, label, ActionValue(answer.id, choice=other).encode())
    return [DIVIDER, section(told, switch)]


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
    """Whether a figure is one that people can make sense of."""
    return figure is not None and math.isfinite(figure) and 0 <= figure < 1e9
