"""One answer at a time, in one message: a button for each model, and pages where an answer is long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sectorflow_slack.domain.questions import Answer, Message
from sectorflow_slack.formatting import actions, limits
from sectorflow_slack.formatting.actions import ActionValue
from sectorflow_slack.formatting.blocks import Block, button, context, name_line, title
from sectorflow_slack.formatting.blocks import actions as row
from sectorflow_slack.formatting.packing import Page, Room, Section, pack
from sectorflow_slack.formatting.plain import text_of, words_of
from sectorflow_slack.formatting.words import ENGLISH, Words
from sectorflow_slack.formatting.writing import Part, as_blocks

from . import frame

#: A page number with more digits than any answer's.
_HIGH = 9_998


def tabs(answer: Answer, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Show the open tab's page, the last there is where the answer names a later one."""
    if not answer.models:
        return ()
    tab = _within(answer.tab, len(answer.models))
    parts = frame.parts_of(answer.models[tab], words)
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
    return pack([Section(frame.units_of(parts, room))], room)


def _all_answers(answer: Answer, tab: int, parts: Sequence[Part], words: Words) -> Iterator[Block]:
    """Return all that the tabs have to read, the open one first, as far as ``text`` takes it."""
    left = limits.TEXT_CHARS
    for at in (tab, *(at for at in range(len(answer.models)) if at != tab)):
        model = answer.models[at]
        shown = as_blocks(parts if at == tab else frame.parts_of(model, words))
        blocks = [name_line(title(model, words)), *(shown or [context(words.model_failed)])]
        yield from blocks
        left -= len(words_of(blocks))
        if left <= 0:
            return


def _above(answer: Answer, tab: int, words: Words) -> list[Block]:
    """Return the question, and the tabs with the open one's menu; they name the model, if there are any."""
    asked = frame.question(answer, words)
    if len(answer.models) == 1:
        return [*asked, *frame.heading(answer, tab, words)]
    model = answer.models[tab]
    buttons = [_tab(answer, at, at == tab, words) for at in range(len(answer.models))]
    is_busy = model.model_id in answer.busy
    menu = [] if is_busy else [frame.menu(answer, tab, words)]
    told = [
        frame.base_model(model, words),
        words.asking_again if is_busy else "",
        "" if frame.has_text(model) else words.model_failed,
    ]
    small = [context(*filter(None, told))] if any(told) else []
    return [*asked, row(*buttons, *menu), *small]


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
    return button(f"{actions.SHOW_TAB}:{at}", label, value, primary=is_open)


def _below(answer: Answer, tab: int, page: int, pages: int, words: Words) -> list[Block]:
    """Return the page's number and buttons to the pages beside it, if there are more; then the footer."""
    ended = frame.cut_notice(answer.models[tab], words) if page == pages - 1 else []
    return [*ended, *_turns(answer, tab, page, pages, words), *frame.footer(answer, "separated", words)]


def _turns(answer: Answer, tab: int, page: int, pages: int, words: Words) -> list[Block]:
    if pages == 1:
        return []
    turns: list[Block] = []
    if page > 0:
        turns.append(_turn(answer, tab, page - 1, words.previous_page))
    if page < pages - 1:
        turns.append(_turn(answer, tab, page + 1, words.next_page))
    return [context(words.page_of.format(page=page + 1, pages=pages)), row(*turns)]


def _turn(answer: Answer, tab: int, page: int, label: str) -> Block:
    value = ActionValue(answer.id, tab, page).encode()
    return button(f"{actions.TURN_PAGE}:{page}", label.format(page=page + 1), value)
