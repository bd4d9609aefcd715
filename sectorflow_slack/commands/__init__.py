"""The operator's commands: ``sectorflow-slack …``, or ``flask --app wsgi …``."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import cast

import click
from flask import Flask
from flask.cli import ScriptInfo
from flask.cli import cli as flask_cli

from sectorflow_slack import __version__
from sectorflow_slack.commands.apps import apps, manifest
from sectorflow_slack.commands.doctor import SETTINGS_FAULTS, doctor
from sectorflow_slack.commands.failed_questions import failed
from sectorflow_slack.commands.install_api import change, feedback, register
from sectorflow_slack.commands.installations import installations
from sectorflow_slack.commands.keys import keys
from sectorflow_slack.commands.sectorflow import sectorflow

COMMANDS = (doctor, installations, apps, manifest, failed, sectorflow, keys)

#: The commands that need no settings, by the words of the command line.
COMMANDS_WITHOUT_SETTINGS = {("doctor",): doctor, ("keys", "new"): keys}


for _installation_command in (register, change, feedback):
    installations.add_command(_installation_command)


@click.group(commands={command.name or "": command for command in COMMANDS})
@click.version_option(__version__)
@click.pass_context
def operator(ctx: click.Context) -> None:
    """Operate SectorFlow for Slack; the settings are read from the environment.

    `doctor` checks everything, and says what to do next. docs/operations.md explains each command.
    """
    ctx.obj = ScriptInfo(create_app=_load_app, set_debug_flag=False)


def _load_app() -> Flask:
    """Load the application that gunicorn serves, which also decides what runs with faulty settings."""
    return cast("Flask", importlib.import_module("wsgi").app)


def register_commands(app: Flask) -> None:
    """Add the commands to ``flask``."""
    for command in COMMANDS:
        app.cli.add_command(command)


def make_app_without_settings(faults: str, arguments: list[str]) -> Flask | None:
    """Make an application without routes for a command that needs no settings, else return None.

    ``faults`` are those of the settings, one a line; ``arguments`` begin with the name of the process.
    """
    if Path(arguments[0]).name not in {"flask", "__main__.py"}:
        return None
    words = _words(arguments[1:])
    for path, command in COMMANDS_WITHOUT_SETTINGS.items():
        if words[: len(path)] == path:
            app = Flask("sectorflow_slack.without_settings", static_folder=None)
            app.config[SETTINGS_FAULTS] = faults
            app.cli.add_command(command)
            return app
    return None


def _words(arguments: list[str]) -> tuple[str, ...]:
    """Return the arguments after the options of ``flask`` itself: the command and its own arguments."""
    _, words, _ = flask_cli.make_parser(click.Context(flask_cli)).parse_args(list(arguments))
    return tuple(words)
