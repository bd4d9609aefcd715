"""The manifest from which Slack creates apps."""

from __future__ import annotations

import json
import unicodedata
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandbox.slack.manifests import manifest_faults
from sectorflow_slack.domain.slack import EVENTS, SCOPES
from sectorflow_slack.services.manifests import app_manifest, bot_name, creation_link

#: 1 to 35 readable characters in any script.
APP_NAMES = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=35
).filter(lambda name: bool(name.strip()))


def manifest(app_name: str = "Acme Assistant") -> dict[str, Any]:
    return app_manifest(app_name, "https://slack.example.com")


def test_an_app_has_exactly_the_scopes_and_events_of_the_service_and_its_urls():
    made = manifest()

    assert made["oauth_config"] == {
        "redirect_urls": ["https://slack.example.com/slack/oauth_redirect"],
        "scopes": {"bot": list(SCOPES)},
    }
    url = "https://slack.example.com/slack"
    assert made["settings"] == {
        "event_subscriptions": {"request_url": f"{url}/events", "bot_events": list(EVENTS)},
        "interactivity": {"is_enabled": True, "request_url": f"{url}/interactions"},
        "org_deploy_enabled": True,
        "socket_mode_enabled": False,
        "token_rotation_enabled": False,
    }
    assert made["features"]["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }


@settings(deadline=None)
@given(app_name=APP_NAMES)
@example("\N{MATHEMATICAL FRAKTUR CAPITAL A}" * 35)
@example("\N{SQUARE RAD OVER S SQUARED}" * 35)
@example("...")
@example("日本語アシスタント")
@example("\u0301")
def test_slack_accepts_the_manifest_with_any_app_name(app_name):
    made = manifest(app_name)

    assert manifest_faults(made) == []
    assert made["display_information"]["name"] == app_name
    json.dumps(made).encode()


@pytest.mark.parametrize(
    ("app_name", "expected"),
    [
        ("Acme Assistant", "acme-assistant"),
        ("Café Zürich", "cafe-zurich"),
        (unicodedata.normalize("NFD", "Café Zürich"), "cafe-zurich"),
        ("Straße 7", "strasse-7"),
        ("R&D / Bot!", "r-d-bot"),
        ("日本語 Bot", "bot"),
        ("Помощник", "assistant"),
        ("🤖", "assistant"),
        ("-._", "assistant"),
        ("v1.2_beta", "v1.2_beta"),
    ],
)
def test_a_bots_name_is_the_apps_name_without_the_characters_that_slack_refuses(app_name, expected):
    assert bot_name(app_name) == expected


@pytest.mark.parametrize(
    ("slack", "page"),
    [
        ("https://slack.com", "https://api.slack.com/apps"),
        ("https://slack-gov.com", "https://api.slack-gov.com/apps"),
        ("http://127.0.0.1:4000", "http://127.0.0.1:4000/apps"),
    ],
)
def test_a_creation_link_is_slacks_page_with_the_manifest(slack, page):
    made = manifest("Tom & Jerry = 100% 日本")

    link = creation_link(made, slack)

    assert link.startswith(f"{page}?new_app=1&manifest_json=")
    assert json.loads(parse_qs(urlsplit(link).query)["manifest_json"][0]) == made
    assert link.isascii()
    assert not set(link) & set(' "<>{}')
