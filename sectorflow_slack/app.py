"""The Flask factory."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from flask import Flask, g, request

from sectorflow_slack import __version__
from sectorflow_slack.bootstrap import build_services, open_connection
from sectorflow_slack.commands import register_commands
from sectorflow_slack.config import Settings, load_settings
from sectorflow_slack.services import Services
from sectorflow_slack.storage.connection import WEB_TIMEOUTS
from sectorflow_slack.web import (
    api_installations,
    api_reference,
    feedback,
    health,
    install_page,
    interactions,
    manifests,
    metrics,
    oauth,
    pages,
)
from sectorflow_slack.web.errors import InstallApi, register_error_handlers
from sectorflow_slack.web.events import EventsEndpoint
from sectorflow_slack.web.guards import (
    MAX_BODY_BYTES,
    check_body,
    report_refused_call,
    set_request_id,
    set_security_headers,
)
from sectorflow_slack.web.request_schemas import describe_slack_app


class _App(Flask):
    """A Flask app that does not log the path of a failed request, which may be an install link."""

    def log_exception(
        self, exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None]
    ) -> None:
        ids: dict[str, Any] = {
            "request_id": g.request_id,
            "method": request.method,
            "endpoint": request.endpoint,
        }
        self.logger.error("request failed", exc_info=exc_info, extra=ids)


def create_app(settings: Settings | None = None, services: Services | None = None) -> Flask:
    """Create the web application; it opens no connection, so that gunicorn can fork afterwards.

    Args:
        settings: read from the environment by default.
        services: built from the settings by default.

    Raises:
        SettingsError: an environment variable is missing or wrong.

    """
    settings = settings or load_settings()
    services = services or build_services(settings, open_connection(settings, WEB_TIMEOUTS))
    app = _App("sectorflow_slack.web")
    app.config.update(_configuration(settings))
    app.extensions["sectorflow_slack"] = services
    install_api = InstallApi(app)
    install_api.ma_plugin.converter.add_attribute_function(describe_slack_app)
    for module in (api_installations, feedback, manifests):
        install_api.register_blueprint(module.blueprint)
    for module in (api_reference, health, install_page, interactions, metrics, oauth, pages):
        app.register_blueprint(module.blueprint)
    register_error_handlers(app)
    register_commands(app)
    app.before_request(set_request_id)
    app.before_request(check_body)
    app.after_request(set_security_headers)
    app.after_request(report_refused_call)
    app.wsgi_app = EventsEndpoint(app, serves_https=settings.serves_https)  # type: ignore[method-assign]
    return app


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "SETTINGS": settings,
        "MAX_CONTENT_LENGTH": MAX_BODY_BYTES,
        "API_TITLE": "SectorFlow for Slack: install API",
        "API_VERSION": __version__,
        "OPENAPI_VERSION": "3.1.0",
        "OPENAPI_URL_PREFIX": "/",
        "API_SPEC_OPTIONS": {
            "components": {"securitySchemes": {"installApiKey": {"type": "http", "scheme": "bearer"}}},
            "security": [{"installApiKey": []}],
            "servers": [{"url": settings.public_url}],
        },
    }
