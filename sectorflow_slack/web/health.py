"""Liveness and readiness."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from sectorflow_slack.web import current_services

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def is_alive() -> ResponseReturnValue:
    """Return 200 while the process runs."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def is_ready() -> ResponseReturnValue:
    """Return 200 if Redis accepts writes, else 503; warnings are about its configuration."""
    missing = current_services.missing()
    if missing:
        return {"status": "unavailable", "missing": missing, "warnings": []}, 503
    return {"status": "ok", "missing": [], "warnings": current_services.warnings()}
