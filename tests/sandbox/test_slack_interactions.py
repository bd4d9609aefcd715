"""What people press, as Slack sends it to the app."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from sandbox.server import RunningSandbox
from sandbox.slack.interactions import Place, press
from sandbox.slack.seed import GENERAL_ID, MAYA_ID, SECTORFLOW_SIGNING_SECRET, TEAM_ID, TOM_ID
from sandbox.state import Sandbox
from tests.sandbox.conftest import Receiver


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def option(value: str) -> dict[str, Any]:
    return {"text": plain(value.title()), "value": value}


BUTTON = {"type": "button", "text": plain("GPT"), "action_id": "tab", "value": "v"}
OVERFLOW = {"type": "overflow", "action_id": "more", "options": [option("copy"), option("again")]}
SELECT = {"type": "static_select", "action_id": "pick", "options": [option("one"), option("two")]}
FEEDBACK = {
    "type": "feedback_buttons",
    "action_id": "vote",
    "positive_button": {"text": plain("Good"), "value": "up"},
    "negative_button": {"text": plain("Bad"), "value": "down"},
}
BLOCKS = [
    {"type": "actions", "block_id": "first", "elements": [BUTTON, OVERFLOW, SELECT]},
    {"type": "actions", "block_id": "second", "elements": [BUTTON]},
    {"type": "context_actions", "elements": [FEEDBACK]},
]


def payload(receiver: Receiver, at: int = -1) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(parse_qs(receiver.got[at][1].decode())["payload"][0])
    return read


@pytest.fixture
def ts(slack: WebClient, interactive: Receiver) -> str:
    return str(slack.chat_postMessage(channel=GENERAL_ID, text="x", blocks=BLOCKS)["ts"])


def test_a_pressed_button_reaches_the_app_signed(sandbox: Sandbox, interactive: Receiver, ts: str) -> None:
    pressed = press(sandbox.world, MAYA_ID, Place(GENERAL_ID, ts, "tab", "second"))

    headers, body = interactive.got[0]
    sent = payload(interactive)
    assert pressed.status == 200
    assert SignatureVerifier(SECTORFLOW_SIGNING_SECRET).is_valid_request(body, headers)
    assert (sent["actions"][0]["value"], sent["actions"][0]["block_id"]) == ("v", "second")
    assert sent["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": GENERAL_ID,
        "is_ephemeral": False,
    }
    assert (sent["team"]["id"], sent["user"]["id"], sent["enterprise"]) == (TEAM_ID, MAYA_ID, None)
    assert sent["trigger_id"] == pressed.trigger_id
    assert sent["message"]["text"] == "x"


def test_an_option_that_is_chosen_is_in_the_action(sandbox: Sandbox, interactive: Receiver, ts: str) -> None:
    press(sandbox.world, MAYA_ID, Place(GENERAL_ID, ts, "more", value="again"))
    press(sandbox.world, MAYA_ID, Place(GENERAL_ID, ts, "pick", value="two"))

    chosen = [payload(interactive, at)["actions"][0]["selected_option"] for at in (0, 1)]
    assert chosen == [option("again"), option("two")]


def test_a_thumb_carries_its_own_value(sandbox: Sandbox, interactive: Receiver, ts: str) -> None:
    press(sandbox.world, TOM_ID, Place(GENERAL_ID, ts, "vote", value="down"))

    action = payload(interactive)["actions"][0]
    assert (action["type"], action["value"]) == ("feedback_buttons", "down")
    # Slack gives blocks that came without an id one of its own.
    assert action["block_id"] == payload(interactive)["message"]["blocks"][2]["block_id"] != ""


@pytest.mark.parametrize(
    "place",
    [
        {"action_id": "gone"},
        {"action_id": "tab"},
        {"action_id": "tab", "block_id": "third"},
        {"action_id": "more"},
        {"action_id": "more", "value": "gone"},
        {"action_id": "vote", "value": "sideways"},
    ],
)
def test_what_is_not_there_or_not_clear_cannot_be_pressed(
    sandbox: Sandbox, interactive: Receiver, ts: str, place: dict[str, str]
) -> None:
    with pytest.raises(LookupError):
        press(sandbox.world, MAYA_ID, Place(GENERAL_ID, ts, **place))

    assert interactive.got == []


def test_an_ephemeral_message_is_pressed_by_its_person_only_and_not_given_whole(
    slack: WebClient, sandbox: Sandbox, interactive: Receiver
) -> None:
    hidden = slack.chat_postEphemeral(channel=GENERAL_ID, user=MAYA_ID, text="x", blocks=BLOCKS)["message_ts"]
    place = Place(GENERAL_ID, hidden, "vote", value="up")

    press(sandbox.world, MAYA_ID, place)
    with pytest.raises(LookupError):
        press(sandbox.world, TOM_ID, place)

    assert payload(interactive)["container"]["is_ephemeral"] is True
    assert "message" not in payload(interactive)
    assert len(interactive.got) == 1


def test_a_person_outside_the_channel_presses_nothing(
    sandbox: Sandbox, interactive: Receiver, ts: str
) -> None:
    sandbox.world.channels[GENERAL_ID].members.discard(TOM_ID)

    with pytest.raises(LookupError):
        press(sandbox.world, TOM_ID, Place(GENERAL_ID, ts, "vote", value="up"))


def test_another_process_presses_and_learns_the_trigger(
    running: RunningSandbox, interactive: Receiver, ts: str
) -> None:
    body = {"user": MAYA_ID, "channel": GENERAL_ID, "ts": ts, "action_id": "more", "value": "copy"}
    interactive.statuses = [503]

    failed = requests.post(f"{running.base_url}/_control/press", json=body).json()
    done = requests.post(f"{running.base_url}/_control/press", json=body).json()
    wrong = requests.post(f"{running.base_url}/_control/press", json={**body, "value": "gone"})

    assert (failed["status"], done["status"], wrong.status_code) == (503, 200, 400)
    assert done["trigger_id"] == payload(interactive)["trigger_id"]


def test_an_app_that_is_away_gives_a_press_no_status(
    sandbox: Sandbox, slack: WebClient, interactive: Receiver, ts: str
) -> None:
    next(iter(sandbox.world.apps.values())).interactivity_url = "http://127.0.0.1:1/"

    assert press(sandbox.world, MAYA_ID, Place(GENERAL_ID, ts, "vote", value="up")).status is None
