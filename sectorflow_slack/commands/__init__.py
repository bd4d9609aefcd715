"""Commands for whoever runs the service: ``flask --app wsgi …``."""

from __future__ import annotations

from pathlib import Path

from click import Context
from flask import Flask
from flask.cli import cli as flask_itself

from sectorflow_slack.commands.apps import apps, manifest
from sectorflow_slack.commands.doctor import SETTINGS_FAULTS, doctor
from sectorflow_slack.commands.failed_questions import failed
from sectorflow_slack.commands.install_api import change, feedback, register
from sectorflow_slack.commands.installations import installations
from sectorflow_slack.commands.keys import keys
from sectorflow_slack.commands.sectorflow import sectorflow

#: What is of use before the settings are good: the commands, by the words that lead to each.
COMMANDS_WITHOUT_SETTINGS = {("doctor",): doctor, ("keys", "new"): keys}


def register_commands(app: Flask) -> None:
    """Add the commands to ``flask``."""
    for of_one in (register, change, feedback):
        installations.add_command(of_one)
    for command in (apps, doctor, failed, installations, keys, manifest, sectorflow):
        app.cli.add_command(command)


def make_app_without_settings(faults: str, arguments: list[str]) -> Flask | None:
    """Make an application that serves nothing, for the commands that say what is wrong and make new keys.

    Args:
        faults: what is wrong with the settings, a line for each.
        arguments: the process's, its name first; None is given where they name no such command.

    """
    if Path(arguments[0]).name not in {"flask", "__main__.py"}:
        return None
    words = _words(arguments[1:])
    for path, command in COMMANDS_WITHOUT_SETTINGS.items():
        if words[: len(path)] == path:
            app = Flask("sectorflow_slack.first_aid", static_folder=None)
            app.config[SETTINGS_FAULTS] = faults
            app.cli.add_command(command)
            return app
    return None


def _words(arguments: list[str]) -> tuple[str, ...]:
    """Give what follows the options of ``flask`` itself: the command, and what it is given."""
    _, words, _ = flask_itself.make_parser(Context(flask_itself)).parse_args(list(arguments))
    return tuple(words)
