"""The channel page in a real browser."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from sandbox.slack.seed import GENERAL_ID, TOM_ID
from tests.sandbox import helpers
from tests.sandbox.helpers import Json, actions, button, container, markdown, modal, option

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture
def page(box) -> Iterator[Page]:
    """A page whose console must stay empty."""
    if not Path(CHROMIUM).exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not there")
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=box.url)
        page.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        page.on("console", lambda line: faults.append(line.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield page
        browser.close()
    assert faults == []


def tabs(shown: str) -> list[Json]:
    """Return the answer of one model of two, with a button for each."""
    buttons = [button(name, action_id=f"tab:{name}", value=name) for name in ("GPT", "Claude")]
    return [actions(*buttons, helpers.overflow(option("again"))), markdown(f"This is **{shown}** speaking.")]


def test_a_click_on_a_tab_changes_the_message_in_place(box, page):
    ts = box.post(blocks=tabs("GPT"))
    page.goto(f"/channel/{GENERAL_ID}?as={TOM_ID}")
    expect(page.locator("#entries strong")).to_have_text("GPT")

    page.get_by_role("button", name="Claude").click()
    box.service.wait_for(1)
    box.slack.chat_update(channel=GENERAL_ID, ts=ts, text="x", blocks=tabs("Claude"))

    expect(page.locator("#entries strong")).to_have_text("Claude")
    expect(page.get_by_role("button", name="Claude")).to_be_focused()
    assert page.locator("#entries article").count() == 1
    pressed = box.service.payload()
    assert (pressed["user"]["id"], pressed["actions"][0]["value"]) == (TOM_ID, "Claude")


def test_a_menu_opens_a_modal_that_is_submitted(box, page):
    page.set_viewport_size({"width": 390, "height": 800})
    box.post(blocks=tabs("GPT"))
    page.goto(f"/channel/{GENERAL_ID}?as={TOM_ID}")
    page.get_by_label("More actions").click()
    page.get_by_role("menuitem", name="Again").click()
    box.service.wait_for(1)

    box.slack.views_open(trigger_id=box.service.payload()["trigger_id"], view=modal())
    page.get_by_label("Your <b>question</b>").fill("Why?")
    box.service.body = json.dumps({"response_action": "errors", "errors": {"ask": "Ask more."}}).encode()
    page.get_by_role("button", name="Send", exact=True).last.click()
    expect(page.get_by_text("Ask more.")).to_be_visible()
    box.service.body = b""
    page.get_by_role("button", name="Send", exact=True).last.click()

    expect(page.locator("#modal")).to_be_hidden()
    assert box.service.payload(0)["actions"][0]["selected_option"]["value"] == "again"
    assert box.service.payload()["view"]["state"]["values"]["ask"]["question"]["value"] == "Why?"


def test_a_container_is_unfolded_and_an_agent_stopped(box, page):
    ts = box.mention()["ts"]
    child = helpers.rich_text(helpers.section_of(helpers.words("Behind the fold")))
    box.post(thread_ts=ts, blocks=[container(child, is_collapsible=True, default_collapsed=True)])
    box.slack.agents_sessions_setStatus(channel_id=GENERAL_ID, thread_ts=ts, status="processing")
    page.goto(f"/channel/{GENERAL_ID}?as={TOM_ID}&thread={ts}")
    expect(page.get_by_text("Behind the fold")).to_be_hidden()

    page.get_by_role("button", name="Stop").click()
    stopped = box.service.events(2)[1]["event"]
    box.slack.agents_sessions_setStatus(channel_id=GENERAL_ID, thread_ts=ts, status="active")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    page.get_by_text("GPT").click()

    expect(page.get_by_text("Behind the fold")).to_be_visible()
    assert (stopped["type"], stopped["user"], stopped["thread_ts"]) == ("agent_session_stopped", TOM_ID, ts)


def test_a_user_asks_on_the_page_and_reads_the_answer_in_the_thread(box, page):
    box.world.remove(box.install.app_id, GENERAL_ID)
    page.goto("/")

    page.locator("#say").press_sequentially("@Sec")
    page.keyboard.press("Enter")
    page.keyboard.type("Tell me a joke")
    page.keyboard.press("Enter")
    question = page.locator("#entries article", has_text="@SectorFlow Tell me a joke")
    question.get_by_role("button", name="Invite them").click()
    expect(page.get_by_text("was added by")).to_be_visible()
    ts = box.world.messages(GENERAL_ID)[0]["ts"]
    box.post(thread_ts=ts, blocks=[markdown("A **joke**.")])
    question.get_by_role("link", name="1 reply").click()

    expect(page.locator("#replies strong")).to_have_text("joke")
    expect(page.locator("#reply")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#thread")).to_be_hidden()
