"""The HTML pages at the end of an install."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from sectorflow_slack.services.oauth import RETRIABLE
from sectorflow_slack.web.pages import REFUSALS, refusal_page
from tests.values import OWN_APP, TEAM_ID
from tests.web.flows import access_reply

INLINE = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
JARGON = re.compile(r"oauth|state|token|cookie_|redis|http|error_|null|none", re.IGNORECASE)


def test_the_page_of_a_successful_install_explains_the_next_steps_and_links_to_slack(client, sectorflow):
    sectorflow.post("https://slack.com/api/auth.test", json={"ok": True, "user": "sectorflow"})

    _, page = client.install(sectorflow)

    assert (page.status_code, page.mimetype) == (200, "text/html")
    for part in (
        "<title>Acme Assistant is installed ",
        "<strong>Acme</strong>",
        "<strong>@sectorflow</strong>",
        'value="/invite @sectorflow"',
        'value="@sectorflow Tell me a joke"',
    ):
        assert part in page.text
    assert not INLINE.search(page.text)
    (link,) = re.findall(r'<a class="button" href="([^"]+)"', page.text)
    url = urlsplit(unescape(link))
    assert (url.scheme, url.netloc, url.path) == ("https", "slack.com", "/app_redirect")
    assert parse_qs(url.query) == {"app": [OWN_APP.app_id], "team": [TEAM_ID]}


def test_a_team_without_a_name_leaves_no_gap(client, sectorflow):
    _, page = client.install(sectorflow, reply=access_reply(team={"id": TEAM_ID}))

    assert "It is in your Slack workspace now." in page.text
    assert "<code>/invite</code>" in page.text


def test_names_are_escaped(client, sectorflow):
    reply = access_reply(team={"id": TEAM_ID, "name": '"><img src=x onerror=alert(1)>'})

    _, page = client.install(sectorflow, reply=reply, appName="<script>alert(1)</script>")

    assert page.status_code == 200
    assert "<script>" not in page.text
    assert "<img src=x" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize("reason", REFUSALS)
def test_each_refusal_explains_in_plain_words_what_happened_and_what_to_do(app, reason):
    refusal = REFUSALS[reason]

    with app.test_request_context():
        page = refusal_page(reason)

    html = page.get_data(as_text=True)
    assert page.status_code == refusal.status >= 400
    assert f"<title>{refusal.title} " in unescape(html)
    assert f"<p>{refusal.text}</p>" in unescape(html)
    assert not JARGON.search(refusal.title + refusal.text)
    assert not INLINE.search(html)
    assert not re.search(r'(src|href)="(https?:)?//', html)


def test_a_refusal_after_which_the_link_works_offers_it(app):
    assert {reason for reason, refusal in REFUSALS.items() if refusal.action == "link"} == RETRIABLE

    with app.test_request_context():
        page = refusal_page("cancelled", "a-link").get_data(as_text=True)

    assert '<a class="button" href="/slack/install/a-link">Try again</a>' in page


@pytest.mark.parametrize("is_on", [True, False])
def test_the_refusal_of_a_second_install_leads_to_the_install_page_where_it_is_on(client_with, is_on):
    with client_with(install_page=is_on).application.test_request_context():
        page = refusal_page("already_installed").get_data(as_text=True)

    assert ('<a class="button" href="/install">' in page) is is_on


@pytest.mark.parametrize("is_on", [True, False])
def test_the_first_page_leads_to_the_others(client_with, is_on):
    client = client_with(install_page=is_on)

    targets = set(re.findall(r'href="(/[a-z.]*)"', client.get("/").text))

    assert ("/install" in targets) is is_on
    assert targets >= {"/docs", "/openapi.json", "/healthz", "/readyz"}
    for target in targets - {"/readyz"}:
        assert client.get(target).status_code == 200
    assert client.post("/").mimetype == "text/html"


def test_pages_have_their_assets_and_fit_a_phone(client):
    page = client.get("/slack/install/nowhere").text

    assets = set(re.findall(r'(?:src|href)="(/[^"]+)"', page))

    assert assets
    for path in assets:
        with client.get(path) as asset:
            assert asset.status_code == 200
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert '<html lang="en">' in page
