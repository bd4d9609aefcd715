"""What runs and watches the service elsewhere: each file passes the tool that was made for its kind."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.stage import ROOT, running_stage
from sectorflow_slack.config import load_settings
from sectorflow_slack.domain.metrics import COUNTERS, GAUGES, HISTOGRAMS, MODEL_COUNTERS
from tests.conftest import skip_or_fail
from tests.test_architecture import MINIMAL_ENVIRONMENT, read_variables
from tests.waiting import until
from tests.whole.test_docs import anchors_of

OPS = ROOT / "ops"
MANIFESTS = [*sorted((OPS / "kubernetes").iterdir())]
UNITS = sorted((OPS / "systemd").iterdir())
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def check(*command: str | Path, cwd: Path = ROOT, **environ: str) -> str:
    """Run a tool, which must succeed, and return its output; a missing tool fails the test in CI only."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    if shutil.which(str(command[0]), path=path) is None:
        skip_or_fail(f"{command[0]} is not installed")
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, "PATH": path, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def deployments() -> dict[str, dict[str, Any]]:
    """Return the pod's spec of each Deployment, by its container's name."""
    specs = [
        document["spec"]["template"]["spec"]
        for path in MANIFESTS
        for document in documents(path)
        if document["kind"] == "Deployment"
    ]
    return {spec["containers"][0]["name"]: spec for spec in specs}


# Form


def test_the_dockerfile_passes_its_linter() -> None:
    check("hadolint", "--failure-threshold", "style", "Dockerfile")


def test_the_compose_file_follows_the_schema_of_compose() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_the_heroku_button_follows_the_schema_of_heroku() -> None:
    check("check-jsonschema", "--schemafile", OPS / "schemas" / "app-json.schema.json", "app.json")


def test_the_kubernetes_manifests_follow_the_schemas_of_kubernetes() -> None:
    found = check("kubernetes-validate", "--strict", *MANIFESTS)

    kinds = re.findall(r"for resource (\w+)/", found)
    assert sorted(kinds) == sorted([*["deployment", "poddisruptionbudget"] * 2, "service", "secret"])


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    # systemd looks for the programs and for the units that these need below another root.
    system = tmp_path / "usr" / "lib" / "systemd" / "system"
    system.parent.mkdir(parents=True)
    if (installed := Path("/usr/lib/systemd/system")).is_dir():
        shutil.copytree(installed, system, symlinks=True)
    programs = tmp_path / "opt" / "sectorflow-slack" / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("gunicorn", "python"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    for unit in UNITS:
        shutil.copy(unit, system)

    printed = check("systemd-analyze", "verify", f"--root={tmp_path}", *(unit.name for unit in UNITS))

    assert printed == ""


# Contents


@pytest.mark.parametrize("process", ["web", "worker"])
def test_every_platform_runs_the_command_of_the_procfile(process: str) -> None:
    (unit,) = [each.read_text() for each in UNITS if process in each.name]
    start = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    image = json.loads(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[-1])
    compose = documents(ROOT / "compose.yaml")[0]["services"][process].get("command", image)
    kubernetes = deployments()[process]["containers"][0].get("command", image)

    assert start == [f"/opt/sectorflow-slack/.venv/bin/{PROCFILE[process]}"]
    assert shlex.join(compose) == shlex.join(kubernetes) == PROCFILE[process]


def test_every_platform_waits_longer_than_a_worker_takes_to_stop() -> None:
    services = documents(ROOT / "compose.yaml")[0]["services"]
    seconds = [
        *(int(services[name]["stop_grace_period"].removesuffix("s")) for name in ("web", "worker")),
        *(spec["terminationGracePeriodSeconds"] for spec in deployments().values()),
        *(int(re.findall(r"TimeoutStopSec=(\d+)", unit.read_text())[0]) for unit in UNITS),
    ]

    assert min(seconds) >= 30


def test_every_platform_sets_variables_that_are_read() -> None:
    containers = [spec["containers"][0] for spec in deployments().values()]
    services = documents(ROOT / "compose.yaml")[0]["services"]
    (secret,) = [each for path in MANIFESTS for each in documents(path) if each["kind"] == "Secret"]
    button = json.loads((ROOT / "app.json").read_text())["env"]
    named = {
        *button,
        *secret["stringData"],
        *(each["name"] for container in containers for each in container["env"]),
        *(name for service in services.values() for name in service.get("environment", ())),
    }

    assert named <= read_variables()
    # The add-on sets REDIS_URL.
    assert button.keys() | {"REDIS_URL"} >= MINIMAL_ENVIRONMENT.keys()
    assert secret["stringData"].keys() >= MINIMAL_ENVIRONMENT.keys()


def test_the_secrets_that_heroku_generates_are_valid_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    button = json.loads((ROOT / "app.json").read_text())["env"]
    # Heroku generates 256 bits in hexadecimal digits.
    values = {name: each.get("value", "") for name, each in button.items()}
    values |= {name: "0f" * 32 for name, each in button.items() if "generator" in each}
    for name in read_variables():
        monkeypatch.setenv(name, values.get(name, ""))
    monkeypatch.setenv("REDIS_URL", "rediss://:password@redis.example.com:6379")

    settings = load_settings()

    assert len(settings.encryption_keys) == 1
    assert settings.redis_tls_verify is False


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The files that the Dockerfile copies into the image."""
    copied = [words.split() for words in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)]
    for *sources, target in copied:
        for source in sources:
            place = tmp_path / target / (source if len(sources) > 1 else "")
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, tmp_path / target)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, place)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [f"{PROCFILE['web']} --check-config", PROCFILE["worker"], "bin/sectorflow-slack apps list"],
    ids=["web", "worker", "operator"],
)
def test_the_image_has_all_that_its_commands_import(image: Path, command: str) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    words = shlex.split(command)

    done = subprocess.run(
        words, cwd=image, env={"PATH": path}, capture_output=True, text=True, timeout=60, check=False
    )

    assert "sectorflow-slack: settings\nENCRYPTION_KEYS: " in done.stdout + done.stderr


def test_the_builder_gets_what_the_image_copies_and_nothing_else() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for words in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for source in words.split()[:-1]
    }

    assert sent == copied


def test_the_images_are_pinned_by_the_digests_of_their_registry(tmp_path: Path) -> None:
    for name in ("Dockerfile", "compose.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    registry = tmp_path / "bin" / "docker"
    registry.parent.mkdir()
    registry.write_text('#!/bin/sh\nprintf %s "$4" | sha256sum | sed "s/^/sha256:/;s/ .*//"\n')
    registry.chmod(0o755)
    path = f"{registry.parent}:{os.environ['PATH']}"

    printed = [check(OPS / "pin-images", tmp_path, PATH=path) for _ in range(2)]

    pinned = (tmp_path / "Dockerfile").read_text() + (tmp_path / "compose.yaml").read_text()
    images = re.findall(r"(?:FROM|image:) (\S+@sha256:[0-9a-f]{64})(?:\s|$)", pinned)
    assert printed[0] == printed[1] == "".join(f"{each}\n" for each in sorted(set(images)))
    assert len(images) == 3


@pytest.mark.processes
def test_a_worker_shows_the_health_check_of_its_container_that_it_lives(tmp_path: Path) -> None:
    probe = deployments()["worker"]["containers"][0]["livenessProbe"]["exec"]["command"]
    compose = documents(ROOT / "compose.yaml")[0]["services"]["worker"]
    alive = compose["environment"]["WORKER_HEARTBEAT_FILE"]
    assert compose["healthcheck"]["test"] == ["CMD", *probe]
    heartbeat = tmp_path / "worker-alive"
    command = [word.replace(alive, str(heartbeat)) for word in probe]
    is_healthy = lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: E731

    assert not is_healthy()
    with running_stage(tmp_path / "log", environ={"WORKER_HEARTBEAT_FILE": str(heartbeat)}):
        until(is_healthy)
        os.utime(heartbeat, (0, 0))
        until(is_healthy)
    os.utime(heartbeat, (time.time() - 90, time.time() - 90))
    assert not is_healthy()


# Watching

RULES = OPS / "prometheus" / "alerts.yaml"
ALERTS = {rule["alert"]: rule for rule in documents(RULES)[0]["groups"][0]["rules"]}
DASHBOARD = json.loads((OPS / "grafana" / "sectorflow-slack.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
SUFFIX = re.compile(r"_(bucket|count|sum|total)$")


def test_prometheus_takes_the_rules_and_their_tests_pass() -> None:
    tested = RULES.with_name("alerts.test.yaml")

    check("promtool", "check", "rules", "--lint-fatal", RULES)
    check("promtool", "test", "rules", tested)

    assert set(re.findall(r'alertname="(\w+)"', tested.read_text())) == ALERTS.keys()


def test_the_alerts_and_the_dashboard_use_every_metric_and_no_other() -> None:
    named = re.findall(r"\bsectorflow_slack_\w+", " ".join([*QUERIES, RULES.read_text()]))
    exposed = {f"sectorflow_slack_{name}" for name in (*COUNTERS, *MODEL_COUNTERS, *HISTOGRAMS, *GAUGES)}

    assert {SUFFIX.sub("", name) for name in named} == exposed


def test_prometheus_takes_every_query_of_the_dashboard(tmp_path: Path) -> None:
    # promtool reads expressions in rules only, and knows none of Grafana's variables.
    rules = [{"record": "query", "expr": query.replace("$__rate_interval", "5m")} for query in QUERIES]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))

    assert f"{len(QUERIES)} rules found" in check(
        "promtool", "check", "rules", "--lint=none", tmp_path / "rules.yaml"
    )


def test_every_alert_leads_to_its_page() -> None:
    pages = {alert: rule["annotations"]["runbook"].partition("#") for alert, rule in ALERTS.items()}

    assert {page for page, _, _ in pages.values()} == {"docs/operations.md"}
    assert {anchor for _, _, anchor in pages.values()} <= anchors_of(ROOT / "docs" / "operations.md")
    assert not [name for name, (_, _, anchor) in pages.items() if anchor.replace("-", "") != name.lower()]
