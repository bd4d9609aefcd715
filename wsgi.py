"""What gunicorn serves."""

import os

from sectorflow_slack.app import create_app
from sectorflow_slack.config import SettingsError
from sectorflow_slack.logging import configure_logging

configure_logging(os.environ.get("LOG_LEVEL", "INFO"))
try:
    app = create_app()
except SettingsError as error:
    raise SystemExit(f"sectorflow-slack: settings\n{error}") from None
