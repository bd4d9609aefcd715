"""Dialogs: what ``views.open`` takes (docs.slack.dev, modal views)."""

from __future__ import annotations

from . import limits
from .actions import FOLLOW_UP_BLOCK, FOLLOW_UP_DIALOG, FOLLOW_UP_INPUT, ActionValue
from .blocks import Block, one_line, plain_text
from .words import ENGLISH, Words


def follow_up_dialog(answer_id: str, model: int, name: str, words: Words = ENGLISH) -> Block:
    """Ask for a question to one model, whose place in the answer and name these are."""
    shown = limits.shorten(one_line(name) or words.nameless_model, limits.NAME_CHARS)
    field: Block = {
        "type": "plain_text_input",
        "action_id": FOLLOW_UP_INPUT,
        "multiline": True,
        "max_length": limits.INPUT_CHARS,
        "focus_on_load": True,
        "placeholder": plain_text(words.follow_up_hint, limits.HEADER_CHARS),
    }
    label = plain_text(words.follow_up_label.format(name=shown), limits.HEADER_CHARS)
    return {
        "type": "modal",
        "callback_id": FOLLOW_UP_DIALOG,
        "private_metadata": ActionValue(answer_id, model).encode(),
        "title": plain_text(words.follow_up_title, limits.DIALOG_TITLE_CHARS),
        "submit": plain_text(words.send, limits.DIALOG_TITLE_CHARS),
        "close": plain_text(words.cancel, limits.DIALOG_TITLE_CHARS),
        "blocks": [{"type": "input", "block_id": FOLLOW_UP_BLOCK, "label": label, "element": field}],
    }
