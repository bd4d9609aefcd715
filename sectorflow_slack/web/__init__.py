"""HTTP in: blueprints, guards, schemas, errors and pages."""

from __future__ import annotations

from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services

#: The services and settings of the current app.
current_services = cast(Services, LocalProxy(lambda: current_app.extensions["sectorflow_slack"]))
current_settings = cast(Settings, LocalProxy(lambda: current_app.config["SETTINGS"]))
