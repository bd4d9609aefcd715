"""The channel page in a real browser."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from flask import Flask
from playwright.sync_api import Page, expect, sync_playwright
from slack_sdk import WebClient
from werkzeug.serving import make_server

from sandbox.channel.page import channel_blueprint
from sandbox.server import RunningSandbox
from sandbox.slack.records import Install
from sandbox.slack.seed import GENERAL_ID, SECTORFLOW_APP_ID, TEAM_ID, TOM_ID, seed
from sandbox.slack.world import World
from tests.sandbox.conftest import Receiver

CHROMIUM = "/usr/bin/chromium"
FIELD = {
    "type": "input",
    "block_id": "ask",
    "label": {"type": "plain_text", "text": "Your question"},
    "element": {"type": "plain_text_input", "action_id": "q", "multiline": True},
}
MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Ask GPT"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [FIELD],
}


@pytest.fixture
def world() -> World:
    return seed(World(), "http://localhost:1/slack/events")


@pytest.fixture
def address(world: World) -> Iterator[str]:
    """The page, served on loopback."""
    sandbox = Flask("sandbox-page")
    sandbox.register_blueprint(channel_blueprint(world, patience=0.5))
    server = make_server("127.0.0.1", 0, sandbox, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browser_page() -> Iterator[Page]:
    if not Path(CHROMIUM).exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not there")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page()
        browser.close()


@dataclass
class Watched:
    """A page, and what its console said."""

    page: Page
    faults: list[str]


@pytest.fixture
def watched(browser_page: Page) -> Watched:
    faults: list[str] = []
    browser_page.on("console", lambda line: faults.append(line.text))
    browser_page.on("pageerror", lambda error: faults.append(str(error)))
    return Watched(browser_page, faults)


def tabs(shown: int) -> list[dict[str, Any]]:
    """The answer of one model of two, with a button for each."""
    names = ("GPT", "Claude")
    buttons = [
        {
            "type": "button",
            "action_id": f"tab:{at}",
            "text": {"type": "plain_text", "text": name},
            "value": str(at),
            **({"style": "primary"} if at == shown else {}),
        }
        for at, name in enumerate(names)
    ]
    options = [{"text": {"type": "plain_text", "text": "Ask again"}, "value": "again"}]
    menu = {"type": "overflow", "action_id": "more", "options": options}
    return [
        {"type": "actions", "block_id": "tabs", "elements": [*buttons, menu]},
        {"type": "markdown", "text": f"This is **{names[shown]}** speaking."},
    ]


def pressed(receiver: Receiver, count: int) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(parse_qs(receiver.wait_for(count)[-1][1].decode())["payload"][0])
    return read


@pytest.mark.browser
def test_a_click_on_a_tab_changes_the_message_in_place(
    running: RunningSandbox, slack: WebClient, interactive: Receiver, watched: Watched
) -> None:
    page = watched.page
    ts = slack.chat_postMessage(channel=GENERAL_ID, text="x", blocks=tabs(0))["ts"]
    page.goto(f"{running.base_url}/channel/{GENERAL_ID}?as={TOM_ID}")
    expect(page.locator("#entries strong")).to_have_text("GPT")

    page.get_by_role("button", name="Claude").click()
    payload = pressed(interactive, 1)
    slack.chat_update(channel=GENERAL_ID, ts=ts, text="x", blocks=tabs(1))

    expect(page.locator("#entries strong")).to_have_text("Claude")
    expect(page.get_by_role("button", name="Claude")).to_be_focused()
    assert page.locator("#entries article").count() == 1
    assert (payload["user"]["id"], payload["actions"][0]["value"]) == (TOM_ID, "1")
    assert watched.faults == []


@pytest.mark.browser
def test_a_menu_opens_a_modal_that_is_sent_off(
    running: RunningSandbox, slack: WebClient, interactive: Receiver, watched: Watched
) -> None:
    page = watched.page
    page.set_viewport_size({"width": 390, "height": 800})
    slack.chat_postMessage(channel=GENERAL_ID, text="x", blocks=tabs(0))
    page.goto(f"{running.base_url}/channel/{GENERAL_ID}?as={TOM_ID}")
    page.get_by_label("More actions").click()
    page.get_by_role("menuitem", name="Ask again").click()
    payload = pressed(interactive, 1)

    slack.views_open(trigger_id=payload["trigger_id"], view=MODAL)
    page.get_by_label("Your question").fill("Why?")
    errors = {"response_action": "errors", "errors": {"ask": "Ask more."}}
    interactive.answer_body = json.dumps(errors).encode()
    page.get_by_role("button", name="Send", exact=True).last.click()
    expect(page.get_by_text("Ask more.")).to_be_visible()
    interactive.answer_body = b""
    page.get_by_role("button", name="Send", exact=True).last.click()

    expect(page.locator("#modal")).to_be_hidden()
    values = pressed(interactive, 3)["view"]["state"]["values"]
    assert payload["actions"][0]["selected_option"]["value"] == "again"
    assert values["ask"]["q"]["value"] == "Why?"
    assert watched.faults == []


@pytest.mark.browser
def test_a_suggested_prompt_asks_with_one_click(
    running: RunningSandbox, slack: WebClient, install: Install, watched: Watched
) -> None:
    page = watched.page
    page.goto(f"{running.base_url}/channel/with/{install.bot_user_id}?as={TOM_ID}")
    channel = running.sandbox.world.open_dm(TOM_ID, install.bot_user_id).id
    prompt = {"title": "A joke", "message": "Tell me a joke"}
    slack.assistant_threads_setSuggestedPrompts(channel_id=channel, thread_ts="", prompts=[prompt])

    page.get_by_role("button", name="A joke").click()

    expect(page.locator("#entries article")).to_contain_text("Tell me a joke")
    expect(page.get_by_role("button", name="A joke")).to_be_hidden()
    assert [each["user"] for each in running.sandbox.world.messages(channel)] == [TOM_ID]
    assert watched.faults == []


@pytest.mark.browser
def test_a_person_asks_in_the_page_and_reads_the_answer_in_the_thread(
    world: World, address: str, watched: Watched
) -> None:
    install, browser_page = world.installs.install(SECTORFLOW_APP_ID, TEAM_ID), watched.page
    browser_page.goto(address)

    browser_page.locator("#say").press_sequentially("@Sec")
    browser_page.keyboard.press("Enter")
    browser_page.keyboard.type("Tell me a joke")
    browser_page.keyboard.press("Enter")
    question = browser_page.locator("#entries article", has_text="@SectorFlow Tell me a joke")
    expect(question).to_be_visible()
    question.get_by_role("button", name="Invite them").click()
    expect(browser_page.get_by_text("was added by")).to_be_visible()
    bot = {"user": install.bot_user_id, "bot_id": install.bot_id}
    block = {"type": "markdown", "text": "A **joke**."}
    ts = world.messages(GENERAL_ID)[0]["ts"]
    world.post_message(GENERAL_ID, text="A joke.", blocks=[block], thread_ts=ts, **bot)
    question.get_by_role("link", name="1 reply").click()

    expect(browser_page.locator("#replies strong")).to_have_text("joke")
    expect(browser_page.locator("#reply")).to_be_focused()
    browser_page.keyboard.press("Escape")
    expect(browser_page.locator("#thread")).to_be_hidden()
    assert watched.faults == []
