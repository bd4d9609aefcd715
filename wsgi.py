"""What gunicorn serves; run by itself it says which settings are wrong, as ``gunicorn.conf.py`` does."""

import sys

from sectorflow_slack.app import create_app
from sectorflow_slack.commands import make_app_without_settings
from sectorflow_slack.config import SettingsError, load_settings
from sectorflow_slack.logging import configure_logging

try:
    settings = load_settings()
except SettingsError as error:
    # `flask --app wsgi keys new` makes the key that is missing, `doctor` says what else is.
    first_aid = make_app_without_settings(str(error), sys.argv)
    if first_aid is None:
        raise SystemExit(f"sectorflow-slack: settings\n{error}") from None
    app = first_aid
else:
    configure_logging(settings.log_level)
    app = create_app(settings)
