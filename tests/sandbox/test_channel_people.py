"""The page as one person sees it: what is theirs alone, and what they press."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from slack_sdk import WebClient

from sandbox.server import RunningSandbox
from sandbox.slack.interactions import Place, press
from sandbox.slack.records import Install
from sandbox.slack.seed import GENERAL_ID, MAYA_ID, TOM_ID
from tests.sandbox.conftest import Receiver

BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "GPT"}, "action_id": "tab"}
BLOCKS = [{"type": "actions", "elements": [BUTTON]}]
FIELD = {
    "type": "input",
    "block_id": "ask",
    "label": {"type": "plain_text", "text": "Your <b>question</b>"},
    "element": {"type": "plain_text_input", "action_id": "q", "multiline": True},
}
MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Ask GPT"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [FIELD],
}


def news(running: RunningSandbox, channel: str = GENERAL_ID, **query: str) -> dict[str, Any]:
    read: dict[str, Any] = requests.get(f"{running.base_url}/channel/api/{channel}", params=query).json()
    return read


def html(running: RunningSandbox, channel: str = GENERAL_ID, **query: str) -> str:
    return "".join(entry["html"] for entry in news(running, channel, **query)["entries"])


def act(running: RunningSandbox, action: str, person: str, **body: Any) -> requests.Response:
    url = f"{running.base_url}/channel/api/{GENERAL_ID}/{action}"
    return requests.post(url, json=body, params={"as": person})


def test_the_page_is_the_persons_who_is_named(running: RunningSandbox) -> None:
    said = act(running, "say", TOM_ID, text="Hi").json()

    message = running.sandbox.world.find_message(GENERAL_ID, said["ts"])
    page = requests.get(f"{running.base_url}/channel/{GENERAL_ID}", params={"as": TOM_ID}).text
    assert message is not None
    assert message["user"] == TOM_ID
    assert f'data-as="{TOM_ID}"' in page
    assert f"as={MAYA_ID}" in page


@pytest.mark.parametrize("person", ["U404", "", "bot"])
def test_nobody_else_can_be_named(running: RunningSandbox, install: Install, person: str) -> None:
    named = install.bot_user_id if person == "bot" else person

    page = requests.get(f"{running.base_url}/channel/{GENERAL_ID}", params={"as": named})

    assert page.status_code == 404


def test_an_ephemeral_message_is_drawn_for_its_person_only(running: RunningSandbox, slack: WebClient) -> None:
    parent = slack.chat_postMessage(channel=GENERAL_ID, text="all")["ts"]
    slack.chat_postEphemeral(channel=GENERAL_ID, user=TOM_ID, text="psst")
    slack.chat_postEphemeral(channel=GENERAL_ID, user=TOM_ID, text="pssst", thread_ts=parent)

    toms, mayas = html(running, **{"as": TOM_ID}), html(running, **{"as": MAYA_ID})
    thread = {
        person: str(news(running, thread=parent, **{"as": person})["replies"]) for person in (TOM_ID, MAYA_ID)
    }

    assert ("psst" in toms, "Only visible to you" in toms) == (True, True)
    assert ("psst" in mayas, "Only visible to you" in mayas) == (False, False)
    assert ("pssst" in thread[TOM_ID], "pssst" in thread[MAYA_ID]) == (True, False)
    assert "1 reply" not in toms


def test_a_press_on_the_page_is_its_persons(
    running: RunningSandbox, slack: WebClient, interactive: Receiver
) -> None:
    ts = slack.chat_postMessage(channel=GENERAL_ID, text="x", blocks=BLOCKS)["ts"]
    interactive.statuses = [200, 500]

    pressed = act(running, "press", TOM_ID, ts=ts, action_id="tab", block_id="b0")
    failed = act(running, "press", TOM_ID, ts=ts, action_id="tab", block_id="b0")
    gone = act(running, "press", TOM_ID, ts=ts, action_id="gone")

    body = interactive.got[0][1].decode()
    assert 'data-action="tab" data-block="b0"' in html(running)
    assert TOM_ID in body
    assert (pressed.status_code, failed.status_code, gone.status_code) == (202, 502, 404)


@pytest.fixture
def view_id(running: RunningSandbox, slack: WebClient, interactive: Receiver) -> str:
    """A modal that Tom has before him."""
    ts = slack.chat_postMessage(channel=GENERAL_ID, text="x", blocks=BLOCKS)["ts"]
    pressed = press(running.sandbox.world, TOM_ID, Place(GENERAL_ID, ts, "tab"))
    return str(slack.views_open(trigger_id=pressed.trigger_id, view=MODAL)["view"]["id"])


def test_a_modal_is_shown_to_who_pressed_and_escaped(running: RunningSandbox, view_id: str) -> None:
    toms, mayas = (news(running, **{"as": person})["modal"] for person in (TOM_ID, MAYA_ID))

    assert f'data-view="{view_id}"' in toms
    assert "Your &lt;b&gt;question&lt;/b&gt;" in toms
    assert mayas == ""


def test_only_who_has_the_modal_sends_it_off(
    running: RunningSandbox, interactive: Receiver, view_id: str
) -> None:
    errors = {"response_action": "errors", "errors": {"ask": "Ask more."}}
    interactive.answer_body = json.dumps(errors).encode()
    refused = act(running, "submit", MAYA_ID, view=view_id, values={"ask": "Why?"})
    shown = act(running, "submit", TOM_ID, view=view_id, values={"ask": "Why?"})
    interactive.answer_body = b""
    sent = act(running, "submit", TOM_ID, view=view_id, values={"ask": "Why?"})

    assert refused.status_code == 404
    assert shown.json() == {"closed": False, "errors": {"ask": "Ask more."}}
    assert sent.json() == {"closed": True, "errors": {}}
    assert news(running, **{"as": TOM_ID})["modal"] == ""


def test_a_modal_can_be_closed(running: RunningSandbox, view_id: str) -> None:
    act(running, "close", TOM_ID, view=view_id)

    assert running.sandbox.world.surfaces.modal_of(TOM_ID) is None


def test_opening_a_dm_tells_the_app_and_shows_what_it_suggests(
    running: RunningSandbox, slack: WebClient, install: Install, receiver: Receiver
) -> None:
    url = f"{running.base_url}/channel/with/{install.bot_user_id}"
    requests.get(url, params={"as": TOM_ID})
    event = json.loads(receiver.wait_for(1)[0][1])["event"]
    slack.assistant_threads_setSuggestedPrompts(
        channel_id=event["channel"], thread_ts="", prompts=[{"title": "A joke", "message": "Tell me one"}]
    )

    offered = html(running, event["channel"])
    running.sandbox.world.ask(TOM_ID, event["channel"], "Tell me one")
    after = html(running, event["channel"])

    assert (event["type"], event["tab"], event["user"]) == ("app_home_opened", "messages", TOM_ID)
    assert 'data-say="Tell me one"' in offered
    assert 'data-say="Tell me one"' not in after


def test_the_home_tab_is_what_the_app_published(
    running: RunningSandbox, slack: WebClient, install: Install, receiver: Receiver
) -> None:
    url = f"{running.base_url}/channel/with/{install.bot_user_id}"
    page = requests.get(url, params={"as": TOM_ID, "tab": "home"})
    event = json.loads(receiver.wait_for(1)[0][1])["event"]
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "*Welcome*"}}
    slack.views_publish(user_id=TOM_ID, view={"type": "home", "blocks": [section]})

    assert event["tab"] == "home"
    assert "has put nothing here yet" in page.text
    assert "<strong>Welcome</strong>" in html(running, event["channel"], tab="home", **{"as": TOM_ID})


def test_a_shared_file_is_named(running: RunningSandbox) -> None:
    running.sandbox.world.ask(MAYA_ID, GENERAL_ID, "Look", files=("notes <1>.pdf",))

    assert "notes &lt;1&gt;.pdf" in html(running)
