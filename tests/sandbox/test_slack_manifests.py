"""The faults that Slack refuses in a manifest, and the creation of apps."""

import copy
import json
from typing import Any

import pytest
import requests
from slack_sdk import WebClient

from sandbox.slack.config_tokens import SEEDED_REFRESH_TOKEN, SEEDED_TOKEN
from sandbox.slack.manifest_rules import manifest_faults
from sandbox.slack.seed import TEAM_ID
from tests.sandbox.helpers import Box, Json, error_of, refusal

MANIFEST: Json = {
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
URL = "https://asks.example.com/"
#: Its scope is not among those of the manifest.
EVENTS = {"bot_events": ["message.im"]}


def changed(place: str, value: Any, manifest: Json = MANIFEST) -> Json:
    """Return the manifest with another value at a pointer; None removes it."""
    manifest = copy.deepcopy(manifest)
    *path, name = place.split("/")[1:]
    part = manifest
    for step in path:
        part = part.setdefault(step, {})
    part[name] = value
    if value is None:
        del part[name]
    return manifest


#: A pointer, a valid value there, and the invalid ones; None removes the value.
LIMITS: list[tuple[str, Any, list[Any]]] = [
    ("/display_information/name", "x" * 35, ["x" * 36, None]),
    ("/display_information/description", "x" * 140, ["x" * 141, 7]),
    ("/display_information/long_description", "x" * 175, ["x" * 174]),
    ("/display_information/background_color", "#a1b2c3", ["red"]),
    ("/features/bot_user", {"display_name": "x"}, [None]),
    ("/features/bot_user/display_name", "a.b-c_9" * 11, ["a" * 81, "Acme Asks", None]),
    ("/features/agent_view/agent_description", "x" * 300, ["x" * 301, None]),
    ("/features/agent_view/suggested_prompts", [PROMPT] * 4, [[PROMPT] * 5, [{"title": "x"}]]),
    ("/features/assistant_view", None, [{"assistant_description": "x"}]),
    ("/oauth_config/redirect_urls", [URL], [["http://asks.example.com/"]]),
    ("/oauth_config/scopes/bot_optional", ["chat:write"], [["im:history"]]),
    ("/settings/org_deploy_enabled", False, ["yes"]),
    ("/settings/token_rotation_enabled", True, [1]),
    ("/settings/interactivity/is_enabled", False, [None]),
    ("/settings/event_subscriptions", {}, [{"bot_events": ["app_mention"]}, {**EVENTS, "request_url": URL}]),
    ("/settings/unheard_of", None, [True]),
]


@pytest.mark.parametrize(("place", "valid", "refused"), LIMITS, ids=[place for place, *_ in LIMITS])
def test_a_manifest_is_accepted_at_its_limits_and_refused_by_pointer_past_them(place, valid, refused):
    places = (place, place.rpartition("/")[0], f"{place}/0", f"{place}/bot_events")

    assert manifest_faults(changed(place, valid)) == []
    for value in refused:
        (fault,) = manifest_faults(changed(place, value))
        assert fault["pointer"] in places


def test_rotating_tokens_need_a_redirect_url():
    rotating = changed("/settings/token_rotation_enabled", True)

    (fault,) = manifest_faults(changed("/oauth_config/redirect_urls", [], rotating))

    assert fault["pointer"] == "/oauth_config/redirect_urls"


@pytest.fixture
def config(box) -> WebClient:
    return box.client(SEEDED_TOKEN)


def count(box: Box) -> int:
    return [each["name"] for each in box.report("apps")["apps"]].count("Acme Asks")


def test_an_app_is_created_in_the_tokens_workspace_alone(box, config):
    elsewhere = error_of(config.apps_manifest_create, manifest=MANIFEST, team_id="T0OTHER0001")

    made = config.apps_manifest_create(manifest=MANIFEST)

    app = box.world.apps[made["app_id"]]
    assert (elsewhere, made["team_id"], count(box)) == ("invalid_team_id", TEAM_ID, 1)
    assert (app.org_deploy, app.token_rotation, app.is_distributed) == (True, False, False)
    assert "assistant:write" in app.scopes


def test_a_manifest_creates_an_app_only_if_its_url_echoes(box, config):
    events = {"request_url": box.service.url, "bot_events": ["app_mention"]}
    manifest = changed("/settings/event_subscriptions", events)

    refused = refusal(config.apps_manifest_create, manifest=manifest)

    assert json.loads(box.service.got[0][1]).keys() == {"token", "challenge", "type"}
    assert refused["errors"][0]["pointer"].endswith("/request_url")
    assert count(box) == 0


def test_a_user_creates_an_app_by_hand_from_a_link(box):
    url, text = f"{box.url}/apps", json.dumps(MANIFEST)

    offered = [
        requests.get(url, params={"new_app": "1", "manifest_json": each}) for each in (text, "{}", "{")
    ]
    made = requests.post(url, data={"manifest": text, "team": TEAM_ID})

    app = next(each for each in box.world.apps.values() if each.name == "Acme Asks")
    assert [each.status_code for each in offered] == [200, 400, 400]
    assert app.signing_secret in made.text
    assert app.home_team_id == TEAM_ID


def test_a_config_token_expires_after_twelve_hours_and_is_renewed_once(box, config):
    nameless = changed("/display_information/name", "")
    before = refusal(config.apps_manifest_validate, manifest=nameless)
    box.control("age-tokens", seconds=12 * 3_600, kind="config")
    ended = error_of(config.apps_manifest_validate, manifest=MANIFEST)

    new = config.tooling_tokens_rotate(refresh_token=SEEDED_REFRESH_TOKEN)

    again = error_of(config.tooling_tokens_rotate, refresh_token=SEEDED_REFRESH_TOKEN)
    assert [each["pointer"] for each in before["errors"]] == ["/display_information/name"]
    assert (ended, again) == ("token_expired", "invalid_refresh_token")
    assert new["exp"] - new["iat"] == 43_200
