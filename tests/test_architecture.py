"""What holds for the whole tree: who imports whom, what is guarded, named and documented."""

import ast
import dataclasses
import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import fakeredis
import pytest

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from sectorflow_slack.tasks import make_broker
from tests.values import AUTHORIZED, make_installation

ROOT = Path(__file__).parent.parent
PACKAGES = ("sectorflow_slack", "sandbox")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MAX_MODULE_LINES = 450
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


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = [name_of(path) for path in SOURCES]


def run(*command, **environment):
    """Run a command of this environment in a process that knows nothing of ours."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def make_app(settings):
    """An application with a store of its own."""
    server = fakeredis.FakeServer()
    stores = fakeredis.FakeRedis(server=server, decode_responses=True)
    broker = make_broker(fakeredis.FakeRedis(server=server))
    return create_app(settings, build_services(settings, Connections(stores, broker, broker)))


# Imports


def test_every_import_goes_down():
    found = run("lint-imports", "--no-cache")

    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 broken" in found.stdout


def test_the_domain_knows_the_standard_library_only():
    domain = [path for path in SOURCES if path.parent.name == "domain"]

    imported = {module for path in domain for module in imports_of(path) if "domain" not in module}

    assert len(domain) > 5
    assert {module.partition(".")[0] for module in imported} <= set(sys.stdlib_module_names)


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


#: Imports the libraries first, which is what takes the time: only our own modules are imported alone.
IMPORT_EACH_ALONE = """
import gc, os, socket, sys

libraries, names = (each.split() for each in sys.argv[1:])
for name in libraries:
    __import__(name)
gc.disable()

def refuse(event, arguments):
    # urllib3 looks whether there is IPv6 by binding to any free port of it.
    probe = event == "socket.bind" and arguments[1] == ("::1", 0)
    if not probe and event in ("socket.connect", "socket.bind", "socket.sendto", "subprocess.Popen"):
        raise SystemExit(f"{name} does {event} {arguments[1:]}")

sys.addaudithook(refuse)
failed = 0
for name in names:
    if (child := os.fork()) == 0:
        __import__(name)
        os._exit(0)
    failed |= os.waitpid(child, 0)[1]
sys.exit(bool(failed))
"""


def test_every_module_imports_alone_with_nothing_set_and_reaches_for_nothing():
    names = [name for name in MODULES if not name.endswith("__main__")]
    imported = {module for path in SOURCES for module in imports_of(path)}
    ours = (*PACKAGES, "", "__future__")
    libraries = sorted(module for module in imported if module.partition(".")[0] not in ours)

    found = run(sys.executable, "-W", "error", "-c", IMPORT_EACH_ALONE, " ".join(libraries), " ".join(names))

    assert found.returncode == 0, found.stderr


# Size


def test_no_module_is_longer_than_one_can_read_at_once():
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in SOURCES}

    assert not {name: length for name, length in lengths.items() if length > MAX_MODULE_LINES}


def test_no_function_is_longer_than_a_screen():
    lengths = {
        f"{name_of(path)}:{node.lineno} {node.name}": body_lines(node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert not {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES}


def body_lines(function):
    """How many lines a function does its work in, its docstring and signature apart."""
    statements = function.body[ast.get_docstring(function) is not None :]
    return (function.end_lineno or 0) - statements[0].lineno + 1 if statements else 0


# The application


def test_every_route_is_guarded_or_open_by_name(settings):
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


def test_two_applications_share_nothing(settings):
    one = make_app(settings)
    other_settings = dataclasses.replace(
        settings, public_url="https://other.example.com", install_api_keys=("x" * 16,)
    )
    other = make_app(other_settings)
    installation = make_installation()
    one.extensions["sectorflow_slack"].events.installations.save(installation, None, None)

    path = f"/api/v1/installations/{installation.settings.id}"
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


def test_the_application_is_built_while_redis_is_away(monkeypatch):
    for name, value in MINIMAL_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    app = create_app()

    assert app.test_client().get("/healthz").status_code == 200


# Settings


def test_every_setting_is_read_from_the_environment():
    read = read_variables()

    for setting in dataclasses.fields(Settings):
        expected = "SLACK_APP_ID" if setting.name == "slack_app" else setting.name.upper()
        assert expected in read


def test_every_variable_is_documented_and_every_documented_one_is_read():
    documented = set(re.findall(r"`([A-Z][A-Z_]+)`", re.sub(r"(?m)^\| ([^|]*) \|.*$", r"\1", table())))

    # Where `make run` keeps its things is read by the launcher, before there are settings.
    assert documented - {"SECTORFLOW_SLACK_HOME"} == read_variables()


def table():
    lines = (ROOT / "docs" / "configuration.md").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith("| `"))


def read_variables():
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


def commands():
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(":") for line in lines)}


def test_what_the_procfile_starts_is_there():
    web, worker = commands()["web"], commands()["worker"]
    module, _, attribute = worker[-1].partition(":")

    assert (web[0], web[-1], worker[0]) == ("gunicorn", "wsgi:app", "dramatiq")
    assert callable(getattr(importlib.import_module(module), attribute))


@pytest.mark.parametrize(
    ("name", "flag"), [("web", "--check-config"), ("worker", "--help")], ids=["web", "worker"]
)
def test_the_procfiles_programs_accept_their_settings_and_flags(name, flag):
    found = run(*commands()[name], flag, **MINIMAL_ENVIRONMENT)

    assert found.returncode == 0, found.stdout + found.stderr


def test_without_settings_the_web_process_ends_and_names_what_is_missing():
    found = run(*commands()["web"], "--check-config")

    said = found.stdout + found.stderr
    assert found.returncode != 0
    assert not [name for name in MINIMAL_ENVIRONMENT if name not in said]
