"""The pages in a real browser: from the form at ``/install`` to an answer in the channel."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.sectorflow.models import (
    ALL_MODELS,
    CLAUDE,
    COMMAND_R,
    GEMINI,
    GPT,
    LLAMA,
    MODELS,
    PLUS_ID,
    PLUS_TITLE,
    TOKEN,
    WORKSPACE_ID,
    WORKSPACES,
)
from sandbox.slack import seed
from sandbox.stage import Stage
from tests.whole.helpers import fault, install_url, requests_of
from tests.whole.pages import (
    NARROW,
    check,
    consent,
    forget_installations,
    install,
    sign_in,
    site_installations,
    window,
)

pytestmark = [pytest.mark.browser, pytest.mark.processes]

# The whole way


@pytest.mark.parametrize(
    "options",
    [{}, {"java_script_enabled": False}, {"viewport": NARROW, "color_scheme": "dark", "has_touch": True}],
    ids=["wide", "without script", "narrow and dark"],
)
def test_a_user_gets_from_the_form_to_five_answers_in_a_channel(
    site: Stage, browser: Browser, options: dict[str, Any]
) -> None:
    forget_installations(site)
    with window(browser, site, **options) as page:
        sign_in(page)
        signed_in = f"Signed in: {len(WORKSPACES)} workspaces, {len(ALL_MODELS)} models."
        expect(page.get_by_text(signed_in)).to_be_visible()
        page.get_by_label("SectorFlow workspace").select_option("Customer support")
        page.get_by_role("button", name="Show its models").click()
        expect(page.locator(".chosen li")).to_have_count(2)
        page.get_by_label("SectorFlow workspace").select_option("Slack answers")
        page.get_by_text("Add models").click()
        for model in (COMMAND_R, GEMINI, CLAUDE):
            page.get_by_label(model.name, exact=True).check()
        page.get_by_role("button", name="Show its models").click()
        expect(page.locator(".chosen li")).to_have_count(5)
        page.get_by_label("Expert", exact=True).select_option(PLUS_TITLE)
        page.get_by_label("Name of the app in Slack").fill("Acme Answers")
        page.get_by_role("button", name="Move OpenAi GPT-4o down").click()
        page.get_by_label("Test question").fill("Tell me a joke")
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator("#trial article")).to_have_count(5)
        page.get_by_text("Tabs", exact=True).click()
        page.get_by_role("button", name="Complete installation").click()
        expect(page.get_by_role("heading", name="Install Acme Answers in Slack?")).to_be_visible()
        expect(page.get_by_text("Slack answers")).to_be_visible()
        consent(page)
        expect(page.get_by_role("heading", name="Acme Answers is installed")).to_be_visible()
        expect(page.get_by_label("Line to invite the app")).to_have_value("/invite @sectorflow")

    (installed,) = site_installations(site)
    assert (installed["status"], installed["display"]) == ("installed", "tabs")
    assert installed["modelIds"] == [each.id for each in (LLAMA, GPT, COMMAND_R, GEMINI, CLAUDE)]
    assert installed["plusId"] == PLUS_ID
    site.control("invite", {"channel": seed.GENERAL_ID})
    question = site.ask("{bot} Tell me a joke")
    (answer,) = site.wait_for_answer(question, 60.0)
    assert all(model.name in str(answer) for model in MODELS)


def chosen(page: Page) -> list[str]:
    return page.locator(".chosen li > span:first-of-type").all_inner_texts()


def test_the_keyboard_is_enough(site: Stage, page: Page) -> None:
    page.goto("/install")
    expect(page.get_by_label("SectorFlow API token")).to_be_focused()
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Install an app in Slack")).to_be_visible()

    page.get_by_role("button", name="Move OpenAi GPT-4o down").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/forms/1#down-"))
    expect(page.get_by_role("button", name="Move OpenAi GPT-4o down")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Move OpenAi GPT-4o up")).to_be_focused()
    assert chosen(page)[-1] == "OpenAi GPT-4o"

    name = page.get_by_label("Name of the app in Slack")
    name.focus()
    page.keyboard.press("End")
    name.press_sequentially("!")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/forms/1$"))
    expect(page.get_by_label("Name of the app in Slack")).to_have_value("SectorFlow!")
    page.get_by_role("button", name="Complete installation").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Continue to Slack").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Allow").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="SectorFlow! is installed")).to_be_visible()


# Every page


def test_every_page_is_accessible_small_and_fits_a_phone_light_and_dark(site: Stage, page: Page) -> None:
    for path in (
        "/",
        "/docs",
        "/install",
        "/install?over=",
        "/install?fault=refused",
        "/slack/install/nowhere",
    ):
        page.goto(path)
        check(page)
    sign_in(page)
    check(page)
    page.get_by_text("Add models").click()
    page.get_by_label("A new app with your own name").check()
    check(page)
    page.get_by_label("An app that exists already").check()
    page.get_by_role("button", name="Complete installation").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check(page)
    page.get_by_label("The app of this service").check()
    page.get_by_label("Test question").fill("Compare our last three quarters in a table")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#trial table")).to_have_count(5)
    check(page)
    page.get_by_role("button", name="Complete installation").click()
    page.get_by_text("You may not install apps").click()
    check(page)
    consent(page, "Cancel")
    check(page)
    page.get_by_role("link", name="Try again").click()
    consent(page)
    check(page)
    page.goto("/install")
    check(page)
    page.get_by_role("link", name="Open").click()
    check(page)
    page.get_by_role("link", name="Remove it").click()
    check(page)


# Refusals


def test_a_token_that_sectorflow_refuses_opens_nothing(site: Stage, page: Page) -> None:
    sign_in(page, "two words")
    expect(page.get_by_text("Enter the token without spaces or line breaks.")).to_be_visible()
    sign_in(page, "a-token-of-no-user")

    expect(page.get_by_text("SectorFlow refuses this token.")).to_be_visible()
    expect(page.get_by_label("SectorFlow API token")).to_have_value("")
    page.goto("/install/new")
    expect(page.get_by_label("SectorFlow API token")).to_be_visible()


def test_lists_that_cannot_be_had_are_replaced_by_ids(site: Stage, page: Page) -> None:
    for target in ("workspaces", "models", "plus"):
        fault(site, "sectorflow", target=target, status=500)
    sign_in(page)
    expect(page.get_by_text("Signed in: workspaces unknown, models unknown.")).to_be_visible()

    page.get_by_label("SectorFlow workspace").fill(WORKSPACE_ID)
    page.get_by_label("By id").fill(MODELS[0].id)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("By id").fill("gpt-4o")
    page.get_by_role("button", name="Complete installation").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose 1 to 20 models.")
    page.get_by_role("button", name="Remove gpt-4o").click()
    page.get_by_role("button", name="Complete installation").click()

    expect(page.get_by_role("heading", name="Install SectorFlow in Slack?")).to_be_visible()


def test_a_refusal_at_slack_leads_back_and_a_second_install_to_the_first(site: Stage, page: Page) -> None:
    link = install_url(site)
    page.goto(link)
    consent(page, "Cancel")
    expect(page.get_by_role("heading", name="The app was not installed")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="The app was not installed")).to_be_visible()
    page.get_by_role("link", name="Try again").click()
    consent(page)
    expect(page.get_by_role("heading", name="SectorFlow is installed")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="SectorFlow is installed")).to_be_visible()

    page.goto(install_url(site))
    consent(page)
    expect(page.get_by_role("heading", name="The app is installed already")).to_be_visible()
    page.get_by_role("link", name="Open the install page").click()
    page.get_by_label("SectorFlow API token").fill(TOKEN)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Installed", exact=True)).to_be_visible()


# Changing


def test_an_installed_app_is_changed_replaced_and_removed(site: Stage, page: Page) -> None:
    install(page)
    page.goto("/install")
    page.get_by_role("link", name="Open SectorFlow").click()
    page.get_by_label("Name of the app in Slack").fill("Renamed")
    page.get_by_role("button", name="Remove OpenAi GPT-4o").click()
    page.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_text("Saved. The next question")).to_be_visible()
    (changed,) = site_installations(site)
    assert (changed["appName"], len(changed["modelIds"])) == ("Renamed", 4)

    page.get_by_role("link", name="Replace it").click()
    page.get_by_role("button", name="Complete installation").click()
    consent(page)
    expect(page.get_by_role("heading", name="Renamed is installed")).to_be_visible()
    (replaced,) = site_installations(site)
    assert replaced["id"] != changed["id"]

    page.goto("/install")
    page.get_by_role("link", name="Remove Renamed").click()
    page.get_by_role("link", name="Keep it").click()
    assert len(site_installations(site)) == 1
    page.get_by_role("link", name="Remove Renamed").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("None is installed with your token yet.")).to_be_visible()
    assert site_installations(site) == []


# Windows, reload and back


def test_two_windows_fill_in_two_forms(site: Stage, page: Page) -> None:
    sign_in(page)
    other = page.context.new_page()
    other.goto("/install/new")
    for each, name in ((page, "First"), (other, "Second")):
        each.get_by_label("Name of the app in Slack").fill(name)
        each.get_by_role("button", name="Show its models").click()
    for each, name in ((other, "Second"), (page, "First")):
        expect(each.get_by_label("Name of the app in Slack")).to_have_value(name)
        each.get_by_role("button", name="Complete installation").click()
        expect(each.get_by_role("heading", name=f"Install {name} in Slack?")).to_be_visible()

    consent(other, "Cancel")
    consent(page)
    expect(page.get_by_role("heading", name="First is installed")).to_be_visible()


def test_reload_and_back_repeat_nothing(site: Stage, page: Page) -> None:
    sign_in(page)
    page.get_by_label("Name of the app in Slack").fill("Acme Answers")
    before = len([each for each in requests_of(site) if "completions" in str(each)])
    page.get_by_role("button", name="Complete installation").click()
    expect(page.get_by_role("heading", name="Install Acme Answers in Slack?")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#trial article")).to_have_count(5)
    page.reload()
    expect(page.get_by_text("4 of 5 left")).to_be_visible()
    page.get_by_role("button", name="Complete installation").click()
    expect(page.get_by_role("heading", name="Install Acme Answers in Slack?")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Name of the app in Slack")).to_have_value("Acme Answers")
    page.get_by_role("button", name="Complete installation").click()
    expect(page.get_by_role("heading", name="Install Acme Answers in Slack?")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Install Acme Answers in Slack?")).to_be_visible()

    assert len(site_installations(site)) == 1
    assert len([each for each in requests_of(site) if "completions" in str(each)]) <= before + 1


def test_the_end_of_the_form_is_announced(site: Stage, page: Page) -> None:
    page.clock.install()
    sign_in(page)
    expect(page.get_by_text("This form ends in five minutes.")).to_be_hidden()

    page.clock.fast_forward("26:00")
    page.get_by_text("This form ends in five minutes.").get_by_role("button", name="Keep my entries").click()

    expect(page).to_have_url(re.compile("/forms/1$"))
    expect(page.get_by_text("This form ends in five minutes.")).to_be_hidden()
