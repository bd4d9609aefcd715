"""What Slack refuses in a manifest, and making an app when things go wrong."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox.server import RunningSandbox
from sandbox.slack.config_tokens import SEEDED_TOKEN
from sandbox.slack.manifest_rules import manifest_faults
from sandbox.slack.seed import TEAM_ID

MANIFEST: dict[str, Any] = {
    "_metadata": {"major_version": 2, "minor_version": 1},
    "display_information": {"name": "Acme Asks"},
    "features": {
        "bot_user": {"display_name": "acme-asks"},
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
        "agent_view": {"agent_description": "Answers."},
    },
    "oauth_config": {
        "redirect_urls": ["https://asks.example.com/slack/oauth_redirect"],
        "scopes": {"bot": ["app_mentions:read", "chat:write"]},
    },
    "settings": {
        "interactivity": {"is_enabled": True, "request_url": "https://asks.example.com/slack/interactions"},
        "org_deploy_enabled": True,
        "token_rotation_enabled": False,
    },
}
PROMPT = {"title": "Joke", "message": "Tell me a joke"}


def changed(pointer: str, value: Any) -> dict[str, Any]:
    """Give the manifest with another value at a place; None takes away what is there."""
    manifest = copy.deepcopy(MANIFEST)
    *path, name = pointer.split("/")[1:]
    part = manifest
    for step in path:
        part = part.setdefault(step, {})
    part[name] = value
    if value is None:
        del part[name]
    return manifest


TAKEN = [
    ("/display_information/name", "x" * 35),
    ("/display_information/description", "x" * 140),
    ("/display_information/long_description", "x" * 175),
    ("/display_information/background_color", "#a1b2c3"),
    ("/features/bot_user/display_name", "a.b-c_9" * 11),
    ("/features/agent_view/agent_description", "x" * 300),
    ("/features/agent_view/suggested_prompts", [PROMPT] * 4),
    ("/oauth_config/scopes/bot_optional", ["chat:write"]),
    ("/settings/token_rotation_enabled", True),
    ("/settings/event_subscriptions", {}),
]
REFUSED = [
    ("/display_information/name", "x" * 36, "/display_information/name"),
    ("/display_information/name", None, "/display_information"),
    ("/display_information/description", "x" * 141, "/display_information/description"),
    ("/display_information/description", 7, "/display_information/description"),
    ("/display_information/long_description", "x" * 174, "/display_information/long_description"),
    ("/display_information/background_color", "red", "/display_information/background_color"),
    ("/features/bot_user/display_name", "Acme Asks", "/features/bot_user/display_name"),
    ("/features/bot_user/display_name", "a" * 81, "/features/bot_user/display_name"),
    ("/features/bot_user/display_name", None, "/features/bot_user"),
    ("/features/bot_user", None, "/features/bot_user"),
    ("/features/agent_view/agent_description", "x" * 301, "/features/agent_view/agent_description"),
    ("/features/agent_view/agent_description", None, "/features/agent_view"),
    ("/features/agent_view/suggested_prompts", [PROMPT] * 5, "/features/agent_view/suggested_prompts"),
    (
        "/features/agent_view/suggested_prompts",
        [{"title": "x"}],
        "/features/agent_view/suggested_prompts/0",
    ),
    ("/features/assistant_view", {"assistant_description": "x"}, "/features/assistant_view"),
    ("/oauth_config/redirect_urls", ["http://asks.example.com/"], "/oauth_config/redirect_urls/0"),
    ("/oauth_config/scopes/bot_optional", ["im:history"], "/oauth_config/scopes/bot_optional"),
    ("/settings/org_deploy_enabled", "yes", "/settings/org_deploy_enabled"),
    ("/settings/interactivity/is_enabled", None, "/settings/interactivity"),
    ("/settings/event_subscriptions", {"bot_events": ["app_mention"]}, "/settings/event_subscriptions"),
    ("/settings/unheard_of", True, "/settings/unheard_of"),
]


@pytest.mark.parametrize(("pointer", "value"), TAKEN)
def test_a_manifest_is_taken_at_its_limits(pointer: str, value: Any) -> None:
    assert manifest_faults(changed(pointer, value)) == []


@pytest.mark.parametrize(("pointer", "value", "place"), REFUSED)
def test_a_manifest_is_refused_by_place_past_them(pointer: str, value: Any, place: str) -> None:
    assert [fault["pointer"] for fault in manifest_faults(changed(pointer, value))] == [place]


def test_rotating_tokens_need_a_redirect_url() -> None:
    manifest = changed("/settings/token_rotation_enabled", True)
    manifest["oauth_config"]["redirect_urls"] = []

    assert [fault["pointer"] for fault in manifest_faults(manifest)] == ["/oauth_config/redirect_urls"]


def test_an_event_needs_its_scope() -> None:
    subscriptions = {"request_url": "https://asks.example.com/", "bot_events": ["message.im"]}

    faults = manifest_faults(changed("/settings/event_subscriptions", subscriptions))

    assert "im:history" in faults[0]["message"]


@pytest.fixture
def config(running: RunningSandbox) -> WebClient:
    return WebClient(SEEDED_TOKEN, base_url=f"{running.base_url}/api/", retry_handlers=[], timeout=5)


def names(running: RunningSandbox) -> list[str]:
    listed = requests.get(f"{running.base_url}/_control/apps").json()["apps"]
    return [each["name"] for each in listed]


def plan(running: RunningSandbox, **fault: Any) -> None:
    fault = {"service": "slack", "target": "apps.manifest.create", **fault}
    requests.post(f"{running.base_url}/_control/faults", json=fault).raise_for_status()


def test_an_app_is_made_in_the_tokens_workspace(running: RunningSandbox, config: WebClient) -> None:
    made = config.apps_manifest_create(manifest=MANIFEST)

    app = running.sandbox.world.apps[made["app_id"]]
    assert (made["team_id"], made["team_domain"]) == (TEAM_ID, "acme")
    assert (app.org_deploy, app.token_rotation, app.is_distributed) == (True, False, False)
    assert "assistant:write" in app.scopes
    assert parse_qs(urlsplit(made["oauth_authorize_url"]).query)["client_id"] == [app.client_id]
    assert names(running).count("Acme Asks") == 1


def test_no_app_is_made_in_another_workspace(running: RunningSandbox, config: WebClient) -> None:
    with pytest.raises(SlackApiError) as raised:
        config.api_call("apps.manifest.create", data={"manifest": "{}", "team_id": "T0OTHER0001"})

    # The manifest comes first; a good one is refused for the team.
    assert raised.value.response["error"] == "invalid_manifest"
    with pytest.raises(SlackApiError) as raised:
        config.apps_manifest_create(manifest=MANIFEST, team_id="T0OTHER0001")
    assert raised.value.response["error"] == "invalid_team_id"
    assert "Acme Asks" not in names(running)


@pytest.mark.parametrize(
    ("fault", "made"), [({"drop": "before"}, 0), ({"status": 500}, 0), ({"drop": "after"}, 1)]
)
def test_an_answer_that_is_lost_leaves_an_app_or_none(
    running: RunningSandbox, config: WebClient, fault: dict[str, Any], made: int
) -> None:
    plan(running, **fault)
    url, form = f"{running.base_url}/api/apps.manifest.create", {"token": SEEDED_TOKEN}

    try:
        status = requests.post(url, data={**form, "manifest": json.dumps(MANIFEST)}, timeout=5).status_code
    except requests.ConnectionError:
        status = 0

    assert status in (0, 500)
    assert names(running).count("Acme Asks") == made


def test_making_an_app_can_take_its_time(running: RunningSandbox, config: WebClient) -> None:
    plan(running, delay=0.5)
    url, form = f"{running.base_url}/api/apps.manifest.create", {"token": SEEDED_TOKEN}

    with pytest.raises(requests.Timeout):
        requests.post(url, data={**form, "manifest": json.dumps(MANIFEST)}, timeout=0.1)


def test_an_app_goes_into_its_own_workspace_only(running: RunningSandbox, config: WebClient) -> None:
    made = config.apps_manifest_create(manifest=MANIFEST)
    other = requests.post(f"{running.base_url}/_control/team", json={"name": "other"}).json()
    asked = {"client_id": made["credentials"]["client_id"], "scope": "chat:write"}

    answers = [
        requests.get(f"{running.base_url}/oauth/v2/authorize", params={**asked, "team": team})
        for team in (TEAM_ID, other["team"])
    ]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert "invalid_team_for_non_distributed_app" in answers[1].text


def test_a_person_makes_an_app_by_hand_from_a_link(running: RunningSandbox) -> None:
    url, text = f"{running.base_url}/apps", json.dumps(MANIFEST)

    offered = requests.get(url, params={"new_app": "1", "manifest_json": text})
    made = requests.post(url, data={"manifest": text, "team": TEAM_ID})
    bad = requests.get(url, params={"new_app": "1", "manifest_json": '{"display_information": {}}'})
    broken = requests.get(url, params={"new_app": "1", "manifest_json": "{"})

    app = next(each for each in running.sandbox.world.apps.values() if each.name == "Acme Asks")
    assert "Acme Asks" in offered.text
    assert app.signing_secret in made.text
    assert app.home_team_id == TEAM_ID
    assert (bad.status_code, broken.status_code) == (400, 400)
