"""Windows of a real browser on the service's pages, and what people do in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Browser, Page, expect

from sandbox.sectorflow.models import TOKEN
from sandbox.stage import Stage
from tests.accessibility import violations
from tests.whole.helpers import store_of

WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 800}


@contextmanager
def window(browser: Browser, site: Stage, *, statuses: str = "4", **options: Any) -> Iterator[Page]:
    """Open a browser of one user whose console stays empty, and that loads nothing from elsewhere.

    The browser itself logs the status of an error; those that begin with one of ``statuses`` are expected.
    """
    ours = {urlsplit(url).netloc for url in (site.service_url, site.sandbox_url)}
    expected = re.compile(rf"Failed to load resource: the server responded with a status of [{statuses}]\d\d")
    faults: list[str] = []
    context = browser.new_context(base_url=site.service_url, **options)
    context.set_default_timeout(30_000)
    context.on("request", lambda each: _check_host(each.url, ours, faults))
    context.on("console", lambda line: None if expected.match(line.text) else faults.append(line.text))
    context.on("weberror", lambda error: faults.append(str(error.error)))
    yield context.new_page()
    context.close()
    assert faults == []


def _check_host(url: str, ours: set[str], faults: list[str]) -> None:
    if urlsplit(url).netloc not in ours:
        faults.append(f"requested {url}")


def check(page: Page) -> None:
    """Check a page, wide and light as well as narrow and dark: accessible, small, nothing to the side."""
    html = page.content()
    assert len(html.encode()) < 100_000 or urlsplit(page.url).path == "/docs"
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\son[a-z]+=", html)
    assert TOKEN not in html + page.url
    page.set_viewport_size(NARROW)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], page.url
    assert violations(page) == [], page.url
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDE["width"], page.url
    # The other rules look at the same elements again.
    assert violations(page, "color-contrast") == [], page.url


def forget_rates(site: Stage) -> None:
    """Let the tests before this one not count: all of them come from one address, within a minute."""
    with store_of(site) as store:
        for key in store.scan_iter("*install_*"):
            store.delete(key)


def forget_installations(site: Stage) -> None:
    while items := site_installations(site):
        for each in items:
            delete_installation(site, each["id"])


def site_installations(site: Stage) -> list[dict[str, Any]]:
    url = f"{site.service_url}/api/v1/installations"
    found: list[dict[str, Any]] = requests.get(url, headers=site.headers, timeout=10).json()["items"]
    return found


def delete_installation(site: Stage, installation_id: str) -> None:
    url = f"{site.service_url}/api/v1/installations/{installation_id}"
    requests.delete(url, headers=site.headers, timeout=20)


def sign_in(page: Page, token: str = TOKEN) -> None:
    """Send a token; if it is the right one, wait until the user is signed in."""
    page.goto("/install")
    page.get_by_label("SectorFlow API token").fill(token)
    page.get_by_role("button", name="Continue").click()
    if token == TOKEN:
        expect(page.get_by_text("Signed in: ")).to_be_visible()


def open_form(page: Page) -> None:
    """Sign in, and open an empty form."""
    sign_in(page)
    page.goto("/install/new")


def go_to_slack(page: Page, link: str) -> None:
    """Open an install link, and go on to Slack's consent page."""
    page.goto(link)
    page.get_by_role("link", name="Continue to Slack").click()
    expect(page.get_by_role("button", name="Allow")).to_be_visible()


def consent(page: Page, decision: str = "Allow") -> None:
    """Go from the page before Slack's consent through Slack."""
    page.get_by_role("link", name="Continue to Slack").click()
    page.get_by_role("button", name=decision).click()


def install(page: Page) -> None:
    sign_in(page)
    page.get_by_role("button", name="Complete installation").click()
    consent(page)
    expect(page.get_by_role("heading", name="SectorFlow is installed")).to_be_visible()
