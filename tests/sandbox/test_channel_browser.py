"""The channel page in a real browser."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.sectorflow.models import GPT, TOKEN
from sandbox.slack.seed import AIKO_ID, GENERAL_ID, RANDOM_ID, TEAM_ID, TOM_ID
from sectorflow_slack.formatting.displays import render
from tests.accessibility import violations
from tests.chromium import running_chromium
from tests.formatting.drawing import make_answer, model
from tests.sandbox import helpers
from tests.sandbox.helpers import Json, actions, block, button, container, markdown, modal, option, plain
from tests.waiting import until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as running:
        yield running


@pytest.fixture
def page(box, browser) -> Iterator[Page]:
    """A page whose console must stay empty, and that asks no other host; it shares no storage with others."""
    faults: list[str] = []
    context = browser.new_context(base_url=box.url)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.on("console", lambda line: faults.append(line.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(box.url) else faults.append(asked.url))
    yield page
    context.close()
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


def test_boxes_are_ticked_and_a_button_pressed_in_a_modal(box, page):
    trigger_id = box.press(box.post(blocks=tabs("GPT")), "tab:GPT", user=TOM_ID).trigger_id
    boxes = block("checkboxes", action_id="pick", options=[option("one"), option("two")])
    pick = {"type": "input", "block_id": "pick", "label": plain("Which"), "element": boxes}
    line = block("section", text=plain("Only"), accessory=button(action_id="go", value="one"))
    box.slack.views_open(trigger_id=trigger_id, view=modal(pick, line))
    page.goto(f"/channel/{GENERAL_ID}?as={TOM_ID}")

    words = page.get_by_text("Two", exact=True)
    assert words.evaluate("each => each.offsetWidth > 2 * each.offsetHeight")  # on one line
    page.get_by_label("Two").check()
    page.locator("#modal [data-action=go]").click()
    box.service.wait_for(2)
    page.get_by_role("button", name="Send", exact=True).last.click()
    box.service.wait_for(3)

    assert box.service.payload(1)["actions"][0]["action_id"] == "go"
    (ticked,) = box.service.payload(2)["view"]["state"]["values"]["pick"]["pick"]["selected_options"]
    assert ticked["value"] == "two"


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
    page.locator("#replies summary", has_text="GPT").click()

    expect(page.get_by_text("Behind the fold")).to_be_visible()
    assert (stopped["type"], stopped["user"], stopped["thread_ts"]) == ("agent_session_stopped", TOM_ID, ts)


def test_the_thread_of_a_question_that_is_worked_on_opens_with_the_question_and_a_stop(box, page):
    page.goto("/")
    page.locator("#say").fill("@SectorFlow Why?")
    page.keyboard.press("Enter")
    expect(page.locator("#entries article", has_text="Why?")).to_be_visible()
    ts = box.service.events(1)[0]["event"]["ts"]

    box.slack.agents_sessions_setStatus(channel_id=GENERAL_ID, thread_ts=ts, status="processing")

    # At the end of a long poll, 25 s, it would be there anyhow.
    expect(page.locator("#replies")).to_contain_text("Why?", timeout=15_000)
    expect(page.locator("#working").get_by_role("button", name="Stop")).to_be_visible()


def test_five_answers_of_a_paragraph_are_at_most_800_pixels_high(box, page):
    answers = [
        model("A sentence that is neither short nor long. " * 11, f"Model {n}", seconds=2.0, credits=n + 1.0)
        for n in range(5)
    ]
    (message,) = render(make_answer(*answers), can_compare=True)
    box.post(blocks=list(message.blocks))
    page.set_viewport_size({"width": 1524, "height": 900})
    page.goto("/")

    posted = page.locator("#entries article", has_text="Model 4")

    assert page.locator(".pane.channel").bounding_box()["width"] == 1280
    assert posted.bounding_box()["height"] <= 800


def test_a_user_asks_by_keyboard_and_the_answers_thread_opens_by_itself(box, page):
    box.world.remove(box.install.app_id, GENERAL_ID)
    page.goto("/")

    page.locator("#say").press_sequentially("@Sec")
    page.keyboard.press("Enter")
    page.keyboard.type("Tell me a joke")
    page.keyboard.press("Enter")
    question = page.locator("#entries article", has_text="@SectorFlow Tell me a joke")
    question.get_by_role("button", name="Invite them").press("Enter")
    expect(page.get_by_text("was added by")).to_be_visible()
    page.locator("#say").focus()
    expect(page.locator("#thread")).to_be_hidden()
    ts = box.world.messages(GENERAL_ID)[0]["ts"]
    box.post(thread_ts=ts, blocks=[markdown("A **joke**.")])

    expect(page.locator("#replies strong")).to_have_text("joke")
    expect(page.locator("#say")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#thread")).to_be_hidden()
    question.get_by_role("link", name="1 reply").press("Enter")
    expect(page.locator("#reply")).to_be_focused()


def test_an_answer_does_not_open_its_thread_while_another_is_written_in(box, page):
    other = box.world.ask(TOM_ID, GENERAL_ID, "Plans?")["ts"]
    page.goto(f"/channel/{GENERAL_ID}?thread={other}")
    page.locator("#reply").fill("I thi")

    page.get_by_role("button", name="A joke").click()
    ts = box.service.events(1)[0]["event"]["ts"]
    box.post(thread_ts=ts, blocks=[markdown("A **joke**.")])

    expect(page.locator(f"#entries [data-key='{ts}'] .replies")).to_be_visible()
    expect(page.locator("#replies")).to_contain_text("Plans?")
    assert page.locator("#reply").input_value() == "I thi"


def test_a_message_goes_along_with_its_table_file_and_channel(box, page):
    root = box.world.ask(TOM_ID, GENERAL_ID, "Plans?")["ts"]
    page.goto(f"/channel/{GENERAL_ID}?as={TOM_ID}&thread={root}")
    form = page.locator("#reply-form")
    form.get_by_label("Attach files").set_input_files({"name": "a.pdf", "mimeType": "", "buffer": b"x"})
    page.locator("#reply").evaluate(
        """box => { const data = new DataTransfer(); data.setData("text/plain", "Item\\t€\\nCake\\t7\\n");
        box.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, cancelable: true})); }"""
    )
    expect(form.get_by_text("Table, 2")).to_be_visible()
    form.get_by_label("Also send to #general").check()
    page.locator("#reply").fill("@SectorFlow why?")
    page.keyboard.press("Enter")

    event = box.service.events(1)[0]["event"]
    expect(page.locator("#entries")).to_contain_text("replied to a thread: Plans?")
    expect(page.locator("#entries .file")).to_have_text("a.pdf")
    expect(page.locator("#entries td", has_text="Cake")).to_be_visible()
    expect(form.locator(".attached")).to_be_hidden()
    assert (event["subtype"], event["thread_ts"], event["files"][0]["name"]) == (
        "thread_broadcast",
        root,
        "a.pdf",
    )
    assert event["attachments"][0]["blocks"][0]["rows"][1][1]["text"] == "7"


def test_a_message_is_edited_forwarded_and_deleted(box, page):
    said = box.world.ask(TOM_ID, RANDOM_ID, "The budget is gone")["ts"]
    box.world.invite(box.install.app_id, RANDOM_ID)
    page.goto(f"/channel/{RANDOM_ID}?as={TOM_ID}")
    message = page.locator(f"[data-key='{said}']")

    message.get_by_role("button", name="Forward").press("Enter")
    page.get_by_label("To", exact=True).select_option(label="#general")
    page.get_by_label("Comment").fill("@SectorFlow why?")
    page.locator("#forward").get_by_role("button", name="Forward").click()
    expect(page.get_by_text("Forwarded.")).to_be_visible()
    message.get_by_role("button", name="Edit").press("Enter")
    page.get_by_label("Message", exact=True).fill("@SectorFlow The budget is gone")
    page.get_by_role("button", name="Save").click()
    expect(message.get_by_text("(edited)")).to_be_visible()
    forwarded, edited = (body["event"] for body in box.service.events(2))
    message.get_by_role("button", name="Delete").press("Enter")
    page.get_by_role("button", name="Yes").click()
    expect(message).to_have_count(0)

    assert forwarded["attachments"][0]["text"] == "The budget is gone"
    assert (edited["ts"], "edited" in edited) == (said, True)


def test_the_panel_shows_requests_as_they_happen_and_makes_calls_fail(box, page):
    page.goto("/")
    page.get_by_role("button", name="Developer panel").click()
    panel = page.get_by_role("region", name="Developer panel")
    panel.get_by_label("s API").select_option(label="503 Service Unavailable")
    page.get_by_role("button", name="A failing model").click()
    expect(panel.get_by_text("app_mention", exact=True)).to_be_visible()
    expect(panel.get_by_label("s API")).to_have_value("503")
    panel.get_by_text("app_mention", exact=True).click()

    expect(panel.get_by_text('"token": "••••••"')).to_be_visible()
    failing = box.report("faults")
    assert [each["status"] for each in failing["slack"]] == [503]
    assert [each["model_fault"] for each in failing["sectorflow"]] == ["error"]
    panel.get_by_label("s API").select_option(label="Works")
    panel.get_by_label("A model that fails").select_option(label=GPT.name)
    until(lambda: box.running.sandbox.sectorflow.failing_models() == [GPT.id])
    assert box.report("faults")["slack"] == []
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.get_by_role("button", name="Developer panel")).to_be_focused()


def test_the_first_steps_lead_to_the_install_page_or_past_it(box, page):
    box.control("uninstall")
    stage = box.running.sandbox.stage_actions
    stage["install"] = lambda: box.world.installs.install(box.app.app_id, TEAM_ID)
    page.goto("/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    link = page.get_by_role("link", name="install page")

    assert page.evaluate("navigator.clipboard.readText()") == TOKEN
    assert link.get_attribute("href") == box.service.url.replace("/slack/events", "/install")
    page.get_by_role("button", name="Skip this").click()
    expect(page.get_by_role("button", name="A joke")).to_be_visible()
    page.locator("#say").fill("/invite @SectorFlow")
    page.keyboard.press("Enter")
    expect(page.get_by_text("was added by")).to_be_visible()


def test_the_theme_stays_and_the_writer_can_be_changed(box, page):
    page.goto("/")
    page.get_by_role("button", name="Dark mode").click()
    page.get_by_label("Who is writing").select_option(label="Aiko")
    page.wait_for_url(f"**as={AIKO_ID}*")  # what is typed before belongs to the page before
    page.locator("#say").fill("Hello")
    page.keyboard.press("Enter")

    expect(page.get_by_role("button", name="Dark mode")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#entries article", has_text="Hello")).to_contain_text("Aiko Tanaka")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(26, 29, 33)"


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
def test_no_page_has_accessibility_faults(box, page, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    ts = box.world.ask(TOM_ID, GENERAL_ID, "Plans?", files=("a.pdf",))["ts"]
    child = helpers.rich_text(helpers.section_of(helpers.words("Behind the fold")))
    box.post(thread_ts=ts, blocks=[*tabs("GPT"), container(child, is_collapsible=True)])
    box.post(blocks=[markdown("# Title\n\n| | a |\n| - | - |\n| 1 | 2 |\n\n```python\nx = 'y' # z\n```")])
    box.slack.agents_sessions_setStatus(channel_id=GENERAL_ID, thread_ts=ts, status="processing")
    paths = [f"/channel/{GENERAL_ID}", f"/channel/{GENERAL_ID}?thread={ts}"]
    paths += [f"/channel/with/{box.install.bot_user_id}{query}" for query in ("", "?tab=home")]

    found = {}
    for path in paths:
        page.goto(path)
        expect(page.locator("#entries > *").first).to_be_visible(visible="thread" not in path or width > 1000)
        found[path] = violations(page)
    page.goto("/")
    page.get_by_role("button", name="Developer panel").click()
    page.locator(".exchange summary").last.click()
    found["panel"] = violations(page)

    assert not any(found.values()), found
