"""What buttons are called in Slack's payloads, and what they carry.

A payload comes from outside: what a button carries only names an answer, and who reads it checks whether
the answer is there and belongs to the app, team and channel (docs.slack.dev, ``block_actions`` payload).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

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

UP: Final = "up"
DOWN: Final = "down"

#: The dialog's ``callback_id``, and where the question stands in its ``state.values``.
FOLLOW_UP_DIALOG: Final = "follow_up_dialog"
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
    """Return the action's name, without the suffix that makes its ``action_id`` unique in its block."""
    return action_id.partition(":")[0]
