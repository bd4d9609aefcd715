"""The channel page in a real browser."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect, sync_playwright
from werkzeug.serving import make_server

from sandbox.channel.page import channel_blueprint
from sandbox.slack.records import Install
from sandbox.slack.seed import GENERAL_ID, SECTORFLOW_APP_ID, TEAM_ID, seed
from sandbox.slack.world import World

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture
def world() -> World:
    return seed(World(), "http://localhost:1/slack/events")


@pytest.fixture
def install(world: World) -> Install:
    return world.installs.install(SECTORFLOW_APP_ID, TEAM_ID)


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


@pytest.mark.browser
def test_a_person_asks_in_the_page_and_reads_the_answer_in_the_thread(
    world: World, install: Install, address: str, browser_page: Page
) -> None:
    faults: list[str] = []
    browser_page.on("console", lambda line: faults.append(line.text))
    browser_page.on("pageerror", lambda error: faults.append(str(error)))
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
    assert faults == []
