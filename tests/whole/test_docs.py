"""The docs name only existing commands, settings and files, and their commands run."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from flask import Flask

from sandbox.sectorflow.models import MODELS, PLUS_ID, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.stage import ROOT, Stage, environ_for
from sectorflow_slack.commands import register_commands
from sectorflow_slack.commands.sectorflow import TOKEN_VARIABLE
from sectorflow_slack.config import Settings
from sectorflow_slack.services.manifests import app_manifest
from tests.storage.test_stored_data import LIFETIMES
from tests.test_architecture import OTHER_PROGRAMS, make_app, read_variables

DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md"))]
FILE = re.compile(r"\b[\w/.]+\.py\b")
FIRST_DAY = "\n".join((DOCS / name).read_text() for name in ("first-day.md", "assumptions.md"))
ARCHITECTURE = (DOCS / "architecture.md").read_text()
QUICK_START = (DOCS / "quick-start.md").read_text()
OPERATIONS = (DOCS / "operations.md").read_text()
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PROSE = FENCE.sub("", FIRST_DAY)
#: The operator's commands in all pages, without what a shell does with them.
COMMANDS = sorted(
    {
        re.split(r" [|&<>#]|'", line)[0].strip()
        for page in PAGES
        for line in re.findall(
            r"(?:flask --app wsgi|sectorflow-slack) ([a-z][^`\n]*)",
            re.sub(r"\\\n *", "", page.read_text()),
        )
    }
)
SOURCES = "\n".join(path.read_text() for path in (ROOT / "sectorflow_slack").rglob("*.py"))

#: Names that look like keys in the stores' docstrings, and are fields of one.
FIELDS = {"busy", "le", "model"}


# Names


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_in_the_docs_is_there_with_its_options(line: str) -> None:
    app = Flask(__name__)
    register_commands(app)
    found: click.Command = app.cli

    words = [word for word in shlex.split(line) if word != "…"]
    while isinstance(found, click.Group) and words:
        found = found.commands[words.pop(0)]

    parameters = [parameter for parameter in found.params if isinstance(parameter, click.Option)]
    known = {name for parameter in parameters for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_command_is_run_on_heroku_by_its_path() -> None:
    run = [
        (path.strip("'"), line)
        for page in PAGES
        for line in page.read_text().splitlines()
        if "heroku run " in line
        for path in re.findall(r"(\S*)sectorflow-slack [a-z…]", line)
    ]

    # The image's PATH has its folder, Heroku's has not.
    assert len(run) > 1
    assert not [line for path, line in run if path != "bin/"]


@pytest.mark.parametrize("name", ["compose.md", "kubernetes.md", "systemd.md"])
def test_the_commands_of_a_platform_name_what_its_files_have(name: str) -> None:
    page = (DOCS / name).read_text()
    deployed = {path.stem: path.read_text() for path in (ROOT / "ops" / "systemd").iterdir()}
    kubernetes = "\n".join(path.read_text() for path in (ROOT / "ops" / "kubernetes").iterdir())
    compose = (ROOT / "compose.yaml").read_text()

    services = re.findall(r"docker compose (?:exec|run)(?: -\S+)* (\w+)|--scale (\w+)=", page)
    objects = re.findall(r"deploy(?:ment)?[/ ](sectorflow-slack-\w+)|secret generic (\S+)|--tag (\S+)", page)
    units = re.findall(r"sectorflow-slack-(?:web|worker)\b", page) if name == "systemd.md" else []

    assert services or objects or units
    assert not [each for pair in services for each in pair if each and f"\n  {each}:\n" not in compose]
    assert not [each for found in objects for each in found if each and each not in kubernetes]
    assert set(units) <= deployed.keys()


def test_every_variable_is_one_that_is_read() -> None:
    named = {
        name
        for page in PAGES
        if page.name not in {"architecture.md", "CONTRIBUTING.md"}
        for name in re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`", FENCE.sub("", page.read_text()))
    }
    constants = {word for word in named if re.search(rf"^{word}(: Final| = )", SOURCES, re.MULTILINE)}
    others = {TOKEN_VARIABLE, "SECTORFLOW_SLACK_HOME", "OTEL_PYTHON_FLASK_EXCLUDED_URLS"}
    known = read_variables() | OTHER_PROGRAMS | others

    assert len(named & known) > 8
    assert named - known - constants == set()


def test_the_example_of_an_environment_has_every_variable() -> None:
    text = (ROOT / ".env.example").read_text()

    named = re.findall(r"^([A-Z_]+)=", text, re.MULTILINE)

    # These two are the shell's own; the settings named OUTGOING_… take their place.
    assert sorted(named) == sorted(read_variables())
    assert '"' not in text


def test_every_file_named_in_the_docs_exists() -> None:
    named = {(page.name, file) for page in PAGES for file in FILE.findall(page.read_text())}

    assert len(named) > 60
    assert not [each for each in sorted(named) if find_source(each[1]) is None]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_is_in_the_file_that_the_docs_say(page: Path) -> None:
    missing = []
    for names, file in re.findall(
        rf"((?:`[\w.]+`,? (?:and |or )?)+)in\s+`({FILE.pattern})`", page.read_text()
    ):
        source = find_source(file)
        defined = definitions(source) if source else set()
        missing += [f"{file}: {name}" for name in re.findall(r"`([\w.]+)`", names) if name not in defined]

    assert not missing


def test_every_class_and_method_named_in_the_docs_exists() -> None:
    defined = {name for path in (ROOT / "sectorflow_slack").rglob("*.py") for name in definitions(path)}
    named = {
        (page.name, name)
        for page in PAGES
        for name in re.findall(r"`([A-Z][a-z]+[A-Z]\w+(?:\.\w+)?|[A-Z][a-z]\w+\.[a-z_]+)`", page.read_text())
    }

    assert len(named) > 15
    assert not [each for each in sorted(named) if each[1] not in defined]


def test_every_constant_named_on_the_page_about_the_architecture_exists() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", FENCE.sub("", ARCHITECTURE)))
    paths = [path for folder in ("sectorflow_slack", "tests") for path in (ROOT / folder).rglob("*.py")]
    sources = "\n".join(path.read_text() for path in paths)

    assert len(named) > 10
    assert not [name for name in sorted(named) if re.search(rf"\b{name}\b", sources) is None]


def find_source(file: str) -> Path | None:
    """Find a file that the docs name by its path from the root or from the package."""
    return next((path for path in (ROOT / file, ROOT / "sectorflow_slack" / file) if path.is_file()), None)


def definitions(path: Path) -> set[str]:
    """The functions, classes and assigned names of a module, methods also as ``Class.method``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return names


@pytest.mark.parametrize(
    "text", [PROSE, OPERATIONS.partition("## Logs")[2].partition("\n## ")[0]], ids=["first-day", "operations"]
)
def test_every_log_line_in_the_docs_is_one_that_is_written(text: str) -> None:
    lines = re.findall(r"`([a-z]+(?: [a-z]+)+)`", text)

    assert len(lines) > 5
    assert not [line for line in lines if line not in SOURCES]


def test_every_metric_is_in_the_table_and_every_alert_uses_one_of_it(settings: Settings) -> None:
    app = make_app(dataclasses.replace(settings, metrics_token="a-token-of-the-metrics"))
    headers = {"Authorization": "Bearer a-token-of-the-metrics"}
    exposed = app.test_client().get("/metrics", headers=headers).text
    types = re.findall(r"^# TYPE (\w+)", exposed, re.MULTILINE)

    table = set(re.findall(r"^\| `(sectorflow_slack_\w+)`", OPERATIONS, re.MULTILINE))
    used = {re.sub(r"_bucket$", "", name) for name in re.findall(r"\bsectorflow_slack_\w+", OPERATIONS)}

    assert table == set(types)
    assert used <= table


def test_every_command_is_in_the_table_of_commands() -> None:
    app = Flask(__name__)
    register_commands(app)
    table = OPERATIONS.partition("| command | does |")[2].partition("\n\n")[0]
    documented = {
        " ".join(re.findall(r"^[a-z -]+", each)[0].split()) for each in re.findall(r"`([a-z][^`]+)`", table)
    }

    assert set(commands_of(app.cli)) - {"run", "shell", "routes"} <= documented


def commands_of(group: click.Group, prefix: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{prefix}{name} ")
        else:
            yield prefix + name


def test_every_error_in_the_docs_has_a_message_that_is_sent() -> None:
    errors = [
        json.loads(block) for page in PAGES for block in blocks_of(page, "json") if '"message"' in block
    ]

    assert len(errors) > 1
    assert not [each["message"] for each in errors if each["message"] not in SOURCES]


def test_the_permissions_are_counted_right() -> None:
    scopes = app_manifest("SectorFlow", "https://slack.example.com")["oauth_config"]

    assert "with the five permissions" in PROSE
    assert len(scopes["scopes"]["bot"]) == 5  # type: ignore[index]


# Commands


def blocks_of(page: Path, language: str) -> list[str]:
    return [text for each, text in FENCE.findall(page.read_text()) if each == language]


def run_blocks(page: Path, folder: Path, *, edit: Callable[[str], str] = str, **environ: str) -> list[str]:
    """Run a page's commands, and return what each block of them printed."""
    script = edit("\necho ---\n".join(blocks_of(page, "bash")))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, "SECTORFLOW_TOKEN": TOKEN, **environ},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return re.split(r"^---$", done.stdout, flags=re.MULTILINE)


@pytest.mark.processes
def test_the_quick_start_leads_to_an_answer_step_by_step(bare_stage: Stage) -> None:
    secrets = "\n".join([TOKEN, seed.CUSTOMER_CLIENT_SECRET, seed.CUSTOMER_SIGNING_SECRET])
    assert bare_stage.install_api_key_file is not None

    printed = run_blocks(
        DOCS / "quick-start.md",
        ROOT,
        # A person types the secrets.
        edit=lambda text: text.replace("register ", f"register --secrets-stdin <<<{shlex.quote(secrets)} "),
        **environ_for(bare_stage.service_url, bare_stage.sandbox_url),
        SECTORFLOW_SLACK_HOME=str(bare_stage.install_api_key_file.parent),
        WORKSPACE=WORKSPACE_ID,
        MODEL=MODELS[0].id,
        OTHER_MODEL=MODELS[1].id,
        APP_ID=seed.CUSTOMER_APP_ID,
        CLIENT_ID=seed.CUSTOMER_CLIENT_ID,
    )

    checked, link, choices, registered = printed
    assert "\nNext: " in checked
    assert "new_app=1&manifest_json=" in link
    assert WORKSPACE_ID in choices
    assert MODELS[1].id in choices
    (install_url,) = re.findall(r"http\S+/slack/install/\S+", registered)
    bare_stage.consent(install_url)
    app = {"app_id": seed.CUSTOMER_APP_ID}
    bare_stage.control("invite", {**app, "channel": seed.GENERAL_ID})
    (answer, *_) = bare_stage.wait_for_answer(bare_stage.ask("{bot} Tell me a joke", **app), 60.0)
    assert MODELS[1].name in str(answer)


def test_the_quick_start_names_the_scopes_the_events_and_the_routes_that_there_are(
    settings: Settings,
) -> None:
    manifest: Any = app_manifest("SectorFlow", "")
    events = manifest["settings"]["event_subscriptions"]
    urls = [
        events["request_url"],
        manifest["settings"]["interactivity"]["request_url"],
        *manifest["oauth_config"]["redirect_urls"],
    ]
    needed = {*manifest["oauth_config"]["scopes"]["bot"], *events["bot_events"], *urls}
    step = QUICK_START.partition("## 4.")[2].partition("## 5.")[0]

    named = set(re.findall(r"`([^`\n]+)`", FENCE.sub("", step)))

    assert named == needed
    client = make_app(settings).test_client()
    assert 404 not in {client.post(url).status_code for url in urls}


def test_the_quick_start_counts_its_steps() -> None:
    steps = [int(number) for number in re.findall(r"^## (\d+)\. ", QUICK_START, re.MULTILINE)]

    assert steps == list(range(1, 9))


@pytest.mark.processes
def test_the_calls_of_the_first_day_are_ones_that_slack_and_sectorflow_understand(
    bare_stage: Stage, tmp_path: Path
) -> None:
    install = bare_stage.control("install-app", {"channels": [seed.GENERAL_ID]})["install"]

    printed = run_blocks(
        DOCS / "assumptions.md",
        tmp_path,
        SLACK=bare_stage.sandbox_url,
        SECTORFLOW=f"{bare_stage.sandbox_url}/sectorflow/api/v1",
        WORKSPACE=WORKSPACE_ID,
        MODEL=MODELS[0].id,
        EXPERT=PLUS_ID,
        BOT=install["bot_token"],
        CHANNEL=seed.GENERAL_ID,
    )

    asks, tokens, prompts, checked, _, lengths, pings, twice = printed
    assert asks.count('"threadId"') == asks.count("\n200\n") == 2
    assert tokens.split() == ["403", "404"]
    assert len(json.loads(prompts)) == 4
    assert json.loads(checked)["ok"] is True
    assert twice.count('"ok":true') == 2
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
    assert '"code":404' in feedback  # no user has consented yet
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


def test_the_events_on_the_page_about_apps_are_ones_of_the_manifest() -> None:
    manifest: Any = app_manifest("SectorFlow", "https://slack.example.com")
    page = (DOCS / "slack-app.md").read_text()

    named = set(re.findall(r"`(app_[a-z_]+|agent_[a-z_]+|message\.[a-z]+|tokens_[a-z]+)`", page))

    assert len(named) > 3
    assert named <= set(manifest["settings"]["event_subscriptions"]["bot_events"])


def test_the_marketplace_gets_a_reason_for_every_scope_and_no_other() -> None:
    form = (DOCS / "marketplace.md").read_text().partition("## What the form wants")[2]
    manifest: Any = app_manifest("SectorFlow", "https://slack.example.com")

    scopes = re.findall(r"^\| `([a-z:._]+)` \| \S", form, re.MULTILINE)

    assert sorted(scopes) == sorted(manifest["oauth_config"]["scopes"]["bot"])


def test_every_key_that_is_written_is_in_the_list_of_redis_keys() -> None:
    table = ARCHITECTURE.partition("## What is in Redis")[2]

    assert not [name for name in LIFETIMES if re.search(rf"`{name}[`:]", table) is None]


def test_every_family_of_keys_is_in_the_list_of_redis_keys() -> None:
    table = ARCHITECTURE.partition("## What is in Redis")[2]
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


# How it is written


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_docs_use_the_words_of_the_field(page: Path) -> None:
    idioms = (
        r"\b(?:any|every|no|some)body\b|\bwhoever\b|\berrands?\b|\bstand-ins?\b|\bwhisper|\bgreet|\binsist|"
        r"\bletters\b|\bat hand\b|\bfor none of\b|(?:^|[.,;] |\| )what is \w+ (?:to|by|of|in|under)\b"
    )
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", FENCE.sub("", page.read_text()))

    assert re.findall(idioms, prose, re.IGNORECASE) == []


def test_no_sentence_is_on_two_pages() -> None:
    pages: dict[str, set[str]] = {}
    for page in PAGES:
        text = re.sub(r"\]\([^)]*\)", "", FENCE.sub("", page.read_text()))
        for sentence in re.split(r"(?<=[.:;!?])\s+|\||\n\n", text):
            words = re.findall(r"[\w'/-]+", sentence.lower())
            if len(words) > 5:
                pages.setdefault(" ".join(words), set()).add(page.name)

    assert {sentence: names for sentence, names in pages.items() if len(names) > 1} == {}
