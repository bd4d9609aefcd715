"""The HTTP side: blueprints, schemas, signatures, errors."""

from __future__ import annotations

from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services

#: The services and the settings of the app that handles the request.
current_services = cast(Services, LocalProxy(lambda: current_app.extensions["sectorflow_slack"]))
current_settings = cast(Settings, LocalProxy(lambda: current_app.config["SETTINGS"]))
