"""What the docs give of Slack: a manifest that it takes, and pictures that a script takes."""

from __future__ import annotations

import json
import re

from sandbox.pictures.__main__ import FOLDER
from sandbox.slack.manifests import manifest_faults
from sandbox.stage import ROOT
from sectorflow_slack.domain.slack import EVENTS, EVENTS_PATH, INTERACTIONS_PATH, OAUTH_REDIRECT_PATH, SCOPES

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = {name for page in PAGES for name in re.findall(r"images/([\w-]+\.png)", page.read_text())}


def test_slack_takes_the_manifest_and_it_asks_for_what_the_service_uses_and_no_more() -> None:
    page = (ROOT / "docs" / "slack-app.md").read_text()
    manifest = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])
    settings, oauth = manifest["settings"], manifest["oauth_config"]

    assert manifest_faults(manifest) == []
    assert oauth["scopes"] == {"bot": list(SCOPES)}
    assert settings["event_subscriptions"]["bot_events"] == list(EVENTS)
    assert settings["event_subscriptions"]["request_url"].endswith(EVENTS_PATH)
    assert settings["interactivity"]["request_url"].endswith(INTERACTIONS_PATH)
    assert oauth["redirect_urls"][0].endswith(OAUTH_REDIRECT_PATH)


def test_every_picture_that_is_shown_is_there_and_every_other_one_gone() -> None:
    assert {path.name for path in FOLDER.iterdir()} == SHOWN


def test_every_picture_can_be_taken_again() -> None:
    script = (ROOT / "sandbox" / "pictures" / "scenes.py").read_text()
    names = {name.removesuffix(".png").removesuffix("-narrow").removesuffix("-dark") for name in SHOWN}

    assert {name for name in names if f'"{name}"' not in script} == set()


def test_no_picture_makes_a_page_slow() -> None:
    assert {path.name: size for path in FOLDER.iterdir() if (size := path.stat().st_size) > 80_000} == {}
