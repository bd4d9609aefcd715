"""The manifest that the docs give is one that Slack takes."""

from __future__ import annotations

import json
import re

from sandbox.slack.manifests import manifest_faults
from sandbox.stage import ROOT
from sectorflow_slack.domain.slack import EVENTS, EVENTS_PATH, INTERACTIONS_PATH, OAUTH_REDIRECT_PATH, SCOPES


def manifest_of_the_docs() -> dict[str, object]:
    page = (ROOT / "docs" / "slack-app.md").read_text()
    return json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])


def test_slack_takes_the_manifest_of_the_docs() -> None:
    assert manifest_faults(manifest_of_the_docs()) == []


def test_the_manifest_asks_for_what_the_service_uses_and_no_more() -> None:
    manifest = manifest_of_the_docs()
    settings, oauth = manifest["settings"], manifest["oauth_config"]

    assert oauth["scopes"] == {"bot": list(SCOPES)}
    assert settings["event_subscriptions"]["bot_events"] == list(EVENTS)
    assert settings["event_subscriptions"]["request_url"].endswith(EVENTS_PATH)
    assert settings["interactivity"]["request_url"].endswith(INTERACTIONS_PATH)
    assert oauth["redirect_urls"][0].endswith(OAUTH_REDIRECT_PATH)
