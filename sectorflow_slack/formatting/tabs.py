"""One answer at a time, in one message: a button for each model, and pages where an answer is long."""

from __future__ import annotations

from dataclasses import replace

from sectorflow_slack.domain.questions import Answer, Message

from . import actions, limits, parts
from .actions import ActionValue
from .blocks import Block, button, context, title
from .blocks import actions as row
from .escaping import restore
from .packing import Page, Section, pack
from .pieces import NOTHING, Room, cost
from .plain import fallback
from .words import ENGLISH, Words

#: A page number with more digits than any answer's.
_HIGH = 9_998


def tabs(answer: Answer, words: Words = ENGLISH) -> tuple[Message, ...]:
    """Show the open tab's page, the last there is where the answer names a later one."""
    if not answer.models:
        return ()
    tab = _within(answer.tab, len(answer.models))
    pages = _pages(answer, tab, words)
    page = _within(answer.page, len(pages))
    (part,) = pages[page]
    model = answer.models[tab]
    blocks = [
        *_above(answer, tab, words),
        parts.body(part.text, words),
        *_controls(answer, tab, page, len(pages), words),
        *parts.buttons(answer, tab, words),
        *parts.footer(answer, "separated", words),
    ]
    text = fallback([replace(model, text=restore(part.text))], words)
    return (Message(text=text, blocks=tuple(blocks)),)


def tab_pages(answer: Answer, tab: int, words: Words = ENGLISH) -> int:
    """Count the pages of a model's tab; it has one even where the model failed."""
    if not answer.models:
        return 0
    return len(_pages(answer, _within(tab, len(answer.models)), words))


def _within(place: int, count: int) -> int:
    """Give the nearest place that there is."""
    return max(0, min(place, count - 1))


def _pages(answer: Answer, tab: int, words: Words) -> tuple[Page, ...]:
    """Part the answer of a tab; its pages are the same whatever is open or asked again."""
    answer = replace(answer, busy=())
    frame = [
        *_above(answer, tab, words),
        *_controls(answer, tab, _HIGH // 2, _HIGH, words),
        *parts.buttons_at_rest(answer, tab, words),
        *parts.footer(answer, "separated", words),
    ]
    room = Room().less(cost(frame)).narrower(len(answer.models) * limits.count(words.open_tab))
    pieces = parts.pieces_of(answer.models[tab], room, words)
    return pack([Section(pieces, NOTHING, NOTHING)], room)


def _above(answer: Answer, tab: int, words: Words) -> list[Block]:
    blocks = parts.question(answer, words)
    if len(answer.models) > 1:
        blocks.append(row(*(_tab(answer, at, at == tab, words) for at in range(len(answer.models)))))
    return blocks + parts.heading(answer.models[tab], words)


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


def _controls(answer: Answer, tab: int, page: int, pages: int, words: Words) -> list[Block]:
    """Tell which page this is, and lead to the ones beside it; nothing where there is only one."""
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
