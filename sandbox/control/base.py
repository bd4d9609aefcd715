"""The blueprint of the control API, and how its views read requests."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from sandbox.slack.records import Install
from sandbox.slack.seed import SECTORFLOW_APP_ID, TEAM_ID
from sandbox.state import current_sandbox

control = Blueprint("control", __name__, url_prefix="/_control")

_SECRETS = ("bot_token", "refresh_token", "older_tokens")


@control.errorhandler(TypeError)
@control.errorhandler(LookupError)
def refuse(error: Exception) -> tuple[Response, int]:
    """Return 400 for a missing or unknown field and for an impossible action."""
    return jsonify(error=f"{type(error).__name__}: {error}"), 400


def read_body() -> dict[str, Any]:
    """Return the request's JSON object; 400 if it is none."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        abort(400)
    return dict(body)


def read_install(body: dict[str, Any]) -> Install:
    """Return the active install that a body names by ``app_id`` and ``team_id``."""
    installs = current_sandbox().world.installs
    install = installs.find(body.get("app_id", SECTORFLOW_APP_ID), body.get("team_id", TEAM_ID))
    if install is None:
        abort(404)
    return install


def shown(install: Install) -> dict[str, Any]:
    """Return an install without its tokens."""
    return {name: value for name, value in asdict(install).items() if name not in _SECRETS}
