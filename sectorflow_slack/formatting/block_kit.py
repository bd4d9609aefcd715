"""Blocks and buttons of messages (docs.slack.dev, Block Kit reference).

A payload comes from outside: what a button carries only names an answer, and the reader checks whether the
answer is there and belongs to the app, team and channel (docs.slack.dev, ``block_actions`` payload).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from . import limits
from .reading import tidy

Block = dict[str, object]

DIVIDER: Block = {"type": "divider"}

#: What would format ``mrkdwn``, as signs that look the same.
_LITERAL = str.maketrans("*_~`", "∗＿∼ˋ")  # noqa: RUF001


def header(text: str) -> Block:
    """Make a heading."""
    return {"type": "header", "text": plain_text(text, limits.HEADER_CHARS)}


def context(*texts: str, limit: int = limits.CONTEXT_CHARS) -> Block:
    """Make a line of small texts."""
    return {"type": "context", "elements": [plain_text(text, limit) for text in texts]}


def section(text: str, accessory: Block | None = None) -> Block:
    """Make a paragraph of text that Slack shows as it is, perhaps with a button or a menu beside it."""
    return _section(plain_text(text, limits.SECTION_CHARS), accessory)


def name_line(bold: str, rest: str = "", accessory: Block | None = None) -> Block:
    """Make a line that begins with bold text."""
    text = f"*{escape_mrkdwn(bold.translate(_LITERAL))}*{escape_mrkdwn(rest.translate(_LITERAL))}"
    return _section({"type": "mrkdwn", "text": text, "verbatim": True}, accessory)


def _section(text: Block, accessory: Block | None) -> Block:
    block: Block = {"type": "section", "text": text}
    return {**block, "accessory": accessory} if accessory else block


def escape_mrkdwn(text: str) -> str:
    """Escape the three characters Slack reads in ``mrkdwn`` (docs.slack.dev, formatting message text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def container(title: str, subtitle: str, children: Sequence[Block], *, is_open: bool) -> Block:
    """Make a frame that each reader opens and closes alone (docs.slack.dev, container block)."""
    frame: Block = {"type": "container", "title": plain_text(title, limits.HEADER_CHARS)}
    if subtitle:
        frame["subtitle"] = plain_text(subtitle, limits.HEADER_CHARS)
    state = {"is_collapsible": True, "default_collapsed": not is_open}
    return {**frame, **state, "width": "full", "child_blocks": list(children)}


def actions(*elements: Block) -> Block:
    """Make a row of buttons and menus."""
    return {"type": "actions", "elements": list(elements)}


def button(action_id: str, label: str, value: str, *, primary: bool = False) -> Block:
    """Make a button."""
    text = plain_text(label, limits.BUTTON_CHARS)
    element: Block = {"type": "button", "action_id": action_id, "text": text, "value": value}
    return {**element, "style": "primary"} if primary else element


def overflow(action_id: str, options: Sequence[tuple[str, str]]) -> Block:
    """Make a menu behind three dots of labels and the values they stand for, at most 5."""
    return {"type": "overflow", "action_id": action_id, "options": options_of(options)}


def options_of(options: Iterable[tuple[str, str]]) -> list[Block]:
    """Make the options of a menu or of checkboxes."""
    return [{"text": plain_text(label, limits.OPTION_CHARS), "value": value} for label, value in options]


def plain_text(text: str, limit: int) -> Block:
    """Make a text object in which nothing is live, not even ``:emoji:``."""
    return {"type": "plain_text", "text": limits.shorten(text, limit), "emoji": False}


def one_line(text: str) -> str:
    """Return a text with each run of white space as one space."""
    return " ".join(tidy(text).split())


def texts_of(value: object, *names: str) -> Iterator[str]:
    """Return every text in blocks that a reader sees, those of buttons too, or what else is named."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in (names or ("text",)) and isinstance(inner, str):
                yield inner
            else:
                yield from texts_of(inner, *names)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_of(inner, *names)


def size_of(blocks: object) -> int:
    """Count what blocks take of a message: their texts and their addresses."""
    return sum(map(limits.count, texts_of(blocks, "text", "url")))


# What buttons are called in Slack's payloads, and what they carry

#: Opens a model's tab: ``model``.
SHOW_TAB: Final = "show_tab"
#: Turns to a ``page`` of the open tab, ``model``.
TURN_PAGE: Final = "turn_page"
#: Shows the answers another way: ``choice`` is a display.
SWITCH_DISPLAY: Final = "switch_display"
#: Asks the question of a letter again; the value is the letter's id.
ASK_AGAIN: Final = "ask_again"
#: Asks one ``model`` again; also a ``choice`` of ``MORE``.
REGENERATE: Final = "regenerate"
#: Opens the dialog for a question to one ``model``; a ``choice`` of ``MORE``.
FOLLOW_UP: Final = "follow_up"
#: Gives the answer of ``model`` to copy; a ``choice`` of ``MORE``.
PLAIN_TEXT: Final = "plain_text"
#: Votes on the answer of ``model``: ``choice`` is ``UP`` or ``DOWN``, which are choices of ``MORE`` too.
VOTE: Final = "vote"
#: The menu of what can be done with the answer of ``model``; ``choice`` names it.
MORE: Final = "more"

#: Opens the dialog in which a model is chosen that compares the answers.
COMPARE: Final = "compare"
#: Opens the dialog of the models that answer in this thread.
MODELS: Final = "models"
#: In that dialog: from now on only the model whose id the value is.
GO_ON: Final = "go_on"
#: Opens the dialog for a question to some models.
ASK: Final = "ask"

UP: Final = "up"
DOWN: Final = "down"

#: The dialogs' ``callback_id``, and where their fields stand in ``state.values``: a question, a model, models
#: (in several groups, whose ``block_id`` has a number behind a colon).
FOLLOW_UP_DIALOG: Final = "follow_up_dialog"
COMPARE_DIALOG: Final = "compare_dialog"
MODELS_DIALOG: Final = "models_dialog"
ASK_DIALOG: Final = "ask_dialog"
MODEL_BLOCK: Final = "model"
MODELS_BLOCK: Final = "models"
MODEL_INPUT: Final = "model"
FOLLOW_UP_BLOCK: Final = "follow_up"
FOLLOW_UP_INPUT: Final = "question"

_NUMBER = "0|[1-9][0-9]{0,3}"
_VALUE = re.compile(rf"([0-9a-f]{{32}})\.({_NUMBER})\.({_NUMBER})\.([a-z_]{{0,20}})")


@dataclass(frozen=True, slots=True)
class ActionValue:
    """What a button, a menu's option or a dialog carries."""

    answer_id: str
    #: A model's place in the answer, and a page of its text; both from 0.
    model: int = 0
    page: int = 0
    #: What was chosen, where the action alone does not say.
    choice: str = ""

    def encode(self) -> str:
        """Return the value as text, short enough for an option of a menu (150 characters)."""
        return f"{self.answer_id}.{self.model}.{self.page}.{self.choice}"

    @classmethod
    def decode(cls, text: object) -> ActionValue | None:
        """Parse what ``encode`` returned; None for anything else."""
        match = _VALUE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            return None
        return cls(match[1], int(match[2]), int(match[3]), match[4])


def action_of(action_id: str) -> str:
    """Return the action's name without what makes its ``action_id`` the only one of its block."""
    return action_id.partition(":")[0]
