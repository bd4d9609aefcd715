"""The answers to a question as messages: one below the other, folded, or one at a time behind tabs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sectorflow_slack.domain.installations import Refusal
from sectorflow_slack.domain.questions import Answer, Message

from . import block_kit, limits
from .block_kit import DIVIDER, Block, actions, button, context, name_line, one_line
from .frame import Frame, has_text, time_taken
from .notices import text_of, words_of
from .packing import Page, Portion, Room, Section, pack, split
from .tree import BOLD, Part, Prose, Text
from .words import ENGLISH, Words
from .writing import as_blocks

#: Digits of a digest: a message is only compared with what stood in its own place before.
_DIGITS = 16
#: A page number with more digits than any answer's.
_HIGH = 9_998
#: Blocks of a container that are no parts of the answer: the notice that it was cut, and the menu.
_AROUND = 2


def render(
    answer: Answer,
    words: Words = ENGLISH,
    refused: frozenset[Refusal] = frozenset(),
    *,
    can_compare: bool = False,
) -> tuple[Message, ...]:
    """Return the messages that show an answer as its display says, without what Slack has refused.

    With ``can_compare``, buttons lead to a comparison of the answers and to the models of the thread.
    """
    if answer.display == "folded" and "containers" in refused:
        answer = replace(answer, display="separated")
    if not answer.models:
        return ()
    display = _Tabs if answer.display == "tabs" else _Listed
    return display(answer, words, refused, can_compare).messages()


def digest(message: Message) -> str:
    """Return a short text that differs from any other message's; it is not to be read."""
    written = json.dumps([message.text, message.blocks], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:_DIGITS]


class _Listed(Frame):
    """Shows answers one below the other, or folded."""

    def messages(self) -> tuple[Message, ...]:
        """Show the answers in their order, each under its model's name or folded into a container.

        What does not fit into one message goes on in the next, under the model's name again. Messages that
        other people's may stand above say first which question they are about.
        """
        # Kept free in every message, so that none is parted elsewhere once some stand apart.
        room = self.room().less(limits.count(self.words.heading("", question=self.asked())), 0)
        pages = pack([self._section(at, room) for at in range(len(self.answer.models))], room)
        return tuple(self._message(page, number) for number, page in enumerate(pages))

    @property
    def _is_folded(self) -> bool:
        return self.answer.display == "folded"

    def _section(self, at: int, room: Room) -> Section:
        parts = self.parts(at)
        above = [*([] if self._is_folded else [DIVIDER]), *self.at_rest._above(at, parts, [])]
        again = [DIVIDER, name_line(self.name(at, again=True))]
        ending = [*self.cut_notice(at), *self._below(at)]
        rooms = [room.less_blocks([*top, *ending]) for top in (above, again)]
        inside = min(rooms, key=lambda left: left.chars)
        most = limits.CONTAINER_BLOCKS - _AROUND if self._is_folded else limits.BLOCKS
        return Section(split(parts, inside), above, again, ending, most)

    def _message(self, page: Page, number: int) -> Message:
        """Make a message of a page; a line stands above each model's name, which none in an answer has."""
        blocks: list[Block] = []
        for portion in page:
            is_apart = portion is page[0] and number >= (self.answer.together or number + 1)
            is_framed = self._is_folded and not portion.continued
            blocks += [DIVIDER] if (blocks or number) and not is_framed else []
            blocks += self._portion(portion, self.asked() if is_apart else "")
        return Message(text=text_of(blocks), blocks=tuple(blocks))

    def _portion(self, portion: Portion, about: str) -> list[Block]:
        """Return what of a model's answer is on one page."""
        at, body = portion.section, as_blocks(portion.parts)
        body += self.cut_notice(at) if portion.ends else []
        if portion.continued:
            blocks = [name_line(self.name(at, again=True, about=about)), *body]
        else:
            blocks = self._above(at, portion.parts, body, about)
        return blocks + (self._below(at) if portion.ends else [])

    def _above(self, at: int, parts: Sequence[Part], body: list[Block], about: str = "") -> list[Block]:
        """Return an answer's beginning: its name, and the question above the first."""
        asked = self.question() if at == 0 else []
        if self._is_folded:
            return [*asked, self._container(at, parts, body, about)]
        return [*asked, *self.heading(at, about), *body]

    def _container(self, at: int, parts: Sequence[Part], body: list[Block], about: str) -> Block:
        """Fold an answer under its name and its first words; the first one that there is is open."""
        model = self.answer.models[at]
        state = self.state(at)
        begun, _, _ = words_of(as_blocks(parts[:4])).partition(f"\n{self.words.reasoning}\n")
        first = limits.shorten(one_line(begun), limits.FIRST_WORDS_CHARS * 2)
        told = " · ".join(filter(None, [state or self.figures(model), "" if state else first]))
        below = [context(state)] if state else []
        below += [] if self.is_busy(at) else [actions(self.menu(at))]
        first_open = next((n for n, each in enumerate(self.answer.models) if has_text(each)), 0)
        return block_kit.container(
            self.name(at, about=about), told, [*body, *below], is_open=at == first_open
        )

    def _below(self, at: int) -> list[Block]:
        return self.footer() if at == len(self.answer.models) - 1 else []


class _Tabs(Frame):
    """Shows one answer at a time, behind tabs."""

    def messages(self) -> tuple[Message, ...]:
        """Show the open tab's page, the last there is where the answer names a later one."""
        tab = _within(self.answer.tab, len(self.answer.models))
        parts = self.parts(tab)
        pages = self._pages(tab, parts)
        page = _within(self.answer.page, len(pages))
        (portion,) = pages[page]
        question, body = self.question(), as_blocks(portion.parts)
        is_rich = any(block["type"] == "rich_text" for block in (*question, *body))
        stays = is_rich or len(self.answer.models) == len(pages) == 1
        title = [] if stays else self._rich_title(tab, again=page > 0)
        below = self._below_tab(tab, page, len(pages))
        blocks = (*question, *self._tabs(tab), *title, *self._told(tab), *body, *below)
        return (Message(text=text_of(self._all_answers(tab, parts)), blocks=blocks),)

    def _rich_title(self, tab: int, *, again: bool) -> list[Block]:
        """Name a tab's model in rich text, above a page that has none, such as a table alone.

        A message that has had rich text has to keep some (docs.slack.dev, chat.update: ``block_mismatch``).
        """
        return as_blocks([Prose("heading", (Text(self.name(tab, again=again), BOLD),))])

    def _pages(self, tab: int, parts: Sequence[Part]) -> tuple[Page, ...]:
        """Part the answer of a tab; its pages are the same whatever is open or asked again."""
        above = [
            *self.question(),
            *self.at_rest._tabs(tab),
            *self._rich_title(tab, again=True),
            *self.at_rest._told(tab),
        ]
        around = [*above, *self._below_tab(tab, _HIGH // 2, _HIGH)]
        marks = len(self.answer.models) * limits.count(self.words.open_tab)
        room = self.room().less_blocks(around).less(marks, 0)
        return pack([Section(split(parts, room))], room)

    def _all_answers(self, tab: int, parts: Sequence[Part]) -> Iterator[Block]:
        """Return all that the tabs have to read, the open one first, as far as ``text`` takes it."""
        left = limits.TEXT_CHARS
        yield from self.question()
        for at in sorted(range(len(self.answer.models)), key=lambda at: at != tab):
            shown = as_blocks(parts if at == tab else self.parts(at))
            blocks = [name_line(self.name(at)), *(shown or [context(self.words.model_failed)])]
            blocks += self.cut_notice(at)
            yield from blocks
            left -= len(words_of(blocks))
            if left <= 0:
                return
        yield from self.footer()

    def _tabs(self, tab: int) -> list[Block]:
        """Return the tabs with the open one's menu; a single model is named instead."""
        if len(self.answer.models) == 1:
            return self.heading(tab)
        buttons = [self._tab(at, is_open=at == tab) for at in range(len(self.answer.models))]
        choices = [] if self.is_busy(tab) else [self.menu(tab)]
        return [actions(*buttons, *choices)]

    def _told(self, tab: int) -> list[Block]:
        """Return the figures and the state of the open one of several tabs."""
        told = list(filter(None, [self.figures(self.answer.models[tab]), self.state(tab)]))
        return [context(*told)] if told and len(self.answer.models) > 1 else []

    def _tab(self, at: int, *, is_open: bool) -> Block:
        """Make the button of a model, which shows its state: at most 20 of them, where a row takes 25."""
        model, words = self.answer.models[at], self.words
        seconds = time_taken(model.seconds, words)
        mark = words.timed_tab.format(name="{name}", seconds=seconds) if seconds else "{name}"
        if self.is_busy(at):
            mark = words.busy_tab
        elif not has_text(model):
            mark = words.failed_tab
        if is_open:
            mark = words.open_tab.format(name=mark)
        room = limits.BUTTON_CHARS - limits.count(mark.format(name=""))
        label = mark.format(name=limits.shorten(self.name(at), room))
        return button(f"{block_kit.SHOW_TAB}:{at}", label, self.value(at), primary=is_open)

    def _below_tab(self, tab: int, page: int, pages: int) -> list[Block]:
        """Show the page's number and the buttons to those beside it, if there are more, then the footer."""
        ended = self.cut_notice(tab) if page == pages - 1 else []
        if pages == 1:
            return [*ended, *self.footer()]
        turns = [
            button(f"{block_kit.TURN_PAGE}:{to}", label.format(page=to + 1), self.value(tab, to))
            for to, label in ((page - 1, self.words.previous_page), (page + 1, self.words.next_page))
            if 0 <= to < pages
        ]
        number = self.words.page_of.format(page=page + 1, pages=pages)
        return [*ended, context(number), actions(*turns), *self.footer()]


def _within(place: int, count: int) -> int:
    """Return the nearest place that there is."""
    return max(0, min(place, count - 1))
