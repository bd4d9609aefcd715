"""What holds for the whole tree: who imports whom, what is guarded, named and documented."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from sectorflow_slack.tasks import ACTOR, QUEUE, DramatiqTaskQueue, declare_actors, make_broker
from tests.values import AUTHORIZED, make_installation

ROOT = Path(__file__).parent.parent
PACKAGES = ("sectorflow_slack", "sandbox")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
DOMAIN = sorted((ROOT / "sectorflow_slack" / "domain").glob("*.py"))
MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 30

#: Everything that answers without a key or a signature, and why it may.
OPEN_ROUTES = {
    "/healthz": "a load balancer asks",
    "/readyz": "a load balancer asks",
    "/docs": "says nothing that is secret",
    "/openapi.json": "says nothing that is secret",
    "/static/<path:filename>": "styles, scripts and pictures",
    "/slack/install/<link>": "the link itself is the secret",
    "/slack/oauth_redirect": "the state in the browser's cookie is the secret",
}
MINIMAL_ENVIRONMENT = {
    "PUBLIC_URL": "https://slack.example.com",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ENCRYPTION_KEYS": "A" * 43 + "=",
    "INSTALL_API_KEYS": "a-key-of-the-install-api",
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = [name_of(path) for path in SOURCES]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this environment in a process that knows nothing of ours."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def make_app(settings: Settings) -> Flask:
    """An application with a store of its own."""
    server = fakeredis.FakeServer()
    stores = fakeredis.FakeRedis(server=server, decode_responses=True)
    broker = make_broker(fakeredis.FakeRedis(server=server))
    return create_app(settings, build_services(settings, Connections(stores, broker, broker)))


# Imports


def test_every_import_goes_down() -> None:
    found = run("lint-imports", "--no-cache")

    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 broken" in found.stdout


@pytest.mark.parametrize("path", DOMAIN, ids=name_of)
def test_the_domain_knows_the_standard_library_only(path: Path) -> None:
    imported = {module.partition(".")[0] for module in imports_of(path) if "domain" not in module}

    assert imported <= set(sys.stdlib_module_names)


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


IMPORT_EACH_ALONE = """
import os, socket, sys

def refuse(event, arguments):
    # urllib3 looks whether there is IPv6 by binding to any free port of it.
    probe = event == "socket.bind" and arguments[1] == ("::1", 0)
    if not probe and event in ("socket.connect", "socket.bind", "socket.sendto", "subprocess.Popen"):
        raise SystemExit(f"{sys.argv[1]} does {event} {arguments[1:]}")

sys.addaudithook(refuse)
failed = 0
for name in sys.argv[1:]:
    if (child := os.fork()) == 0:
        sys.argv[1] = name
        __import__(name)
        os._exit(0)
    failed |= os.waitpid(child, 0)[1]
sys.exit(bool(failed))
"""


def test_every_module_imports_alone_with_nothing_set_and_reaches_for_nothing() -> None:
    names = [name for name in MODULES if not name.endswith("__main__")]

    found = run(sys.executable, "-W", "error", "-c", IMPORT_EACH_ALONE, *names)

    assert found.returncode == 0, found.stderr


# Size


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_module_is_longer_than_one_can_read_at_once(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_MODULE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    long = {node.name: body_lines(node) for node in functions if body_lines(node) > MAX_FUNCTION_LINES}

    assert not long


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many lines a function does its work in, its docstring and signature apart."""
    statements = function.body[ast.get_docstring(function) is not None :]
    return (function.end_lineno or 0) - statements[0].lineno + 1 if statements else 0


# The application


def test_every_route_is_guarded_or_open_by_name(settings: Settings) -> None:
    app = make_app(dataclasses.replace(settings, metrics_token="a-token-of-the-metrics"))
    client = app.test_client()
    example = "00000000-0000-4000-8000-000000000000"

    guarded = set()
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            with client.open(re.sub(r"<[^>]+>", example, rule.rule), method=method) as response:
                if response.status_code == 401:
                    guarded.add(rule.rule)

    routes = {rule.rule for rule in app.url_map.iter_rules()}
    assert routes - guarded == OPEN_ROUTES.keys()


def test_two_applications_share_nothing(settings: Settings) -> None:
    one = make_app(settings)
    other_settings = dataclasses.replace(
        settings, public_url="https://other.example.com", install_api_keys=("x" * 16,)
    )
    other = make_app(other_settings)
    installation = make_installation()
    one.extensions["sectorflow_slack"].events.installations.save(installation, None, None)

    path = f"/api/v1/installations/{installation.terms.id}"
    with_key_of_other = {"Authorization": "Bearer " + "x" * 16}
    statuses = [
        one.test_client().get(path, headers=AUTHORIZED).status_code,
        one.test_client().get(path, headers=with_key_of_other).status_code,
        other.test_client().get(path, headers=AUTHORIZED).status_code,
        other.test_client().get(path, headers=with_key_of_other).status_code,
    ]

    assert statuses == [200, 401, 401, 404]
    servers = [
        (app.test_client().get("/openapi.json").json or {})["servers"][0]["url"] for app in (one, other)
    ]
    assert servers == ["https://slack.example.com", "https://other.example.com"]


def test_the_application_is_built_while_redis_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in MINIMAL_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    app = create_app()

    assert app.test_client().get("/healthz").status_code == 200


# The job engine


def test_what_is_queued_has_an_actor() -> None:
    web, worker = StubBroker(), StubBroker()
    web.declare_queue(QUEUE)

    DramatiqTaskQueue(web, web).answer_next(make_installation().key)
    declare_actors(worker, lambda key: None)

    (message,) = [web.queues[QUEUE].get_nowait()]
    assert f'"{ACTOR}"'.encode() in message
    assert worker.actors.keys() == {ACTOR}
    assert worker.get_actor(ACTOR).queue_name == QUEUE
    assert not web.actors


# Settings


def test_every_setting_is_read_from_the_environment() -> None:
    read = read_variables()

    for setting in dataclasses.fields(Settings):
        expected = "SLACK_APP_ID" if setting.name == "slack_app" else setting.name.upper()
        assert expected in read


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    documented = set(re.findall(r"`([A-Z][A-Z_]+)`", re.sub(r"(?m)^\| ([^|]*) \|.*$", r"\1", table())))

    # Where `make run` keeps its things is read by the launcher, before there are settings.
    assert documented - {"SECTORFLOW_SLACK_HOME"} == read_variables()


def table() -> str:
    lines = (ROOT / "docs" / "configuration.md").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith("| `"))


def read_variables() -> set[str]:
    """The variables that config.py names."""
    tree = ast.parse((ROOT / "sectorflow_slack" / "config.py").read_text())
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in texts if re.fullmatch(r"[A-Z]{3,}(_[A-Z]+)*", text)} - LOG_LEVELS


LOG_LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR"}


# Processes


def commands() -> dict[str, list[str]]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(":") for line in lines)}


def test_the_procfile_names_a_web_process_and_a_worker() -> None:
    assert {name: command[0] for name, command in commands().items()} == {
        "web": "gunicorn",
        "worker": "dramatiq",
    }


def test_what_the_procfile_starts_is_there() -> None:
    *_, served = commands()["web"]
    *_, worker = commands()["worker"]
    module, _, attribute = worker.partition(":")

    assert served == "wsgi:app"
    assert "app" in {
        target.id
        for node in ast.walk(ast.parse((ROOT / "wsgi.py").read_text()))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert callable(getattr(importlib.import_module(module), attribute))


def test_gunicorn_accepts_its_settings_and_loads_the_application() -> None:
    program, *arguments = commands()["web"]

    found = run(program, "--check-config", *arguments, **MINIMAL_ENVIRONMENT)

    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("command", [("gunicorn", "--check-config", "-c", "gunicorn.conf.py", "wsgi:app")])
def test_without_settings_the_web_process_ends_and_names_what_is_missing(command: tuple[str, ...]) -> None:
    found = run(*command)

    said = found.stdout + found.stderr
    assert found.returncode != 0
    assert not [name for name in MINIMAL_ENVIRONMENT if name not in said]


def test_dramatiq_accepts_the_workers_flags() -> None:
    program, *arguments = commands()["worker"]

    found = run(program, *arguments, "--help")

    assert found.returncode == 0, found.stderr
