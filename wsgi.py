"""The WSGI application; exits with the wrong settings, as ``gunicorn.conf.py`` does."""

import sys

from sectorflow_slack.app import create_app
from sectorflow_slack.commands import make_app_without_settings
from sectorflow_slack.config import SettingsError, load_settings
from sectorflow_slack.logging import configure_logging

try:
    settings = load_settings()
except SettingsError as error:
    # `flask --app wsgi keys new` creates the missing key, and `doctor` reports what else is missing.
    app_without_settings = make_app_without_settings(str(error), sys.argv)
    if app_without_settings is None:
        raise SystemExit(f"sectorflow-slack: settings\n{error}") from None
    app = app_without_settings
else:
    configure_logging(settings.log_level)
    app = create_app(settings)
