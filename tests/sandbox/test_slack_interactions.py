from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from sandbox.slack.interactions import press
from sandbox.slack.seed import GENERAL_ID, MAYA_ID, SECTORFLOW_APP_ID, SECTORFLOW_SIGNING_SECRET
from sandbox.state import Sandbox
from tests.sandbox.conftest import Receiver

BLOCKS = [
    {
        "type": "actions",
        "block_id": "tabs",
        "elements": [
            {
                "type": "button",
                "text": {"type": "plain_text", "text": "GPT"},
                "action_id": "a",
                "value": "v",
            }
        ],
    }
]


def test_a_pressed_button_reaches_the_app_signed(
    slack: WebClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    sandbox.world.apps[SECTORFLOW_APP_ID].interactivity_url = receiver.url
    ts = slack.chat_postMessage(channel=GENERAL_ID, text="x", blocks=BLOCKS)["ts"]

    status = press(sandbox.world, MAYA_ID, GENERAL_ID, ts, action_id="a")

    headers, body = receiver.got[0]
    payload = json.loads(parse_qs(body.decode())["payload"][0])
    assert status == 200
    assert SignatureVerifier(SECTORFLOW_SIGNING_SECRET).is_valid_request(body, headers)
    assert (payload["actions"][0]["value"], payload["actions"][0]["block_id"]) == ("v", "tabs")
    assert payload["container"]["message_ts"] == ts


def test_a_button_that_is_not_there_cannot_be_pressed(slack: WebClient, sandbox: Sandbox) -> None:
    ts = slack.chat_postMessage(channel=GENERAL_ID, text="x", blocks=BLOCKS)["ts"]

    with pytest.raises(LookupError):
        press(sandbox.world, MAYA_ID, GENERAL_ID, ts, action_id="b")
