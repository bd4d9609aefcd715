"""The frame of the answers to a question: the question itself, names, figures, menus and the footer."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

from sectorflow_slack.domain.installations import DISPLAYS, Refusal
from sectorflow_slack.domain.questions import Answer, ModelAnswer

from . import block_kit, limits
from .block_kit import DIVIDER, ActionValue, Block, actions, button, context, name_line, one_line, section
from .packing import Room
from .reading import read, tidy
from .tree import Part, Prose, Text
from .words import Words
from .writing import as_blocks

#: More than blanks and what has no width.
_VISIBLE = re.compile("[^\\s\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f]")


@dataclass(frozen=True, slots=True)
class Frame:
    """Makes the blocks that are not an answer's own; ``at`` is a model's place among the answers."""

    answer: Answer
    words: Words
    refused: frozenset[Refusal]
    can_compare: bool

    @property
    def at_rest(self) -> Self:
        """Return the same with nothing asked again: pages are measured with that, so that none changes."""
        return replace(self, answer=replace(self.answer, busy=()))

    def room(self) -> Room:
        """Return the room of a message."""
        return Room(tables=1) if "second_table" in self.refused else Room()

    def heading(self, at: int, about: str = "") -> list[Block]:
        """Name a model, with the menu of what can be done with its answer beside it.

        ``about`` is the question, if the heading is to name it. A model that did not answer says so.
        """
        figures = self.figures(self.answer.models[at])
        name, rest = self.name(at, about=about), f"  {figures}" if figures else ""
        if self.is_busy(at):
            return [name_line(name, f"{rest}  {self.words.asking_again}")]
        state = self.state(at)
        return [name_line(name, rest, self.menu(at)), *([context(state)] if state else [])]

    def parts(self, at: int) -> tuple[Part, ...]:
        """Read a model's answer, once; Markdown that renders to nothing is shown as it is written."""
        model = self.answer.models[at]
        if not has_text(model):
            return ()
        text = model.text[: limits.ANSWER_CHARS]
        return read(text, self.words) or (Prose("text", (Text(tidy(text).strip()),)),)

    def cut_notice(self, at: int) -> list[Block]:
        """Make a line below an answer that is longer than what is shown."""
        is_cut = len(self.answer.models[at].text) > limits.ANSWER_CHARS
        return [context(self.words.cut_off)] if is_cut else []

    def question(self) -> list[Block]:
        """Quote a question that others did not see, whole.

        It does not say who asked: a mention would ping them, and nothing else of a person is known but an id.
        """
        asked = tidy(self.answer.question.text).strip()
        if not (self.answer.question.is_hidden and asked):
            return []
        quote = Text(limits.shorten(asked, limits.QUOTE_CHARS))
        return as_blocks([Prose("text", (Text(self.words.asked),)), Prose("quote", (quote,))])

    def asked(self) -> str:
        """Return how the question began, as one line."""
        return limits.shorten(one_line(self.answer.question.text), limits.FIRST_WORDS_CHARS)

    def name(self, at: int, *, again: bool = False, about: str = "") -> str:
        """Return a model's name, over the rest of its answer too, perhaps with how the question began."""
        room = limits.HEADER_CHARS - limits.count(self.words.heading("", again=again, question=about))
        name = limits.shorten(title(self.answer.models[at], self.words), room)
        return self.words.heading(name, again=again, question=about)

    def is_busy(self, at: int) -> bool:
        """Whether a model is asked again."""
        return self.answer.models[at].model_id in self.answer.busy

    def state(self, at: int) -> str:
        """Return what there is instead of an answer, or of its menu; "" for an answer."""
        if self.is_busy(at):
            return self.words.asking_again
        return "" if has_text(self.answer.models[at]) else self.words.model_failed

    def figures(self, model: ModelAnswer) -> str:
        """Return a base model that tells something the model's name does not, and what an answer took."""
        base = one_line(model.base_model)
        name, known = (_letters(text) for text in (model.name, base))
        told = [] if not known or known in name else [limits.shorten(base, limits.NAME_CHARS)]
        if has_text(model):
            told += filter(None, _spent(model, self.words))
        return " · ".join(told)

    def menu(self, at: int) -> Block:
        """Make what can be done with one model's answer."""
        words = self.words
        if not has_text(self.answer.models[at]):
            return button(block_kit.REGENERATE, words.try_again, self.value(at))
        choices = (
            (words.follow_up, block_kit.FOLLOW_UP),
            (words.regenerate, block_kit.REGENERATE),
            (words.plain_text, block_kit.PLAIN_TEXT),
            (words.good_answer, block_kit.UP),
            (words.bad_answer, block_kit.DOWN),
        )
        options = [(label, self.value(at, choice=choice)) for label, choice in choices]
        return block_kit.overflow(block_kit.MORE, options)

    def value(self, at: int = 0, page: int = 0, choice: str = "") -> str:
        """Return what a button carries that is about a model, or about all of the answer."""
        return ActionValue(self.answer.id, at, page, choice).encode()

    def footer(self) -> list[Block]:
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
        models, took = self.answer.models, _spent(self.answer, self.words)
        if len(models) > 1:
            return [*took, *self._least()]
        beside = _spent(models[0], self.words) if has_text(models[0]) else ("", "")
        return [figure for figure, known in zip(took, beside, strict=True) if not known]

    def _thread_models(self) -> list[str]:
        """Name the models if the thread's questions go to them only."""
        if not self.can_compare or not self.answer.question.model_ids or self.answer.question.is_hidden:
            return []
        names = [self.name(at) for at in range(len(self.answer.models))]
        return [self.words.thread_models.format(names=self.words.list_names(names))]

    def _questions(self) -> list[Block]:
        """Make the buttons that lead to a comparison and to the models of the thread."""
        value, words = self.value(), self.words
        is_comparable = self.can_compare and sum(map(has_text, self.answer.models)) > 1
        has_choice = self.can_compare and (len(self.answer.models) > 1 or self._thread_models())
        compare = [button(block_kit.COMPARE, words.compare, value)] if is_comparable else []
        return [*compare, *([button(block_kit.MODELS, words.models, value)] if has_choice else [])]

    def _switch(self) -> Block:
        """Make the menu of the other displays."""
        words, answer = self.words, self.answer
        labels = {"separated": words.show_all, "tabs": words.show_as_tabs, "folded": words.show_folded}
        others = [
            (labels[display], self.value(choice=display))
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
                yield text.format(name=limits.shorten(self.name(least[0][1]), limits.NAME_CHARS))


def title(answer: ModelAnswer, words: Words) -> str:
    """Return a model's name as one line."""
    return one_line(answer.name) or words.nameless_model


def has_text(model: ModelAnswer) -> bool:
    """Whether anything of a model's answer can be shown."""
    return not model.is_silent and _VISIBLE.search(tidy(model.text[: limits.ANSWER_CHARS])) is not None


def _letters(name: str) -> str:
    """Return a name's letters and digits, to compare it by: “Command R+” is “command-r-plus”."""
    return "".join(filter(str.isalnum, name.replace("+", "plus"))).casefold()


def _spent(of: Answer | ModelAnswer, words: Words) -> tuple[str, str]:
    return time_taken(of.seconds, words), _price(of.credits, words)


def time_taken(seconds: float | None, words: Words) -> str:
    """Return seconds as people say them; "" if they are not known."""
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
