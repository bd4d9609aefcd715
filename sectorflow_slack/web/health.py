"""Liveness and readiness."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from sectorflow_slack.web import current_services

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def is_alive() -> ResponseReturnValue:
    """Say that the process lives."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def is_ready() -> ResponseReturnValue:
    """Say whether this process can do its work, or what it lacks, and what is to be changed all the same."""
    missing = current_services.missing()
    if missing:
        return {"status": "unavailable", "missing": missing, "warnings": []}, 503
    return {"status": "ok", "missing": [], "warnings": current_services.warnings()}
