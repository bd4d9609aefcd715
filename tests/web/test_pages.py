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

HOSTILE = "<script>alert(1)</script>"
INLINE = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


def test_the_page_of_a_good_end_says_what_to_do_next(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    _, page = install(client, sectorflow)

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "<title>Acme Assistant is installed " in page.text
    assert "<strong>Acme</strong>" in page.text
    assert "<code>/invite</code>" in page.text


def test_the_page_of_a_good_end_leads_to_slack(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    _, page = install(client, sectorflow)

    (link,) = re.findall(r'<a class="button" href="([^"]+)"', page.text)
    url = urlsplit(unescape(link))
    assert (url.scheme, url.netloc, url.path) == ("https", "slack.com", "/app_redirect")
    assert parse_qs(url.query) == {"app": [OWN_APP.app_id], "team": [TEAM_ID]}


def test_a_team_without_a_name_leaves_no_gap(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    _, page = install(client, sectorflow, reply=consent_reply(team={"id": TEAM_ID}))

    assert "It is in your Slack workspace now." in page.text


def test_names_are_shown_and_never_run(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    reply = consent_reply(team={"id": TEAM_ID, "name": '"><img src=x onerror=alert(1)>'})

    _, page = install(client, sectorflow, reply=reply, appName=HOSTILE)

    assert page.status_code == 200
    assert "<script" not in page.text
    assert "<img src=x" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize("reason", REFUSALS)
def test_each_refusal_says_what_happened_and_what_to_do(app: Flask, reason: str) -> None:
    with app.test_request_context():
        page = refusal_page(reason)

    text = unescape(page.get_data(as_text=True))
    assert page.status_code >= 400
    assert f"<title>{REFUSALS[reason].title} " in text
    assert f"<p>{REFUSALS[reason].text}</p>" in text


@pytest.mark.parametrize("reason", REFUSALS)
def test_no_refusal_speaks_jargon(reason: str) -> None:
    words = REFUSALS[reason].title + REFUSALS[reason].text

    assert not re.search(r"oauth|state|token|cookie_|redis|http|error_|null|none", words, re.IGNORECASE)


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusals_page_has_nothing_inline_and_nothing_from_elsewhere(app: Flask, reason: str) -> None:
    with app.test_request_context():
        text = refusal_page(reason).get_data(as_text=True)

    assert not INLINE.search(text)
    assert not re.search(r'(src|href)="(https?:)?//', text)


def test_the_page_of_a_good_end_has_nothing_inline(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    _, page = install(client, sectorflow)

    assert not INLINE.search(page.text)


def test_what_the_pages_show_is_there(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    _, page = install(client, sectorflow)

    assets = set(re.findall(r'(?:src|href)="(/[^"]+)"', page.text))

    assert assets
    for path in assets:
        with client.get(path) as asset:
            assert asset.status_code == 200


def test_the_pages_fit_a_phone(client: FlaskClient) -> None:
    page = client.get("/slack/install/nowhere")

    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page.text
    assert '<html lang="en">' in page.text
