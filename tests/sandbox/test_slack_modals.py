"""Modals: what views.open takes, for how long a trigger works, and what becomes of a submission."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox.server import RunningSandbox
from sandbox.slack.interactions import Place, press
from sandbox.slack.modals import check_modal
from sandbox.slack.records import Install
from sandbox.slack.seed import CUSTOMER_APP_ID, GENERAL_ID, MAYA_ID, TEAM_ID
from sandbox.slack.submitting import submit
from sandbox.state import Sandbox
from tests.sandbox.conftest import Receiver


def plain(length: int) -> dict[str, str]:
    return {"type": "plain_text", "text": "x" * length}


def asking(**fields: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "question", **fields}
    return {"type": "input", "block_id": "ask", "label": plain(5), "element": element}


def modal(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    view = {"type": "modal", "title": plain(5), "submit": plain(4), "blocks": list(blocks) or [asking()]}
    return {**view, **fields}


DIVIDER = {"type": "divider"}
TAKEN = {
    "title": modal(title=plain(24)),
    "blocks": modal(*[DIVIDER] * 100),
    "private_metadata": modal(private_metadata="x" * 3_000),
    "callback_id": modal(callback_id="x" * 255),
    "input": modal(asking(multiline=True, max_length=3_000, min_length=1, placeholder=plain(150))),
    "no submit without inputs": {"type": "modal", "title": plain(1), "blocks": [DIVIDER]},
}
REFUSED = {
    "title": modal(title=plain(25)),
    "mrkdwn title": modal(title={"type": "mrkdwn", "text": "x"}),
    "submit": modal(submit=plain(25)),
    "blocks": modal(*[DIVIDER] * 101),
    "private_metadata": modal(private_metadata="x" * 3_001),
    "callback_id": modal(callback_id="x" * 256),
    "max_length": modal(asking(max_length=3_001)),
    "lengths that contradict": modal(asking(max_length=3, min_length=4)),
    "placeholder": modal(asking(placeholder=plain(151))),
    "markdown": modal({"type": "markdown", "text": "x"}),
    "container": modal({"type": "container", "title": plain(1), "child_blocks": [DIVIDER]}),
    "table": modal({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}),
    "context_actions": modal({"type": "context_actions", "elements": []}),
    "block_id twice": modal(asking(), asking()),
    "inputs without submit": {"type": "modal", "title": plain(1), "blocks": [asking()]},
    "home": {"type": "home", "blocks": [DIVIDER]},
    "no view": "x",
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_modal_is_taken_at_its_limits(name: str) -> None:
    assert check_modal(TAKEN[name]) == []


@pytest.mark.parametrize("name", REFUSED)
def test_a_modal_is_refused_past_them(name: str) -> None:
    assert check_modal(REFUSED[name]) != []


@pytest.fixture
def trigger(slack: WebClient, sandbox: Sandbox, interactive: Receiver) -> str:
    """Maya's press of a button."""
    button = {"type": "button", "text": plain(1), "action_id": "a"}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = slack.chat_postMessage(channel=GENERAL_ID, text="x", blocks=blocks)["ts"]
    return press(sandbox.world, MAYA_ID, Place(GENERAL_ID, ts, "a")).trigger_id


def error_of(slack: WebClient, trigger: str, view: dict[str, Any]) -> str:
    with pytest.raises(SlackApiError) as raised:
        slack.views_open(trigger_id=trigger, view=view)
    return str(raised.value.response["error"])


def test_a_press_opens_one_modal(slack: WebClient, sandbox: Sandbox, trigger: str, install: Install) -> None:
    view = slack.views_open(trigger_id=trigger, view=modal(private_metadata="secret"))["view"]

    again = error_of(slack, trigger, modal())

    shown = sandbox.world.surfaces.modal_of(MAYA_ID)
    assert shown is not None
    assert shown.view["id"] == view["id"]
    assert (view["private_metadata"], view["state"]) == ("secret", {"values": {}})
    assert (view["app_installed_team_id"], view["bot_id"]) == (TEAM_ID, install.bot_id)
    assert again == "exchanged_trigger_id"


def test_a_trigger_works_for_three_seconds_and_for_its_own_app(
    running: RunningSandbox, slack: WebClient, sandbox: Sandbox, trigger: str
) -> None:
    other = sandbox.world.installs.install(CUSTOMER_APP_ID, TEAM_ID)
    theirs = WebClient(other.bot_token, base_url=f"{running.base_url}/api/")
    unknown, foreign = error_of(slack, "1.2.x", modal()), error_of(theirs, trigger, modal())
    now = sandbox.world.clock
    sandbox.world.clock = lambda: now() + 3.0

    late = error_of(slack, trigger, modal())

    assert (unknown, foreign, late) == ("invalid_trigger_id", "invalid_trigger_id", "expired_trigger_id")


def test_a_faulty_view_is_named_and_leaves_the_trigger(slack: WebClient, trigger: str) -> None:
    with pytest.raises(SlackApiError) as raised:
        slack.views_open(trigger_id=trigger, view=modal(title=plain(25)))
    opened = slack.views_open(trigger_id=trigger, view=modal())

    response = raised.value.response
    assert response["error"] == "invalid_arguments"
    assert "[json-pointer:/view/title/text]" in response["response_metadata"]["messages"][0]
    assert opened["ok"]


@pytest.fixture
def view_id(slack: WebClient, trigger: str, interactive: Receiver) -> str:
    interactive.got.clear()
    view = modal(asking(max_length=10), callback_id="follow_up", private_metadata="m")
    return str(slack.views_open(trigger_id=trigger, view=view)["view"]["id"])


def test_a_submission_reaches_the_app_and_an_empty_answer_closes(
    sandbox: Sandbox, interactive: Receiver, view_id: str
) -> None:
    done = submit(sandbox.world, view_id, {"ask": "Why?"})

    sent = json.loads(parse_qs(interactive.got[0][1].decode())["payload"][0])
    assert (done.status, done.is_closed) == (200, True)
    assert sent["type"] == "view_submission"
    assert sent["view"]["state"]["values"]["ask"]["question"] == {"type": "plain_text_input", "value": "Why?"}
    assert (sent["view"]["callback_id"], sent["view"]["private_metadata"]) == ("follow_up", "m")
    assert sent["user"]["id"] == MAYA_ID
    assert sandbox.world.surfaces.modal_of(MAYA_ID) is None


def test_errors_of_the_app_are_shown_and_leave_the_modal_open(
    sandbox: Sandbox, interactive: Receiver, view_id: str
) -> None:
    interactive.answer_body = json.dumps(
        {"response_action": "errors", "errors": {"ask": "Ask more."}}
    ).encode()

    done = submit(sandbox.world, view_id, {"ask": "Why?"})

    shown = sandbox.world.surfaces.modal_of(MAYA_ID)
    assert (done.is_closed, done.errors) == (False, {"ask": "Ask more."})
    assert shown is not None
    assert shown.errors == {"ask": "Ask more."}


@pytest.mark.parametrize(("status", "body"), [(500, b""), (200, b"not json"), (200, b'{"ok": true}')])
def test_any_other_answer_leaves_the_modal_open(
    sandbox: Sandbox, interactive: Receiver, view_id: str, status: int, body: bytes
) -> None:
    interactive.statuses, interactive.answer_body = [status], body

    done = submit(sandbox.world, view_id, {"ask": "Why?"})

    assert (done.status, done.is_closed) == (status, False)


@pytest.mark.parametrize("text", ["", "  ", "x" * 11])
def test_slacks_client_sends_no_input_that_breaks_its_rules(
    sandbox: Sandbox, interactive: Receiver, view_id: str, text: str
) -> None:
    done = submit(sandbox.world, view_id, {"ask": text})

    assert (done.status, list(done.errors)) == (None, ["ask"])
    assert interactive.got == []


def test_another_process_sees_the_modal_and_sends_it_off(
    running: RunningSandbox, interactive: Receiver, view_id: str
) -> None:
    control = f"{running.base_url}/_control"
    open_ = requests.get(f"{control}/modals").json()["modals"]

    wrong = requests.post(f"{control}/submit", json={"view_id": view_id, "values": {"other": "x"}})
    done = requests.post(f"{control}/submit", json={"view_id": view_id, "values": {"ask": "Why?"}}).json()
    gone = requests.post(f"{control}/submit", json={"view_id": view_id, "values": {}})

    assert [(each["user_id"], each["view"]["id"]) for each in open_] == [(MAYA_ID, view_id)]
    assert done == {"status": 200, "is_closed": True, "errors": {}}
    assert (wrong.status_code, gone.status_code) == (400, 400)
