"""Every refusal and message that a person can meet on the way to an app, in a real browser."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
import requests
from playwright.sync_api import Browser, Page, expect

from sandbox.sectorflow.models import MODELS, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.slack.config_tokens import SEEDED_TOKEN
from sandbox.stage import Stage
from sectorflow_slack.services.install_page import MAX_TRIALS, RATES
from sectorflow_slack.services.oauth import TRIPS
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.oauth_states import OAuthStateStore
from sectorflow_slack.web.pages import REFUSALS
from tests.whole.helpers import fault, store_of
from tests.whole.pages import (
    NARROW,
    check,
    forget_installations,
    forget_rates,
    go_to_slack,
    open_form,
    sign_in,
    site_installations,
    window,
)

pytestmark = [pytest.mark.browser, pytest.mark.processes]

CUSTOMERS_APP = {
    "appId": seed.CUSTOMER_APP_ID,
    "clientId": seed.CUSTOMER_CLIENT_ID,
    "clientSecret": seed.CUSTOMER_CLIENT_SECRET,
    "signingSecret": seed.CUSTOMER_SIGNING_SECRET,
}
#: Where the button of a refusal leads: its label and its address.
TO_INSTALL_PAGE = ("Open the install page", "/install")
TO_INSTALL_LINK = ("Try again", "/slack/install/")
TO_FIRST_PAGE = ("Go to the first page", "/")
TO_THIS_PAGE = ("Try again", "")


@dataclass(frozen=True)
class Person:
    """A person with a window on the service."""

    site: Stage
    page: Page

    def link(self, **fields: object) -> str:
        """Register an installation and return its install link."""
        body = {"appName": "Acme", "apiToken": TOKEN, "workspaceId": WORKSPACE_ID, "modelIds": [MODELS[0].id]}
        return str(self.site.register({**body, **fields}).json()["installUrl"])

    def consent(self, decision: str = "Allow", **fields: object) -> None:
        go_to_slack(self.page, self.link(**fields))
        self.press(decision)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()


@dataclass(frozen=True)
class Case:
    """A refusal: how a person comes to it, and what the page says."""

    reason: str
    meet: Callable[[Person], None]
    title: str
    text: str
    button: tuple[str, str] | None


CASES: list[Case] = []


def refusal(
    reason: str, title: str, text: str, button: tuple[str, str] | None = None
) -> Callable[[Callable[[Person], None]], Callable[[Person], None]]:
    """Add a function to the table."""

    def add(meet: Callable[[Person], None]) -> Callable[[Person], None]:
        CASES.append(Case(reason, meet, title, text, button))
        return meet

    return add


UNDERWAY = Case(
    "underway",
    lambda person: None,
    "The install is still in progress",
    "Load this page again in a moment.",
    TO_THIS_PAGE,
)


# On the way through Slack


@refusal("dead_link", "This link does not work any more", "you get a new one.", TO_INSTALL_PAGE)
def follow_a_link_that_is_wrong(person: Person) -> None:
    person.page.goto("/slack/install/nowhere")


@refusal("too_often", "This link was used very often", "Wait an hour, then open it again.")
def follow_a_link_too_often(person: Person) -> None:
    link = person.link()
    for _ in range(int(TRIPS.partition(" ")[0])):
        requests.get(f"{link}/continue", allow_redirects=False, timeout=10)
    person.page.goto(link)
    person.page.get_by_role("link", name="Continue to Slack").click()


@refusal("cancelled", "The app was not installed", "You cancelled at Slack", TO_INSTALL_LINK)
def cancel_at_slack(person: Person) -> None:
    person.consent("Cancel")


@refusal("other_browser", "Please use one browser all the way", "Open the install link again")
def come_back_without_cookies(person: Person) -> None:
    go_to_slack(person.page, person.link())
    person.page.context.clear_cookies()
    person.press("Allow")


@refusal("stale", "This step is over", "Open the install link again")
def come_back_too_late(person: Person) -> None:
    go_to_slack(person.page, person.link())
    with store_of(person.site) as store:
        store.delete(f"oauth-state:{sha256(state_of(person.page).encode()).hexdigest()}")
    person.press("Allow")


@refusal("other_team", "That is another Slack workspace", "Open the install link again", TO_INSTALL_LINK)
def choose_another_workspace(person: Person) -> None:
    team = person.site.control("team", {"name": f"globex{uuid.uuid4().hex[:8]}"})["team"]
    go_to_slack(person.page, person.link(teamId=team))
    person.page.get_by_label("Workspace").select_option("Acme")
    person.press("Allow")


@refusal("already_installed", "The app is installed already", "go where it was set up.", TO_INSTALL_PAGE)
def install_a_second_time(person: Person) -> None:
    person.site.consent(person.link())
    person.consent()


@refusal("other_app", "Slack installed another app", "Correct it where you set up the app", TO_INSTALL_PAGE)
def enter_the_id_of_another_app(person: Person) -> None:
    person.consent(slackApp={**CUSTOMERS_APP, "appId": "A0ANOTHER01"})


@refusal(
    "bad_credentials", "Slack does not know this app", "Correct it where you set up the app", TO_INSTALL_PAGE
)
def enter_a_wrong_client_secret(person: Person) -> None:
    person.consent(slackApp={**CUSTOMERS_APP, "clientSecret": "f" * 32})


@refusal("slack_error", "Slack did not finish the install", "Open the install link again", TO_INSTALL_LINK)
def let_the_code_be_refused(person: Person) -> None:
    fault(person.site, "slack", target="oauth.v2.access", error="invalid_code")
    person.consent()


@refusal("slack_away", "Slack does not answer just now", "In a few minutes", TO_INSTALL_LINK)
def meet_an_outage_of_slack(person: Person) -> None:
    fault(person.site, "slack", target="oauth.v2.access", status=503)
    person.consent()


@refusal("store_away", "We are having trouble", "Try again in a few minutes", TO_THIS_PAGE)
def meet_a_full_store(person: Person) -> None:
    person.page.goto(person.link())
    with store_of(person.site) as store:
        store.config_set("maxmemory", 1)
        try:
            person.page.get_by_role("link", name="Continue to Slack").click()
            expect(person.page.get_by_role("heading", name="We are having trouble")).to_be_visible()
        finally:
            store.config_set("maxmemory", 0)


# On the install page


@refusal("out_of_date", "This form is out of date", "Open the page again.", TO_INSTALL_PAGE)
def sign_out_in_another_window(person: Person) -> None:
    open_form(person.page)
    other = person.page.context.new_page()
    other.goto("/install")
    other.get_by_role("button", name="Sign out").click()
    other.close()
    before = site_installations(person.site)
    person.press("Complete installation")
    expect(person.page.get_by_role("heading", name="This form is out of date")).to_be_visible()
    assert site_installations(person.site) == before


@refusal("too_many", "That was too much at once", "Wait a minute, go back, and press the button again.")
def try_many_tokens(person: Person) -> None:
    browser = requests.Session()
    page = browser.get(f"{person.site.service_url}/install", timeout=10).text
    form = {"csrf": re.findall(r'name="csrf" value="([^"]+)"', page)[0], "apiToken": "wrong"}
    for _ in range(int(RATES["install_signin"].partition(" ")[0])):
        browser.post(f"{person.site.service_url}/install/sign-in", form, allow_redirects=False, timeout=10)
    sign_in(person.page, "wrong-as-well")


@refusal("gone", "This app is not in your list", "It was removed", TO_INSTALL_PAGE)
def open_an_app_that_was_removed(person: Person) -> None:
    open_form(person.page)
    person.page.goto(f"/install/apps/{uuid.uuid4()}")


@refusal("not_found", "There is nothing here", "Open it again where you found it", TO_FIRST_PAGE)
def type_an_address_that_is_wrong(person: Person) -> None:
    person.page.goto("/install/instal")


@refusal("broken", "Something went wrong on our side", "Try again", TO_THIS_PAGE)
def meet_a_fault_of_the_service(person: Person) -> None:
    open_form(person.page)
    with store_of(person.site) as store:
        for form in store.scan_iter("install-form:*"):
            # A number is stored there.
            store.hset(form, "trials", "many")
    person.page.goto("/install/new")


def wait_for_a_consent_that_never_ends(person: Person) -> None:
    """Come back from Slack when a process that has died has the state; the service waits for it for 12 s."""
    assert person.site.install_api_key_file is not None
    home = person.site.install_api_key_file.parent
    go_to_slack(person.page, person.link())
    with redis.Redis(unix_socket_path=str(home / "store.sock"), decode_responses=True) as store:
        cipher = Cipher([(home / "encryption-key").read_text().strip()])
        OAuthStateStore(store, cipher).consume(state_of(person.page))
    # Unlike a click of the driver, this one does not wait for the page.
    person.page.evaluate("document.querySelector('[value=allow]').click()")


def state_of(page: Page) -> str:
    """Return the state in the address of Slack's consent page."""
    (state,) = parse_qs(urlsplit(page.url).query)["state"]
    return state


def look_at(person: Person, case: Case) -> None:
    page = person.page
    expect(page.get_by_role("heading", name=case.title)).to_be_visible()
    expect(page.locator("main")).to_contain_text(case.text)
    expect(page.locator("code")).to_have_text(re.compile(f"^{case.reason} "))
    assert page.evaluate("performance.getEntriesByType('navigation')[0].responseStatus >= 400")
    buttons = [
        (each.inner_text(), each.get_attribute("href") or "") for each in page.locator(".button").all()
    ]
    assert len(buttons) == (case.button is not None)
    for (label, target), expected in zip(buttons, filter(None, [case.button]), strict=True):
        assert (label, target.startswith(expected[1])) == (expected[0], True)
        assert not target or page.request.get(target).status == 200
    check(page)


def test_each_refusal_says_what_happened_and_what_to_do(
    site: Stage, browser: Browser, subtests: pytest.Subtests
) -> None:
    assert {case.reason for case in (*CASES, UNDERWAY)} == set(REFUSALS)
    # With cookies of its own: those of the other are cleared for each case.
    with window(browser, site, statuses="45") as page, window(browser, site, statuses="45") as other:
        waiting = Person(site, other)
        wait_for_a_consent_that_never_ends(waiting)
        for case in CASES:
            with subtests.test(case.reason):
                forget_rates(site)
                page.context.clear_cookies()
                person = Person(site, page)
                case.meet(person)
                look_at(person, case)
        with subtests.test(UNDERWAY.reason):
            look_at(waiting, UNDERWAY)


# Messages on the forms


@dataclass(frozen=True)
class Message:
    """Messages on a form, and how a person comes to them."""

    meet: Callable[[Person], None]
    #: A part of each.
    texts: tuple[str, ...]


MESSAGES: list[Message] = []


def says(*texts: str) -> Callable[[Callable[[Person], None]], Callable[[Person], None]]:
    """Add a function to the table."""

    def add(meet: Callable[[Person], None]) -> Callable[[Person], None]:
        MESSAGES.append(Message(meet, texts))
        return meet

    return add


def choose_a_new_app(person: Person, token: str) -> None:
    person.page.get_by_label("A new app with your own name").check()
    person.page.get_by_label("App configuration token").fill(token)
    person.press("Complete installation")


def choose_an_existing_app(person: Person, **credentials: str) -> None:
    person.page.get_by_label("An app that exists already").check()
    for field in CUSTOMERS_APP:
        person.page.locator(f"[name={field}]").fill(credentials.get(field, ""))
    person.press("Complete installation")


def register(person: Person) -> dict[str, str]:
    """Register an installation with the person's token, and return it."""
    body = {"appName": "Acme", "apiToken": TOKEN, "workspaceId": WORKSPACE_ID, "modelIds": [MODELS[0].id]}
    registered: dict[str, str] = person.site.register(body).json()
    return registered


@says("Enter a name of 1 to 35 characters.", "Choose 1 to 20 models.")
def leave_out_the_name_and_the_models(person: Person) -> None:
    person.page.get_by_label("Name of the app in Slack").fill("  ")
    person.page.evaluate("document.querySelectorAll('[name=model]').forEach(each => each.remove())")
    person.press("Complete installation")


@says(
    "Enter the app's id",
    "Enter the app's client id",
    "Enter the app's client secret",
    "Enter the app's signing",
)
def leave_out_the_credentials(person: Person) -> None:
    choose_an_existing_app(person)


@says("This is the app of this service. Choose it above instead.")
def enter_the_services_own_app(person: Person) -> None:
    choose_an_existing_app(person, **{**CUSTOMERS_APP, "appId": seed.SECTORFLOW_APP_ID})


@says("Enter the app configuration token.")
def leave_out_the_configuration_token(person: Person) -> None:
    choose_a_new_app(person, "")


@says("Slack refuses this app configuration token. Generate a new one.")
def enter_a_configuration_token_of_another_kind(person: Person) -> None:
    choose_a_new_app(person, "xoxe.xoxp-nonsense")


@says("Slack created no app: ")
def let_slack_create_no_app(person: Person) -> None:
    fault(person.site, "slack", target="apps.manifest.create", error="app_limit_reached")
    choose_a_new_app(person, SEEDED_TOKEN)


@says("Slack did not say whether it created the app.")
def let_slack_hang_up(person: Person) -> None:
    fault(person.site, "slack", target="apps.manifest.create", drop="before")
    choose_a_new_app(person, SEEDED_TOKEN)


@says("SectorFlow knows no such workspace.")
def choose_a_workspace_that_is_gone(person: Person) -> None:
    fault(person.site, "sectorflow", target="workspaces", status=404)
    person.press("Complete installation")


@says("SectorFlow does not offer you 00000000-0000-4000-8000-000000000000.")
def type_a_model_that_is_not_offered(person: Person) -> None:
    person.page.get_by_text("Add models").click()
    person.page.get_by_label("By id").fill("00000000-0000-4000-8000-000000000000")
    person.press("Complete installation")


@says("SectorFlow refuses your token by now. Sign out, and sign in with a new one.")
def complete_with_a_token_that_was_revoked(person: Person) -> None:
    fault(person.site, "sectorflow", target="workspaces", status=401)
    person.press("Complete installation")


@says("SectorFlow did not answer this question.")
def try_while_sectorflow_is_away(person: Person) -> None:
    fault(person.site, "sectorflow", target="completions", status=500)
    person.press("Ask")


@says("SectorFlow refuses the token, or may not be asked with it.")
def try_with_a_token_that_was_revoked(person: Person) -> None:
    fault(person.site, "sectorflow", target="completions", status=401)
    person.press("Ask")


@says("Enter a question.")
def try_without_a_question(person: Person) -> None:
    person.page.get_by_label("Test question").fill(" ")
    person.press("Ask")


@says("You have asked 5 test questions. Install the app to ask more.")
def try_once_more_in_an_older_window(person: Person) -> None:
    with store_of(person.site) as store:
        for form in store.scan_iter("install-form:*"):
            store.hset(form, "trials", MAX_TRIALS)
    person.press("Ask")


@says("This form was completed before, and its installation is gone. Press the button again.")
def complete_again_after_the_installation_was_removed(person: Person) -> None:
    person.press("Complete installation")
    expect(person.page.get_by_role("link", name="Continue to Slack")).to_be_visible()
    forget_installations(person.site)
    person.page.go_back()
    person.press("Complete installation")


@says("This app was changed elsewhere meanwhile. Open it again from the list.")
def save_an_app_that_was_changed_elsewhere(person: Person) -> None:
    own = register(person)["id"]
    person.page.goto(f"/install/apps/{own}")
    url = f"{person.site.service_url}/api/v1/installations/{own}"
    requests.patch(url, json={"appName": "Other"}, headers=person.site.headers, timeout=20)
    person.press("Save the changes")


@says("This app was never installed, and its link has ended. Install it as a new app.")
def save_an_app_whose_install_has_failed(person: Person) -> None:
    first, second = register(person), register(person)
    person.site.consent(first["installUrl"])
    person.page.goto(f"/install/apps/{second['id']}")
    person.site.consent(second["installUrl"])
    person.press("Save the changes")


@says("Only the same Slack app can be replaced, and only while it is installed.")
def replace_an_app_by_another(person: Person) -> None:
    own = register(person)
    person.site.consent(own["installUrl"])
    person.page.goto(f"/install/new?replaces={own['id']}")
    choose_an_existing_app(person, **CUSTOMERS_APP)


@says("SectorFlow refuses this token. Copy it again, or create a new one.")
def change_to_a_token_that_sectorflow_refuses(person: Person) -> None:
    person.page.goto(f"/install/apps/{register(person)['id']}")
    person.page.get_by_label("Another token").fill("a-token-that-is-wrong")
    person.press("Save the changes")


def test_each_message_of_a_form_is_above_it_and_leads_to_its_place(
    site: Stage, browser: Browser, subtests: pytest.Subtests
) -> None:
    with window(browser, site) as page:
        page.set_viewport_size(NARROW)
        open_form(page)
        for message in MESSAGES:
            with subtests.test(message.meet.__name__):
                forget_rates(site)
                forget_installations(site)
                page.goto("/install/new")
                message.meet(Person(site, page))
                for text in message.texts:
                    expect(page.get_by_role("alert")).to_contain_text(text)
                for link in page.get_by_role("alert").get_by_role("link").all():
                    link.click()
                    expect(page.locator(str(link.get_attribute("href")))).to_be_in_viewport()
                    expect(page.locator(".fault", has_text=link.inner_text())).to_be_visible()
                assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
