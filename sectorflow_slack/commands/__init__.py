"""Commands for whoever runs the service: ``flask --app wsgi …``."""

from __future__ import annotations

from flask import Flask

from sectorflow_slack.commands.failed import failed
from sectorflow_slack.commands.installations import installations


def register_commands(app: Flask) -> None:
    """Add the commands to ``flask``."""
    app.cli.add_command(failed)
    app.cli.add_command(installations)
