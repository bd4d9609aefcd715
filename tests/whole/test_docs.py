"""The docs name commands, settings and files that are there, and what they say to type runs."""

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
from flask import Flask

from sandbox.sectorflow.models import MODELS, PLUS_ID, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.stage import ROOT, Stage
from sectorflow_slack.commands import register_commands
from sectorflow_slack.commands.sectorflow import TOKEN_VARIABLE
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
def test_every_command_of_the_first_day_is_there_with_its_options(line: str) -> None:
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


# What runs


def blocks_of(page: Path, language: str) -> list[str]:
    return [text for each, text in FENCE.findall(page.read_text()) if each == language]


def run_blocks(page: Path, folder: Path, **environ: str) -> list[str]:
    """Run a page's commands, and return what each block of them printed."""
    script = "\necho ---\n".join(blocks_of(page, "bash"))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, "SECTORFLOW_TOKEN": TOKEN, **environ},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout.split("---")


@pytest.mark.processes
def test_the_calls_of_the_first_day_are_ones_that_slack_and_sectorflow_understand(
    bare_stage: Stage, tmp_path: Path
) -> None:
    install = bare_stage.control("install-app", {"channels": [seed.GENERAL_ID]})["install"]
    thread = bare_stage.ask("Hello")["ts"]

    printed = run_blocks(
        DOCS / "first-day.md",
        tmp_path,
        SLACK=bare_stage.sandbox_url,
        SECTORFLOW=f"{bare_stage.sandbox_url}/sectorflow/api/v1",
        WORKSPACE=WORKSPACE_ID,
        MODEL=MODELS[0].id,
        EXPERT=PLUS_ID,
        BOT=install["bot_token"],
        CHANNEL=seed.GENERAL_ID,
        THREAD=thread,
    )

    asks, tokens, prompts, checked, _, lengths, pings, status = printed
    assert asks.count('"threadId"') == asks.count("\n200\n") == 2
    assert tokens.split() == ["403", "404"]
    assert len(json.loads(prompts)) == 4
    assert json.loads(checked)["ok"] is json.loads(status)["ok"] is True
    assert lengths.split() == ["True", "False", "msg_blocks_too_long", "False", "invalid_blocks"]
    assert pings.split() == ["True"]
    (harmless,) = [each for each in bare_stage.messages() if each["text"] == "What cannot ping"]
    assert harmless["pings"] == []


@pytest.mark.processes
def test_the_install_apis_examples_run_as_they_stand(stage: Stage, tmp_path: Path) -> None:
    page = DOCS / "install-api.md"

    printed = run_blocks(page, tmp_path, SERVICE=stage.service_url, KEY=stage.install_api_key)

    *answers, deleted, manifest = (part.replace(" ", "") for part in printed)
    registered, shown, listed, changed, feedback, replaced = answers
    assert '"status":"pending"' in registered
    assert '"status":"pending"' in shown
    assert '"customerId":"customer-4711"' in listed
    assert '"display":"tabs"' in changed
    assert '"code":404' in feedback  # nobody has consented yet
    assert '"code":422' in replaced
    assert "replaces" in replaced
    assert deleted.strip() == "204"
    assert '"name":"AcmeAssistant"' in manifest


@pytest.mark.parametrize("command", ["demo", "test"])
def test_the_readmes_commands_are_targets_of_make(command: str) -> None:
    assert any(f"make {command}\n" in block for block in blocks_of(ROOT / "README.md", "bash"))

    done = subprocess.run(["make", "--dry-run", command], cwd=ROOT, capture_output=True, check=False)

    assert done.returncode == 0


# The pages beside it


def test_the_manifest_on_the_page_about_apps_is_the_one_that_is_made() -> None:
    (manifest,) = blocks_of(DOCS / "slack-app.md", "json")

    assert json.loads(manifest) == app_manifest("SectorFlow", "https://slack.example.com")


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
