"""The answers to a question as messages: one below the other, or one at a time behind tabs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sectorflow_slack.domain.installations import Display
from sectorflow_slack.domain.questions import Answer, Message, ModelAnswer

from . import block_kit, limits
from .block_kit import (
    DIVIDER,
    ActionValue,
    Block,
    actions,
    button,
    context,
    name_line,
    one_line,
    overflow,
    quoted,
    section,
    title,
)
from .meaning import understand
from .notices import text_of, words_of
from .packing import Page, Portion, Room, Section, Unit, pack, split
from .reading import read, tidy
from .tree import Text
from .words import ENGLISH, Words
from .writing import Part, Prose, as_blocks, lay_out

#: Digits of a digest: a message is only compared with what stood in its own place before.
_DIGITS = 16


def draw(answer: Answer, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Draw all answers one below the other, or one of them in a message with a tab for each."""
    return tabs(answer, words) if answer.display == "tabs" else separated(answer, words)


def digest(message: Message) -> str:
    """Return a short text that differs from any other message's; it is not to be read."""
    written = json.dumps([message.text, message.blocks], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:_DIGITS]


# One below the other


def separated(answer: Answer, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Show the answers one below the other, in their order.

    What does not fit into one message goes on in the next, under the model's name again. Messages that other
    people's may stand above say first which question they are about.
    """
    about = words.heading("", question=first_words(answer))
    # Kept free in every message, so that none is parted elsewhere once some stand apart.
    room = Room().less(limits.count(about), 0)
    pages = pack([_section(answer, at, room, words) for at in range(len(answer.models))], room)
    return tuple(_message(answer, page, number, words) for number, page in enumerate(pages))


def _section(answer: Answer, at: int, room: Room, words: Words) -> Section:
    # Pages are the same whatever is asked again.
    at_rest = replace(answer, busy=())
    above = [DIVIDER, *_above_name(answer, at, words), *heading(at_rest, at, words)]
    again = [DIVIDER, *heading(at_rest, at, words, again=True)]
    ending = _below_answer(answer, at, words)
    inside = min((room.less_blocks([*top, *ending]) for top in (above, again)), key=lambda left: left.chars)
    return Section(units_of(parts_of(answer.models[at], words), inside), above, again, ending)


def _above_name(answer: Answer, at: int, words: Words) -> list[Block]:
    """Return the blocks above a model's name: the question, above the first."""
    return question(answer, words) if at == 0 else []


def _below_answer(answer: Answer, at: int, words: Words) -> list[Block]:
    """Return the blocks below a model's answer: the footer, below the last."""
    cut = cut_notice(answer.models[at], words)
    return cut + (footer(answer, "tabs", words) if at == len(answer.models) - 1 else [])


def _message(answer: Answer, page: Page, number: int, words: Words) -> Message:
    """Draw a page; a line stands above each model's name, which none in an answer looks like."""
    blocks: list[Block] = []
    for portion in page:
        if blocks or number:
            blocks.append(DIVIDER)
        is_apart = portion is page[0] and number >= (answer.together or number + 1)
        blocks += _blocks(answer, portion, first_words(answer) if is_apart else "", words)
    return Message(text=text_of(blocks), blocks=tuple(blocks))


def _blocks(answer: Answer, portion: Portion, about: str, words: Words) -> list[Block]:
    """Draw what of a model's answer is on one page."""
    at = portion.section
    blocks = [] if portion.continued else _above_name(answer, at, words)
    blocks += heading(answer, at, words, again=portion.continued, about=about)
    blocks += as_blocks(portion.parts)
    return blocks + (_below_answer(answer, at, words) if portion.ends else [])


# Tabs

#: A page number with more digits than any answer's.
_HIGH = 9_998


def tabs(answer: Answer, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Show the open tab's page, the last there is where the answer names a later one."""
    if not answer.models:
        return ()
    tab = _within(answer.tab, len(answer.models))
    parts = parts_of(answer.models[tab], words)
    pages = _pages(answer, tab, parts, words)
    page = _within(answer.page, len(pages))
    (portion,) = pages[page]
    blocks = [
        *_above(answer, tab, words),
        *as_blocks(portion.parts),
        *_below(answer, tab, page, len(pages), words),
    ]
    text = text_of(_all_answers(answer, tab, parts, words))
    return (Message(text=text, blocks=tuple(blocks)),)


def _within(place: int, count: int) -> int:
    """Return the nearest place that there is."""
    return max(0, min(place, count - 1))


def _pages(answer: Answer, tab: int, parts: Sequence[Part], words: Words) -> tuple[Page, ...]:
    """Part the answer of a tab; its pages are the same whatever is open or asked again."""
    at_rest = replace(answer, busy=())
    around = [*_above(at_rest, tab, words), *_below(at_rest, tab, _HIGH // 2, _HIGH, words)]
    room = Room().less_blocks(around).less(len(answer.models) * limits.count(words.open_tab), 0)
    return pack([Section(units_of(parts, room))], room)


def _all_answers(answer: Answer, tab: int, parts: Sequence[Part], words: Words) -> Iterator[Block]:
    """Return all that the tabs have to read, the open one first, as far as ``text`` takes it."""
    left = limits.TEXT_CHARS
    for at in (tab, *(at for at in range(len(answer.models)) if at != tab)):
        model = answer.models[at]
        shown = as_blocks(parts if at == tab else parts_of(model, words))
        blocks = [name_line(title(model, words)), *(shown or [context(words.model_failed)])]
        yield from blocks
        left -= len(words_of(blocks))
        if left <= 0:
            return


def _above(answer: Answer, tab: int, words: Words) -> list[Block]:
    """Return the question, and the tabs with the open one's menu; they name the model, if there are any."""
    asked = question(answer, words)
    if len(answer.models) == 1:
        return [*asked, *heading(answer, tab, words)]
    model = answer.models[tab]
    buttons = [_tab(answer, at, at == tab, words) for at in range(len(answer.models))]
    is_busy = model.model_id in answer.busy
    choices = [] if is_busy else [menu(answer, tab, words)]
    told = [
        base_model(model, words),
        words.asking_again if is_busy else "",
        "" if has_text(model) else words.model_failed,
    ]
    small = [context(*filter(None, told))] if any(told) else []
    return [*asked, actions(*buttons, *choices), *small]


def _tab(answer: Answer, at: int, is_open: bool, words: Words) -> Block:
    """Make the button of a model: at most 20 of them, where a row takes 25."""
    model = answer.models[at]
    mark = "{name}"
    if model.model_id in answer.busy:
        mark = words.busy_tab
    elif model.is_silent:
        mark = words.failed_tab
    if is_open:
        mark = words.open_tab.format(name=mark)
    room = limits.BUTTON_CHARS - limits.count(mark.format(name=""))
    label = mark.format(name=limits.shorten(title(model, words), room))
    value = ActionValue(answer.id, at).encode()
    return button(f"{block_kit.SHOW_TAB}:{at}", label, value, primary=is_open)


def _below(answer: Answer, tab: int, page: int, pages: int, words: Words) -> list[Block]:
    """Show the page's number and the buttons to those beside it, if there are more, then the footer."""
    ended = cut_notice(answer.models[tab], words) if page == pages - 1 else []
    return [*ended, *_turns(answer, tab, page, pages, words), *footer(answer, "separated", words)]


def _turns(answer: Answer, tab: int, page: int, pages: int, words: Words) -> list[Block]:
    if pages == 1:
        return []
    turns = [
        button(
            f"{block_kit.TURN_PAGE}:{to}", label.format(page=to + 1), ActionValue(answer.id, tab, to).encode()
        )
        for to, label in ((page - 1, words.previous_page), (page + 1, words.next_page))
        if 0 <= to < pages
    ]
    return [context(words.page_of.format(page=page + 1, pages=pages)), actions(*turns)]


# Around an answer


def parts_of(model: ModelAnswer, words: Words) -> tuple[Part, ...]:
    """Read a model's answer, once; Markdown that renders to nothing is shown as it is written."""
    if model.is_silent:
        return ()
    text = model.text[: limits.ANSWER_CHARS]
    parts = tuple(lay_out(understand(read(text), words)))
    bare = tidy(text).strip()
    return parts or ((Prose("text", (Text(bare),)),) if bare else ())


def units_of(parts: Sequence[Part], room: Room) -> tuple[Unit, ...]:
    """Split an answer's parts to fit a room; one that has nothing to show says so in its heading."""
    return split(parts, room) if parts else ((),)


def cut_notice(model: ModelAnswer, words: Words) -> list[Block]:
    """Return the notice that an answer was cut off, if it was."""
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
        return button(block_kit.REGENERATE, words.try_again, ActionValue(answer.id, at).encode())
    choices = (
        (words.follow_up, block_kit.FOLLOW_UP),
        (words.regenerate, block_kit.REGENERATE),
        (words.plain_text, block_kit.PLAIN_TEXT),
        (words.good_answer, block_kit.UP),
        (words.bad_answer, block_kit.DOWN),
    )
    options = [(label, ActionValue(answer.id, at, choice=choice).encode()) for label, choice in choices]
    return overflow(block_kit.MORE, options)


def footer(answer: Answer, other: Display, words: Words) -> list[Block]:
    """Show what the answer took in one line, with a button for the other display beside it.

    A divider keeps it apart from the answer above, which could say the same.
    """
    took = [_time(answer.seconds, words), _price(answer.credits, words)]
    file_not_read = words.file_not_read if answer.question.has_files else ""
    told = " · ".join(filter(None, [*took, file_not_read, words.may_be_wrong]))
    if len(answer.models) < 2:
        return [context(told)]
    label = words.show_as_tabs if other == "tabs" else words.show_all
    switch = button(block_kit.SWITCH_DISPLAY, label, ActionValue(answer.id, choice=other).encode())
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
