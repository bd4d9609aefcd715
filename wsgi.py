"""What gunicorn serves; run by itself it says which settings are wrong, as ``gunicorn.conf.py`` does."""

from sectorflow_slack.app import create_app
from sectorflow_slack.config import SettingsError, load_settings
from sectorflow_slack.logging import configure_logging

try:
    settings = load_settings()
except SettingsError as error:
    raise SystemExit(f"sectorflow-slack: settings\n{error}") from None
configure_logging(settings.log_level)
app = create_app(settings)
