"""Rules for the whole tree: imports, sizes, words, guarded routes, documented settings, processes."""

import ast
import dataclasses
import importlib
import io
import os
import re
import shlex
import subprocess
import sys
import tokenize
import tomllib
from collections import defaultdict
from pathlib import Path

import fakeredis
import pytest

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import build_services
from sectorflow_slack.config import Settings
from tests.values import AUTHORIZED, make_installation

ROOT = Path(__file__).parent.parent
PACKAGES = ("sectorflow_slack", "sandbox")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MAX_MODULE_LINES = 450
MAX_FUNCTION_LINES = 30

#: Every route without a key or a signature, with the reason.
OPEN_ROUTES = {
    "/healthz": "for load balancers",
    "/readyz": "for load balancers",
    "/": "contains no secret",
    "/docs": "contains no secret",
    "/openapi.json": "contains no secret",
    "/static/<path:filename>": "styles, scripts and pictures",
    "/slack/install/<link>": "the link itself is the secret",
    "/slack/install/<link>/continue": "the link itself is the secret",
    "/install": "the page for people; off unless INSTALL_PAGE is on",
    **dict.fromkeys(
        (
            "/install/apps/<uuid:installation_id>",
            "/install/apps/<uuid:installation_id>/remove",
            "/install/forms/<int:number>",
            "/install/new",
            "/install/sign-in",
            "/install/sign-out",
        ),
        "the session in the browser's cookie is the secret",
    ),
    "/slack/oauth_redirect": "the state in the browser's cookie is the secret",
}
#: The files and folders whose prose is checked for idioms that no reader expects.
PROSE_ROOTS = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "bench",
    "docs",
    "examples",
    "gunicorn.conf.py",
    "sandbox",
    "sectorflow_slack",
    "tests",
    "wsgi.py",
)
#: The texts that people read in Slack keep their words; so do the examples of what models write.
PROSE_EXEMPT = (
    "sandbox/sectorflow/answers.py",
    "sandbox/sectorflow/models.py",
    "sectorflow_slack/formatting/words",
    "tests/formatting/corpus",
)
#: Words and phrases that slipped in once. The brackets keep the patterns from matching themselves.
IDIOMS = re.compile(
    r"\b("
    r"(some|no|any)bod[y]|some[o]ne|who[e]ver|(by|for|of|only|those) wh[o] (asks?|holds?|only|has)"
    r"|erran[d]s?|stand[-]ins?|stands? in fo[r]|what stand[s]|at han[d]|first ai[d]|dead[ ]letters?"
    r"|whispe[r](s|ed|ing)?|gree[t](s|ed|ing)?|insis[t](s|ed|ing)?|nudg[e][sd]?(?!:)|for none o[f]|ane[w]"
    r"|(about|by|for|from|in|of|on|to|with) what (are|had|has|is|it|they|was|were)"
    r")\b",
    re.IGNORECASE,
)
#: Verbs for "return" and "whether" at the start of a docstring.
DOCSTRING_STARTS = re.compile(r"(Give|Say|Have|Tell)s?\b")
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
    """Run a command of this virtual environment without our environment variables."""
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
    """Return an application with its own fake Redis."""
    store = fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True)
    return create_app(settings, build_services(settings, store))


# Imports


def test_the_domain_imports_only_the_standard_library():
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


#: Imports the libraries first, because they take the time, then each of our modules in a process of its own.
#: What has been imported alone stays for the layers above it, none of which it imports.
IMPORT_EACH_ALONE = """
import gc, os, socket, sys

libraries, *layers = (each.split() for each in sys.argv[1:])
for name in libraries:
    __import__(name)
gc.disable()

def refuse(event, arguments):
    # urllib3 checks for IPv6 by binding to a free port.
    probe = event == "socket.bind" and arguments[1] == ("::1", 0)
    if not probe and event in ("socket.connect", "socket.bind", "socket.sendto", "subprocess.Popen"):
        raise SystemExit(f"{name} does {event} {arguments[1:]}")

sys.addaudithook(refuse)
for names in layers:
    failed = 0
    for name in names:
        if (child := os.fork()) == 0:
            __import__(name)
            print(name, flush=True)
            os._exit(0)
        failed |= os.waitpid(child, 0)[1]
    if failed:
        sys.exit(1)
    for name in names:
        __import__(name)
"""


def layers_of(names):
    """The modules of each layer, from the lowest; those of no layer are the last."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    ranks = {
        f"sectorflow_slack.{name}": rank
        for rank, line in enumerate(reversed(contracts[0]["layers"]))
        for name in line.split(" | ")
    }
    layers = defaultdict(list)
    for name in names:
        layers[ranks.get(".".join(name.split(".")[:2]), len(ranks))].append(name)
    return [layers[rank] for rank in sorted(layers)]


def test_every_module_can_be_imported_alone_without_settings_or_connections():
    names = [name for name in MODULES if not name.endswith("__main__")]
    imported = {module for path in SOURCES for module in imports_of(path)}
    ours = (*PACKAGES, "", "__future__")
    libraries = sorted(module for module in imported if module.partition(".")[0] not in ours)
    layers = map(" ".join, layers_of(names))

    found = run(sys.executable, "-W", "error", "-c", IMPORT_EACH_ALONE, " ".join(libraries), *layers)

    assert found.returncode == 0, found.stderr
    assert sorted(found.stdout.split()) == sorted(names)


# Size


def test_no_module_has_more_than_450_lines():
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in SOURCES}

    assert not {name: length for name, length in lengths.items() if length > MAX_MODULE_LINES}


def test_no_function_has_more_than_30_lines():
    lengths = {
        f"{name_of(path)}:{node.lineno} {node.name}": body_lines(node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert not {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES}


def body_lines(function):
    """Return the number of lines without signature and docstring."""
    statements = function.body[ast.get_docstring(function) is not None :]
    return (function.end_lineno or 0) - statements[0].lineno + 1 if statements else 0


# Words


def test_the_prose_is_plain_technical_english():
    paths = [ROOT / root for root in PROSE_ROOTS]
    files = [
        file
        for path in paths
        for file in ([path] if path.is_file() else sorted(path.rglob("*")))
        if file.suffix in {".py", ".md"} or file.name == "Makefile"
        if not str(file.relative_to(ROOT)).startswith(PROSE_EXEMPT)
    ]

    offenders = [
        f"{file.relative_to(ROOT)}:{line}: {text.strip()}"
        for file in files
        for line, text in (faults_of(file) if file.suffix == ".py" else idioms_in(lines_of(file)))
    ]

    assert not [path for path in paths if not path.exists()]
    assert not offenders, "\n".join(["Write these in plain technical English:", *offenders])


def faults_of(file):
    """Yield the line and text of every idiom, and of every docstring that starts with another verb."""
    source = file.read_text()
    tree = ast.parse(source)
    yield from idioms_in(prose_of(tree))
    # Most of the time goes to tokens.
    if any(idioms_in((0, line) for line in source.splitlines() if "#" in line)):
        yield from idioms_in(comments_of(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            docstring = ast.get_docstring(node) or ""
            if DOCSTRING_STARTS.match(docstring):
                yield getattr(node, "lineno", 1), docstring.splitlines()[0]


def idioms_in(prose):
    return ((line, text) for line, text in prose if IDIOMS.search(text))


def prose_of(tree):
    """Yield the line and text of every docstring, sentence in a string, and test name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            text = re.sub(r"``[^`]*``", "``", node.value)
            yield from enumerate(text.splitlines(), node.lineno)
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " ")


def comments_of(source):
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def lines_of(file):
    """Yield the number and text of every line, without code in backticks and targets of links."""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        yield number, re.sub(r"`[^`]*`|\]\([^)]*\)", "", line)


# The application


def test_every_route_is_guarded_or_listed_as_open(settings):
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


def test_the_application_is_created_while_redis_is_down(monkeypatch):
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

    # The launcher of `make run` reads SECTORFLOW_SLACK_HOME before there are settings.
    assert documented - {"SECTORFLOW_SLACK_HOME"} == read_variables()


def table():
    lines = (ROOT / "docs" / "configuration.md").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith("| `"))


def read_variables():
    """Return the variables that config.py names."""
    tree = ast.parse((ROOT / "sectorflow_slack" / "config.py").read_text())
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    named = {text for text in texts if re.fullmatch(r"[A-Z]{3,}(_[A-Z]+)*", text)}
    return named - LOG_LEVELS - OTHER_PROGRAMS


LOG_LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR"}
#: Variables of other programs, which are read if ours are not set.
OTHER_PROGRAMS = {"HTTPS_PROXY", "REQUESTS_CA_BUNDLE"}


# Processes


def commands():
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(":") for line in lines)}


def test_the_procfile_starts_existing_programs():
    web, worker = commands()["web"], commands()["worker"]

    assert (web[0], web[-1], worker[:2]) == ("gunicorn", "wsgi:app", ["python", "-m"])
    assert callable(importlib.import_module(worker[-1]).main)


@pytest.mark.parametrize(
    ("name", "flag"), [("web", "--check-config"), ("worker", "--help")], ids=["web", "worker"]
)
def test_the_programs_of_the_procfile_accept_their_settings_and_flags(name, flag):
    found = run(*commands()[name], flag, **MINIMAL_ENVIRONMENT)

    assert found.returncode == 0, found.stdout + found.stderr


def test_without_settings_the_web_process_exits_and_names_the_missing_ones():
    found = run(*commands()["web"], "--check-config")

    assert found.returncode != 0
    assert not [name for name in MINIMAL_ENVIRONMENT if name not in found.stdout + found.stderr]
