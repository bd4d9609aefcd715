"""Payloads of block actions and view submissions, as Slack sends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sectorflow_slack.domain.questions import Message, ModelAnswer, Reply
from sectorflow_slack.formatting import block_kit
from sectorflow_slack.formatting.block_kit import (
    FOLLOW_UP_BLOCK,
    FOLLOW_UP_DIALOG,
    FOLLOW_UP_INPUT,
    ActionValue,
)
from tests.services.steps import FIRST_TS
from tests.values import MODEL_IDS, OWN_APP, TEAM_ID, make_block_action, make_question

#: As ``make_question`` makes it.
ANSWER_ID = make_question().id
THREAD_TS = "1.000100"
TRIGGER_ID = "1337.4711.permission"


def block_action(
    action: str, model: int = 0, page: int = 0, choice: str = "", answer_id: str = ANSWER_ID, **changes: Any
) -> dict[str, Any]:
    """Ann pressed a button of an answer."""
    value = ActionValue(answer_id, model, page, choice).encode()
    element: dict[str, Any] = {"type": "button", "action_id": f"{action}:{model}", "value": value}
    if action in {block_kit.REGENERATE, block_kit.PLAIN_TEXT} and choice:
        element = {"type": "overflow", "action_id": block_kit.MORE, "selected_option": {"value": value}}
    place = {"message_ts": FIRST_TS, "channel_id": "C0GENERAL", "thread_ts": THREAD_TS}
    container = {"type": "message", **place}
    whole = {"actions": [element], "container": container, "trigger_id": TRIGGER_ID, **changes}
    return make_block_action("", **whole)


def from_menu(action: str, model: int = 0, **changes: Any) -> dict[str, Any]:
    """Ann chose an entry of a model's menu."""
    return block_action(action, model, choice=action, **changes)


def by(user_id: str, team_id: str = TEAM_ID) -> dict[str, Any]:
    """Another user than Ann pressed it; a change of a payload."""
    return {"user": {"id": user_id, "team_id": team_id}}


def view_submission(text: str | None = "And a longer one?", model: int = 0, **changes: Any) -> dict[str, Any]:
    """Ann sent the dialog of a follow-up."""
    field = {"type": "plain_text_input", "value": text}
    view = {
        "id": "V0DIALOG",
        "type": "modal",
        "callback_id": FOLLOW_UP_DIALOG,
        "private_metadata": ActionValue(ANSWER_ID, model).encode(),
        "state": {"values": {FOLLOW_UP_BLOCK: {FOLLOW_UP_INPUT: field}}},
    }
    payload = {
        "type": "view_submission",
        "api_app_id": OWN_APP.app_id,
        "team": {"id": TEAM_ID, "domain": "acme"},
        "enterprise": None,
        "is_enterprise_install": False,
        "user": {"id": "U0ANN", "team_id": TEAM_ID},
        "view": {**view, **changes.pop("view", {})},
    }
    return {**payload, **changes}


TABS = block_action(block_kit.SWITCH_DISPLAY, choice="tabs")
FOLDED = block_action(block_kit.SWITCH_DISPLAY, choice="folded")
SEPARATED = block_action(block_kit.SWITCH_DISPLAY, choice="separated")

#: One payload of every button, and one of a dialog.
EVERYTHING: dict[str, Callable[..., dict[str, Any]]] = {
    "tab": lambda **changes: block_action(block_kit.SHOW_TAB, 1, **changes),
    "page": lambda **changes: block_action(block_kit.TURN_PAGE, 0, 1, **changes),
    "display": lambda **changes: block_action(block_kit.SWITCH_DISPLAY, choice="tabs", **changes),
    "vote": lambda **changes: block_action(block_kit.VOTE, 0, choice=block_kit.UP, **changes),
    "regenerate": lambda **changes: from_menu(block_kit.REGENERATE, 1, **changes),
    "try again": lambda **changes: block_action(block_kit.REGENERATE, 1, **changes),
    "plain text": lambda **changes: from_menu(block_kit.PLAIN_TEXT, 1, **changes),
    "follow up": lambda **changes: block_action(block_kit.FOLLOW_UP, 1, **changes),
    "dialog": lambda **changes: view_submission(model=1, **changes),
}
#: A dialog belongs to no message and to no channel.
BLOCK_ACTIONS = [name for name in EVERYTHING if name != "dialog"]


def long_reply(chars: int = 20_000) -> Reply:
    """A reply with several messages for each model.

    Its paragraphs are long, because the time to write an answer grows with their number.
    """
    paragraph = "A line of some words that go on and on. " * 10
    text = f"{paragraph.strip()}\n\n" * (chars // len(paragraph))
    return Reply(tuple(ModelAnswer(each, f"Model {each[0]}", text=text) for each in MODEL_IDS), "thread-1")


def reply_of(model_id: str, text: str, *, failed: bool = False) -> Reply:
    """A reply of one model that is asked again or asked more."""
    return Reply((ModelAnswer(model_id, "Model 2", text=text, failed=failed),), "thread-1")


def everything_in(message: Message) -> str:
    """All of a message's blocks, as one text to search."""
    return str(message.blocks)
