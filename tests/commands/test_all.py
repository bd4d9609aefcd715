"""What holds for every command."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
import redis
from cryptography.fernet import Fernet
from flask import Flask
from redis.backoff import NoBackoff
from redis.retry import Retry

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import build_services, make_connections
from sectorflow_slack.commands import register_commands
from sectorflow_slack.commands.speaking import EXIT_CODES
from sectorflow_slack.config import Settings
from sectorflow_slack.logging import configure_logging
from sectorflow_slack.storage.crypto import Cipher
from tests.fakes import FakeSectorFlowClient
from tests.values import API_TOKEN, INSTALL_API_KEY, MODEL_IDS, WORKSPACE_ID

ROOT = Path(__file__).parent.parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

#: What needs no Redis, or says of itself that it is away.
WITHOUT_REDIS = {
    "keys new",
    "manifest",
    "doctor",
    "sectorflow models",
    "sectorflow workspaces",
    "sectorflow workspace-create",
    "sectorflow workspace-update",
    "sectorflow ask",
}
ARGUMENTS = {
    "failed replay": ["--all"],
    "installations show": ["some-id"],
    "installations delete": ["some-id", "--yes"],
    "installations change": ["some-id", "--display", "tabs"],
    "installations feedback": ["some-id"],
    "installations register": ["--app-name", "Acme", "--workspace", WORKSPACE_ID, "--model", MODEL_IDS[0]],
}
SETTINGS = {
    "PUBLIC_URL": "https://slack.example.com",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "INSTALL_API_KEYS": INSTALL_API_KEY,
}


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Give each command by the words it is called with."""
    app = Flask("bare")
    register_commands(app)
    for name, command in app.cli.commands.items():
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in command.commands.items())
        else:
            yield name, command


COMMANDS = dict(every_command())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_how_it_ends(name: str) -> None:
    command = COMMANDS[name]

    assert command.help
    assert command.epilog == EXIT_CODES


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_or_names_its_choices(name: str) -> None:
    options = [option for option in COMMANDS[name].params if isinstance(option, click.Option)]

    assert all(option.help or isinstance(option.type, click.Choice) for option in options)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_speaks_json(name: str) -> None:
    assert any("--json" in option.opts for option in COMMANDS[name].params)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_takes_a_secret_as_an_argument(name: str) -> None:
    params = COMMANDS[name].params
    secret = [param for param in params if {"token", "secret", "secrets"} & set(words_of(param))]

    assert all(isinstance(param, click.Option) and param.is_flag for param in secret)


def words_of(param: click.Parameter) -> list[str]:
    return [word for name in param.opts for word in name.strip("-").replace("_", "-").split("-")]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_docs(name: str) -> None:
    assert f"`{name}" in OPERATIONS or f"flask --app wsgi {name}" in OPERATIONS


@pytest.mark.parametrize("name", COMMANDS.keys() - WITHOUT_REDIS)
def test_where_redis_is_away_every_command_says_so_in_one_sentence(
    name: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECTORFLOW_TOKEN", API_TOKEN)
    away = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0), decode_responses=True)
    services = build_services(settings, make_connections(away, away))
    installs = replace(services.installs, sectorflow=FakeSectorFlowClient())
    app = create_app(settings, replace(services, installs=installs))
    file = tmp_path / "backup"
    if name == "installations import":
        file.write_text(build_backup(settings))
    arguments = ARGUMENTS.get(name, [str(file)] if name.endswith("port") else [])

    result = app.test_cli_runner().invoke(args=[*name.split(), *arguments])

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: Redis is away")
    assert result.stderr.count("\n") == 1


def build_backup(settings: Settings) -> str:
    """A backup with something in it."""
    records = {"app:A1": {"client_id": "1.2"}}
    return Cipher(settings.encryption_keys).seal("backup", "installations", json.dumps(records))


def test_logs_do_not_get_in_between_what_is_printed(app: Flask, capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("INFO")

    try:
        app.test_cli_runner().invoke(args=["apps", "list"])
        logging.getLogger("sectorflow_slack").warning("left to workers")
        stream = root.handlers[0]
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)

    assert isinstance(stream, logging.StreamHandler)
    assert stream.stream is not sys.__stdout__
    assert "left to workers" not in "".join(capfd.readouterr())


# As a process


def flask(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["flask", "--app", "wsgi", *arguments],
        cwd=ROOT,
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("environment", [SETTINGS, {}], ids=["with settings", "before there are any"])
def test_a_process_prints_a_new_key_and_nothing_else(environment: dict[str, str]) -> None:
    done = flask("keys", "new", **environment)

    assert (done.returncode, done.stderr) == (0, "")
    assert Fernet(done.stdout.strip())


def test_a_process_without_settings_is_told_which_are_missing() -> None:
    examined, listed = flask("doctor", "--json"), flask("installations", "list")

    faults = [json.loads(line)["message"] for line in examined.stdout.splitlines()]
    assert examined.returncode == 1
    assert {fault.partition(":")[0] for fault in faults} == SETTINGS.keys()
    assert listed.returncode == 1
    assert all(name in listed.stderr for name in SETTINGS)
    assert "Traceback" not in examined.stderr + listed.stderr


@pytest.mark.parametrize("command", ["keys re-encrypt", "manifest doctor", "installations show keys"])
def test_a_command_that_needs_the_settings_names_those_that_are_wrong(command: str) -> None:
    wrong = {name: value for name, value in SETTINGS.items() if name != "PUBLIC_URL"}

    done = flask(*command.split(), **wrong)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "sectorflow-slack: settings\nPUBLIC_URL: Environment variable not set.\n"


def test_a_process_whose_redis_is_away_says_one_sentence() -> None:
    done = flask("installations", "list", **SETTINGS)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: Redis is away")
    assert done.stderr.count("\n") == 1
