"""Commands for whoever runs the service: ``flask --app wsgi …``."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from sectorflow_slack.commands.apps import apps
from sectorflow_slack.commands.doctor import SETTINGS_FAULTS, doctor
from sectorflow_slack.commands.failed import failed
from sectorflow_slack.commands.installations import installations
from sectorflow_slack.commands.keys import keys
from sectorflow_slack.commands.manifest import manifest
from sectorflow_slack.commands.sectorflow import sectorflow

#: What is of use before the settings are good.
FIRST_AID = (doctor, keys)


def register_commands(app: Flask) -> None:
    """Add the commands to ``flask``."""
    for command in (apps, doctor, failed, installations, keys, manifest, sectorflow):
        app.cli.add_command(command)


def make_first_aid(faults: str, arguments: list[str]) -> Flask | None:
    """Make an application that serves nothing, for the commands that say what is wrong and make new keys.

    Args:
        faults: what is wrong with the settings, a line for each.
        arguments: the process's, its name first; None is given where they name no such command.

    """
    is_flask = Path(arguments[0]).name in {"flask", "__main__.py"}
    if not is_flask or not {command.name for command in FIRST_AID} & set(arguments[1:]):
        return None
    app = Flask("sectorflow_slack.first_aid", static_folder=None)
    app.config[SETTINGS_FAULTS] = faults
    for command in FIRST_AID:
        app.cli.add_command(command)
    return app
