"""The answers to a question as messages: one below the other, folded, or one at a time behind tabs."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sectorflow_slack.domain.installations import DISPLAYS, Refusal
from sectorflow_slack.domain.questions import Answer, Message, ModelAnswer

from . import block_kit, limits
from .block_kit import DIVIDER, ActionValue, Block, actions, button, context, name_line, one_line, section
from .notices import text_of, words_of
from .packing import Page, Portion, Room, Section, pack, split
from .reading import read, tidy
from .tree import BOLD, Part, Prose, Text
from .words import ENGLISH, Words
from .writing import as_blocks

#: Digits of a digest: a message is only compared with what stood in its own place before.
_DIGITS = 16
#: A page number with more digits than any answer's.
_HIGH = 9_998
#: More than blanks and what has no width.
_VISIBLE = re.compile("[^\\s\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f]")
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
    rendering = _Rendering(answer, words, refused, can_compare)
    return rendering.tabs() if answer.display == "tabs" else rendering.listed()


def digest(message: Message) -> str:
    """Return a short text that differs from any other message's; it is not to be read."""
    written = json.dumps([message.text, message.blocks], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:_DIGITS]


@dataclass(frozen=True, slots=True)
class _Rendering:
    """Renders one answer; ``at`` is a model's place in it."""

    answer: Answer
    words: Words
    refused: frozenset[Refusal]
    can_compare: bool

    # One below the other

    def listed(self) -> tuple[Message, ...]:
        """Show the answers in their order, each under its model's name or folded into a container.

        What does not fit into one message goes on in the next, under the model's name again. Messages that
        other people's may stand above say first which question they are about.
        """
        # Kept free in every message, so that none is parted elsewhere once some stand apart.
        room = self._room().less(limits.count(self.words.heading("", question=self._asked())), 0)
        pages = pack([self._section(at, room) for at in range(len(self.answer.models))], room)
        return tuple(self._message(page, number) for number, page in enumerate(pages))

    def _room(self) -> Room:
        return Room(tables=1) if "second_table" in self.refused else Room()

    @property
    def _is_folded(self) -> bool:
        return self.answer.display == "folded"

    def _section(self, at: int, room: Room) -> Section:
        # Pages are the same whatever is asked again.
        at_rest = replace(self, answer=replace(self.answer, busy=()))
        parts = self._parts(at)
        above = [*([] if self._is_folded else [DIVIDER]), *at_rest._above(at, parts, [])]
        again = [DIVIDER, name_line(self._name(at, again=True))]
        ending = [*self._cut_notice(at), *self._below(at)]
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
            blocks += self._portion(portion, self._asked() if is_apart else "")
        return Message(text=text_of(blocks), blocks=tuple(blocks))

    def _portion(self, portion: Portion, about: str) -> list[Block]:
        """Return what of a model's answer is on one page."""
        at, body = portion.section, as_blocks(portion.parts)
        body += self._cut_notice(at) if portion.ends else []
        if portion.continued:
            blocks = [name_line(self._name(at, again=True, about=about)), *body]
        else:
            blocks = self._above(at, portion.parts, body, about)
        return blocks + (self._below(at) if portion.ends else [])

    def _above(self, at: int, parts: Sequence[Part], body: list[Block], about: str = "") -> list[Block]:
        """Return an answer's beginning: its name, and the question above the first."""
        asked = self._question() if at == 0 else []
        if self._is_folded:
            return [*asked, self._container(at, parts, body, about)]
        return [*asked, *self._heading(at, about), *body]

    def _container(self, at: int, parts: Sequence[Part], body: list[Block], about: str) -> Block:
        """Fold an answer under its name and its first words; the first one that there is is open."""
        model = self.answer.models[at]
        state = self._state(at)
        begun, _, _ = words_of(as_blocks(parts[:4])).partition(f"\n{self.words.reasoning}\n")
        first = limits.shorten(one_line(begun), limits.FIRST_WORDS_CHARS * 2)
        told = " · ".join(filter(None, [state or self._figures(model), "" if state else first]))
        below = [context(state)] if state else []
        below += [] if self._is_busy(at) else [actions(self._menu(at))]
        first_open = next((n for n, each in enumerate(self.answer.models) if has_text(each)), 0)
        return block_kit.container(
            self._name(at, about=about), told, [*body, *below], is_open=at == first_open
        )

    def _heading(self, at: int, about: str = "") -> list[Block]:
        """Name a model, with the menu of what can be done with its answer beside it.

        ``about`` is the question, if the heading is to name it. A model that did not answer says so.
        """
        figures = self._figures(self.answer.models[at])
        name, rest = self._name(at, about=about), f"  {figures}" if figures else ""
        if self._is_busy(at):
            return [name_line(name, f"{rest}  {self.words.asking_again}")]
        state = self._state(at)
        return [name_line(name, rest, self._menu(at)), *([context(state)] if state else [])]

    def _below(self, at: int) -> list[Block]:
        return self._footer() if at == len(self.answer.models) - 1 else []

    # Tabs

    def tabs(self) -> tuple[Message, ...]:
        """Show the open tab's page, the last there is where the answer names a later one."""
        tab = _within(self.answer.tab, len(self.answer.models))
        parts = self._parts(tab)
        pages = self._pages(tab, parts)
        page = _within(self.answer.page, len(pages))
        (portion,) = pages[page]
        question, body = self._question(), as_blocks(portion.parts)
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
        return as_blocks([Prose("heading", (Text(self._name(tab, again=again), BOLD),))])

    def _pages(self, tab: int, parts: Sequence[Part]) -> tuple[Page, ...]:
        """Part the answer of a tab; its pages are the same whatever is open or asked again."""
        at_rest = replace(self, answer=replace(self.answer, busy=()))
        above = [
            *self._question(),
            *at_rest._tabs(tab),
            *self._rich_title(tab, again=True),
            *at_rest._told(tab),
        ]
        around = [*above, *self._below_tab(tab, _HIGH // 2, _HIGH)]
        marks = len(self.answer.models) * limits.count(self.words.open_tab)
        room = self._room().less_blocks(around).less(marks, 0)
        return pack([Section(split(parts, room))], room)

    def _all_answers(self, tab: int, parts: Sequence[Part]) -> Iterator[Block]:
        """Return all that the tabs have to read, the open one first, as far as ``text`` takes it."""
        left = limits.TEXT_CHARS
        yield from self._question()
        for at in sorted(range(len(self.answer.models)), key=lambda at: at != tab):
            shown = as_blocks(parts if at == tab else self._parts(at))
            blocks = [name_line(self._name(at)), *(shown or [context(self.words.model_failed)])]
            blocks += self._cut_notice(at)
            yield from blocks
            left -= len(words_of(blocks))
            if left <= 0:
                return
        yield from self._footer()

    def _tabs(self, tab: int) -> list[Block]:
        """Return the tabs with the open one's menu; a single model is named instead."""
        if len(self.answer.models) == 1:
            return self._heading(tab)
        buttons = [self._tab(at, is_open=at == tab) for at in range(len(self.answer.models))]
        choices = [] if self._is_busy(tab) else [self._menu(tab)]
        return [actions(*buttons, *choices)]

    def _told(self, tab: int) -> list[Block]:
        """Return the figures and the state of the open one of several tabs."""
        told = list(filter(None, [self._figures(self.answer.models[tab]), self._state(tab)]))
        return [context(*told)] if told and len(self.answer.models) > 1 else []

    def _tab(self, at: int, *, is_open: bool) -> Block:
        """Make the button of a model, which shows its state: at most 20 of them, where a row takes 25."""
        model, words = self.answer.models[at], self.words
        seconds = _time(model.seconds, words)
        mark = words.timed_tab.format(name="{name}", seconds=seconds) if seconds else "{name}"
        if self._is_busy(at):
            mark = words.busy_tab
        elif not has_text(model):
            mark = words.failed_tab
        if is_open:
            mark = words.open_tab.format(name=mark)
        room = limits.BUTTON_CHARS - limits.count(mark.format(name=""))
        label = mark.format(name=limits.shorten(self._name(at), room))
        return button(f"{block_kit.SHOW_TAB}:{at}", label, self._value(at), primary=is_open)

    def _below_tab(self, tab: int, page: int, pages: int) -> list[Block]:
        """Show the page's number and the buttons to those beside it, if there are more, then the footer."""
        ended = self._cut_notice(tab) if page == pages - 1 else []
        if pages == 1:
            return [*ended, *self._footer()]
        turns = [
            button(f"{block_kit.TURN_PAGE}:{to}", label.format(page=to + 1), self._value(tab, to))
            for to, label in ((page - 1, self.words.previous_page), (page + 1, self.words.next_page))
            if 0 <= to < pages
        ]
        number = self.words.page_of.format(page=page + 1, pages=pages)
        return [*ended, context(number), actions(*turns), *self._footer()]

    # Around an answer

    def _parts(self, at: int) -> tuple[Part, ...]:
        """Read a model's answer, once; Markdown that renders to nothing is shown as it is written."""
        model = self.answer.models[at]
        if not has_text(model):
            return ()
        text = model.text[: limits.ANSWER_CHARS]
        return read(text, self.words) or (Prose("text", (Text(tidy(text).strip()),)),)

    def _cut_notice(self, at: int) -> list[Block]:
        is_cut = len(self.answer.models[at].text) > limits.ANSWER_CHARS
        return [context(self.words.cut_off)] if is_cut else []

    def _question(self) -> list[Block]:
        """Quote a question that others did not see, whole.

        It does not say who asked: a mention would ping them, and nothing else of a person is known but an id.
        """
        asked = tidy(self.answer.question.text).strip()
        if not (self.answer.question.is_hidden and asked):
            return []
        quote = Text(limits.shorten(asked, limits.QUOTE_CHARS))
        return as_blocks([Prose("text", (Text(self.words.asked),)), Prose("quote", (quote,))])

    def _asked(self) -> str:
        """Return how the question began, as one line."""
        return limits.shorten(one_line(self.answer.question.text), limits.FIRST_WORDS_CHARS)

    def _name(self, at: int, *, again: bool = False, about: str = "") -> str:
        """Return a model's name, over the rest of its answer too, perhaps with how the question began."""
        room = limits.HEADER_CHARS - limits.count(self.words.heading("", again=again, question=about))
        name = limits.shorten(title(self.answer.models[at], self.words), room)
        return self.words.heading(name, again=again, question=about)

    def _is_busy(self, at: int) -> bool:
        return self.answer.models[at].model_id in self.answer.busy

    def _state(self, at: int) -> str:
        """Return what there is instead of an answer, or of its menu; "" for an answer."""
        if self._is_busy(at):
            return self.words.asking_again
        return "" if has_text(self.answer.models[at]) else self.words.model_failed

    def _figures(self, model: ModelAnswer) -> str:
        """Return a base model that tells something the model's name does not, and what an answer took."""
        base = one_line(model.base_model)
        name, known = (_letters(text) for text in (model.name, base))
        told = [] if not known or known in name else [limits.shorten(base, limits.NAME_CHARS)]
        if has_text(model):
            told += filter(None, _took(model, self.words))
        return " · ".join(told)

    def _menu(self, at: int) -> Block:
        """Make what can be done with one model's answer."""
        words = self.words
        if not has_text(self.answer.models[at]):
            return button(block_kit.REGENERATE, words.try_again, self._value(at))
        choices = (
            (words.follow_up, block_kit.FOLLOW_UP),
            (words.regenerate, block_kit.REGENERATE),
            (words.plain_text, block_kit.PLAIN_TEXT),
            (words.good_answer, block_kit.UP),
            (words.bad_answer, block_kit.DOWN),
        )
        options = [(label, self._value(at, choice=choice)) for label, choice in choices]
        return block_kit.overflow(block_kit.MORE, options)

    def _value(self, at: int = 0, page: int = 0, choice: str = "") -> str:
        return ActionValue(self.answer.id, at, page, choice).encode()

    def _footer(self) -> list[Block]:
        """Show what the answer took in one line, and the buttons for all of it.

        A divider keeps it apart from the answer above, which could say the same.
        """
        words, answer = self.words, self.answer
        told = [*self._thread_models(), *self._took(), *words.not_sent(answer.question), words.may_be_wrong]
        line, buttons = " · ".join(filter(None, told)), self._questions()
        if len(answer.models) > 1:
            buttons.append(self._switch())
        if len(buttons) == 1:
            return [DIVIDER, section(line, *buttons)]
        small = context(line, limit=limits.SECTION_CHARS)
        return [DIVIDER, small, actions(*buttons)] if buttons else [small]

    def _took(self) -> list[str]:
        """Return what the answer took; a single model's name has that beside it."""
        models, took = self.answer.models, _took(self.answer, self.words)
        if len(models) > 1:
            return [*took, *self._least()]
        beside = _took(models[0], self.words) if has_text(models[0]) else ("", "")
        return [figure for figure, known in zip(took, beside, strict=True) if not known]

    def _thread_models(self) -> list[str]:
        """Name the models if the thread's questions go to them only."""
        if not self.can_compare or not self.answer.question.model_ids or self.answer.question.is_hidden:
            return []
        names = [self._name(at) for at in range(len(self.answer.models))]
        return [self.words.thread_models.format(names=self.words.list_names(names))]

    def _questions(self) -> list[Block]:
        """Make the buttons that lead to a comparison and to the models of the thread."""
        value, words = self._value(), self.words
        is_comparable = self.can_compare and sum(map(has_text, self.answer.models)) > 1
        has_choice = self.can_compare and (len(self.answer.models) > 1 or self._thread_models())
        compare = [button(block_kit.COMPARE, words.compare, value)] if is_comparable else []
        return [*compare, *([button(block_kit.MODELS, words.models, value)] if has_choice else [])]

    def _switch(self) -> Block:
        """Make the menu of the other displays."""
        words, answer = self.words, self.answer
        labels = {"separated": words.show_all, "tabs": words.show_as_tabs, "folded": words.show_folded}
        others = [
            (labels[display], self._value(choice=display))
            for display in DISPLAYS
            if display != answer.display and not (display == "folded" and "containers" in self.refused)
        ]
        if len(others) > 1:
            return block_kit.overflow(block_kit.SWITCH_DISPLAY, others)
        # A menu of one option is refused by some of Slack's checks.
        return button(block_kit.SWITCH_DISPLAY, *others[0])

    def _least(self) -> Iterator[str]:
        """Name the fastest and the cheapest model, where more than one says what it took."""
        for attribute, text in (("seconds", self.words.fastest), ("credits", self.words.cheapest)):
            known = [
                (figure, at)
                for at, model in enumerate(self.answer.models)
                if has_text(model) and _is_known(figure := getattr(model, attribute))
            ]
            least = sorted(known)[:2]
            if len(least) == 2 and least[0][0] < least[1][0]:
                yield text.format(name=limits.shorten(self._name(least[0][1]), limits.NAME_CHARS))


def title(answer: ModelAnswer, words: Words = ENGLISH) -> str:
    """Return a model's name as one line."""
    return one_line(answer.name) or words.nameless_model


def has_text(model: ModelAnswer) -> bool:
    """Whether anything of a model's answer can be shown."""
    return not model.is_silent and _VISIBLE.search(tidy(model.text[: limits.ANSWER_CHARS])) is not None


def _letters(name: str) -> str:
    """Return a name's letters and digits, to compare it by: “Command R+” is “command-r-plus”."""
    return "".join(filter(str.isalnum, name.replace("+", "plus"))).casefold()


def _within(place: int, count: int) -> int:
    """Return the nearest place that there is."""
    return max(0, min(place, count - 1))


def _took(of: Answer | ModelAnswer, words: Words) -> tuple[str, str]:
    return _time(of.seconds, words), _price(of.credits, words)


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
