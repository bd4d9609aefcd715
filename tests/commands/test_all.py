"""Rules for every command."""

import json
import os
import subprocess
import sys
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
from sectorflow_slack.bootstrap import build_services
from sectorflow_slack.commands import make_app_without_settings, register_commands
from sectorflow_slack.commands.output import EXIT_CODES
from sectorflow_slack.storage.crypto import Cipher
from tests.commands.conftest import runner
from tests.fakes import FakeSectorFlowClient
from tests.values import API_TOKEN, MODEL_IDS, WORKSPACE_ID

ROOT = Path(__file__).parent.parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

#: The commands that need no Redis, or report themselves that it is down.
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
    "installations export": ["backup"],
    "installations import": ["backup"],
}
REQUIRED_SETTINGS = {"PUBLIC_URL", "REDIS_URL", "ENCRYPTION_KEYS", "INSTALL_API_KEYS"}
FAULT = "PUBLIC_URL: Must be set."


def every_command():
    """Yield the name and the command of each."""
    app = Flask("bare")
    register_commands(app)
    for name, command in app.cli.commands.items():
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in command.commands.items())
        else:
            yield name, command


COMMANDS = dict(every_command())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_can_print_json(name):
    command = COMMANDS[name]
    options = [option for option in command.params if isinstance(option, click.Option)]

    assert command.help
    assert command.epilog == EXIT_CODES
    assert all(option.help or isinstance(option.type, click.Choice) for option in options)
    assert any("--json" in option.opts for option in options)
    assert f"`{name}" in OPERATIONS or f"sectorflow-slack {name}" in OPERATIONS


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_takes_a_secret_as_an_argument(name):
    def words(param):
        return {word for name in param.opts for word in name.strip("-").replace("_", "-").split("-")}

    secret = [param for param in COMMANDS[name].params if {"token", "secret", "secrets"} & words(param)]

    assert all(isinstance(param, click.Option) and param.is_flag for param in secret)


def test_without_redis_every_command_prints_one_sentence(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("SECTORFLOW_TOKEN", API_TOKEN)
    monkeypatch.chdir(tmp_path)
    backup = json.dumps({"app:A1": {"client_id": "1.2"}})
    Path("backup").write_text(Cipher(settings.encryption_keys).seal("backup", "installations", backup))
    down = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0), decode_responses=True)
    services = build_services(settings, down)
    registration = replace(services.registration, sectorflow=FakeSectorFlowClient())
    run = runner(create_app(settings, replace(services, registration=registration)))

    results = {name: run(name, *ARGUMENTS.get(name, [])) for name in COMMANDS.keys() - WITHOUT_REDIS}

    for name, result in results.items():
        assert (result.exit_code, result.stdout) == (1, ""), name
        assert result.stderr.startswith("Error: Redis is down"), name
        assert result.stderr.count("\n") == 1, name


# Without settings


@pytest.mark.parametrize(
    ("arguments", "runs"),
    [
        ("/bin/flask --app wsgi doctor --json", True),
        ("/bin/flask --app=wsgi --debug keys new", True),
        ("/lib/flask/__main__.py -A wsgi -e .env keys new --json", True),
        ("/bin/flask --app wsgi run", False),
        ("/bin/flask --app wsgi keys re-encrypt", False),
        ("/bin/flask --app wsgi keys", False),
        ("/bin/flask --app wsgi manifest doctor", False),
        ("/bin/flask --app wsgi installations show keys new", False),
        ("/bin/flask --app doctor apps list", False),
        ("/lib/sectorflow_slack/__main__.py keys new", True),
        ("/lib/sectorflow_slack/__main__.py apps list", False),
        ("/bin/gunicorn wsgi:app doctor", False),
        ("/bin/flask", False),
    ],
)
def test_without_settings_only_doctor_and_keys_new_run(arguments, runs):
    app = make_app_without_settings(FAULT, arguments.split())

    assert (app is not None) is runs
    assert app is None or not list(app.url_map.iter_rules())


def operate(*arguments, command=(ROOT / "bin" / "sectorflow-slack",), cwd="/", **environ):
    """Run the command of one word, from another folder than the service's."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [*command, *arguments],
        cwd=cwd,
        env={"PATH": path, **environ},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    "how", [{}, {"command": ("flask", "--app", "wsgi"), "cwd": ROOT}], ids=["sectorflow-slack", "flask"]
)
def test_a_process_without_settings_prints_a_new_key(how):
    done = operate("keys", "new", **how)

    assert (done.returncode, done.stderr) == (0, "")
    assert Fernet(done.stdout.strip())


def test_a_process_without_settings_names_the_missing_ones():
    examined, listed = operate("doctor", "--json"), operate("installations", "list")

    faults = [json.loads(line)["message"] for line in examined.stdout.splitlines()]
    assert (examined.returncode, listed.returncode, listed.stdout) == (1, 1, "")
    assert {fault.partition(":")[0] for fault in faults} == REQUIRED_SETTINGS
    assert listed.stderr.startswith("sectorflow-slack: settings\n")
    assert all(f"{name}: Environment variable not set.\n" in listed.stderr for name in REQUIRED_SETTINGS)
    assert "Traceback" not in examined.stderr + listed.stderr


def test_the_command_of_one_word_lists_what_an_operator_may_do():
    alone = operate()

    assert (alone.returncode, alone.stderr) == (0, "")
    listed = alone.stdout.partition("Commands:\n")[2].splitlines()
    assert {line.split()[0] for line in listed} == {name.split()[0] for name in COMMANDS}


def test_a_shell_completes_the_command():
    words = {"COMP_WORDS": "sectorflow-slack installations exp", "COMP_CWORD": "2"}

    done = operate(**words, _SECTORFLOW_SLACK_COMPLETE="bash_complete")

    assert (done.returncode, done.stdout) == (0, "plain,export\n")
