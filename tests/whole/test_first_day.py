"""The page for the first day names commands, settings and files that are there, and its calls run."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
import requests
from flask import Flask

from sandbox.sectorflow.models import MODELS, PLUS_ID, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.stage import ROOT, Stage
from sectorflow_slack.commands import register_commands
from sectorflow_slack.commands.asking import TOKEN_VARIABLE
from sectorflow_slack.services.manifests import app_manifest
from tests.test_architecture import read_variables

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
PAGE = (DOCS / "first-day.md").read_text()
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PROSE = FENCE.sub("", PAGE)
QUOTED = sorted(set(re.findall(r"`([^`\n]+)`", PROSE)))
COMMANDS = sorted(set(re.findall(r"flask --app wsgi ([^`\n]+)", PAGE)))
SOURCES = "\n".join(path.read_text() for path in (ROOT / "sectorflow_slack").rglob("*.py"))

#: What looks like a key in the stores' docstrings, and is a field of one.
FIELDS = {"busy", "le", "model"}


# What it names


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_there_with_its_options(line: str) -> None:
    app = Flask(__name__)
    register_commands(app)
    found: click.Command = app.cli

    words = shlex.split(line)
    while isinstance(found, click.Group):
        found = found.commands[words.pop(0)]

    parameters = [parameter for parameter in found.params if isinstance(parameter, click.Option)]
    known = {name for parameter in parameters for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_every_variable_is_one_that_is_read() -> None:
    named = {word for word in QUOTED if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", word)}
    constants = {word for word in named if f"{word}: Final" in SOURCES}
    known = read_variables() | {TOKEN_VARIABLE}

    assert len(named & known) > 8
    assert named - known - constants == set()


def test_every_file_is_there() -> None:
    files = [word for word in QUOTED if re.fullmatch(r"[\w/]+\.(py|md)", word)]

    assert len(files) > 8
    assert not [file for file in files if not (ROOT / file).is_file()]


@pytest.mark.parametrize(
    ("name", "file"),
    re.findall(r"`(\w+)`(?: (?:or|and) `\w+`)? in\s+`(sectorflow_slack/[\w/]+\.py)`", PROSE),
)
def test_what_is_to_be_changed_is_in_its_file(name: str, file: str) -> None:
    assert re.search(rf"^ *(def {name}\(|{name}\b.*=)", (ROOT / file).read_text(), re.MULTILINE)


def test_every_line_to_look_for_is_one_that_is_written() -> None:
    lines = [word for word in QUOTED if re.fullmatch(r"[a-z]+( [a-z]+)+", word)]

    assert len(lines) > 6
    assert not [line for line in lines if line not in SOURCES]


def test_the_permissions_are_counted_right() -> None:
    scopes = app_manifest("SectorFlow", "https://slack.example.com")["oauth_config"]

    assert "with the five permissions" in PROSE
    assert len(scopes["scopes"]["bot"]) == 5  # type: ignore[index]


# Its calls, to the stand-ins


@pytest.mark.processes
def test_its_calls_are_ones_that_slack_and_sectorflow_understand(bare_stage: Stage, tmp_path: Path) -> None:
    sandbox_url = bare_stage.sandbox_url
    asked = {"channels": [seed.GENERAL_ID]}
    install = requests.post(f"{sandbox_url}/_control/install-app", json=asked, timeout=10).json()["install"]
    said = {"user": seed.MAYA_ID, "channel": seed.GENERAL_ID, "text": "Hello"}
    thread = requests.post(f"{sandbox_url}/_control/ask", json=said, timeout=10).json()["message"]["ts"]
    environ = {
        **os.environ,
        "SLACK": sandbox_url,
        "SECTORFLOW": f"{sandbox_url}/sectorflow/api/v1",
        "SECTORFLOW_TOKEN": TOKEN,
        "WORKSPACE": WORKSPACE_ID,
        "MODEL": MODELS[0].id,
        "EXPERT": PLUS_ID,
        "BOT": install["bot_token"],
        "CHANNEL": seed.GENERAL_ID,
        "THREAD": thread,
    }
    script = "\necho ---\n".join(text for language, text in FENCE.findall(PAGE) if language == "bash")

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    asks, tokens, prompts, checked, _, headings, lengths, pings, status = done.stdout.split("---")
    assert asks.count('"threadId"') == asks.count("\n200\n") == 2
    assert tokens.split() == ["403", "404"]
    assert len(json.loads(prompts)) == 4
    assert json.loads(checked)["ok"] is json.loads(status)["ok"] is True
    assert headings.split() == ["True", "False", "invalid_blocks"]
    assert lengths.split() == ["True", "True", "False", "invalid_blocks"]
    assert pings.split() == ["True"]
    seen = requests.get(f"{sandbox_url}/_control/messages", timeout=10).json()["messages"]
    (harmless,) = [each for each in seen if each["text"] == "What cannot ping"]
    assert harmless["pings"] == []


# The pages beside it


def test_the_manifest_on_the_page_about_apps_is_the_one_that_is_made() -> None:
    page = (DOCS / "slack-app.md").read_text()

    (manifest,) = [json.loads(text) for language, text in FENCE.findall(page) if language == "json"]

    assert manifest == app_manifest("SectorFlow", "https://slack.example.com")


def test_every_family_of_keys_is_in_the_table_of_what_is_in_redis() -> None:
    table = (DOCS / "architecture.md").read_text().partition("## What is in Redis")[2]
    modules = (ROOT / "sectorflow_slack" / "storage").glob("*.py")
    docstrings = [ast.get_docstring(ast.parse(path.read_text())) or "" for path in modules]

    families = {name for text in docstrings for name in re.findall(r"``([a-z_-]+):\{", text)}

    assert len(families) > 20
    assert not [name for name in sorted(families - FIELDS) if f"`{name}:" not in table]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text())):
        file, _, anchor = target.partition("#")
        if "://" in file:
            continue
        path = (page.parent / file).resolve() if file else page
        if not path.exists() or (anchor and anchor not in anchors_of(path)):
            lost.append(target)

    assert not lost


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
