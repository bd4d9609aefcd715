from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient

from sectorflow_slack.web.pages import REFUSALS, refusal_page
from tests.values import OWN_APP, TEAM_ID
from tests.web.flows import consent_reply, install

INLINE = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
JARGON = re.compile(r"oauth|state|token|cookie_|redis|http|error_|null|none", re.IGNORECASE)


def test_the_page_of_a_good_end_says_what_to_do_next_and_leads_to_slack(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    _, page = install(client, sectorflow)

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "<title>Acme Assistant is installed " in page.text
    assert "<strong>Acme</strong>" in page.text
    assert "<code>/invite</code>" in page.text
    assert not INLINE.search(page.text)
    (link,) = re.findall(r'<a class="button" href="([^"]+)"', page.text)
    url = urlsplit(unescape(link))
    assert (url.scheme, url.netloc, url.path) == ("https", "slack.com", "/app_redirect")
    assert parse_qs(url.query) == {"app": [OWN_APP.app_id], "team": [TEAM_ID]}


def test_a_team_without_a_name_leaves_no_gap(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    _, page = install(client, sectorflow, reply=consent_reply(team={"id": TEAM_ID}))

    assert "It is in your Slack workspace now." in page.text


def test_names_are_shown_and_never_run(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    reply = consent_reply(team={"id": TEAM_ID, "name": '"><img src=x onerror=alert(1)>'})

    _, page = install(client, sectorflow, reply=reply, appName="<script>alert(1)</script>")

    assert page.status_code == 200
    assert "<script" not in page.text
    assert "<img src=x" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize("reason", REFUSALS)
def test_each_refusal_says_what_happened_and_what_to_do_in_plain_words(app: Flask, reason: str) -> None:
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


def test_pages_have_their_assets_and_fit_a_phone(client: FlaskClient) -> None:
    page = client.get("/slack/install/nowhere").text

    assets = set(re.findall(r'(?:src|href)="(/[^"]+)"', page))

    assert assets
    for path in assets:
        with client.get(path) as asset:
            assert asset.status_code == 200
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert '<html lang="en">' in page
