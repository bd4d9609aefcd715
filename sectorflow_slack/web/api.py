"""The install API: SectorFlow's platform registers installations and asks how they stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Request, request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs.flaskparser import FlaskParser

from sectorflow_slack.domain.errors import InstallRefused
from sectorflow_slack.domain.models import Installation, InstallRequest, PendingInstallation, Terms
from sectorflow_slack.domain.slack import INSTALL_PATH
from sectorflow_slack.web import current_services, current_settings
from sectorflow_slack.web.api_keys import require_install_api_key
from sectorflow_slack.web.errors import problem
from sectorflow_slack.web.schemas import InstallationRequestSchema, InstallationSchema


class JsonParser(FlaskParser):
    """Reads a JSON body; what Python's own limits refuse is as unreadable as what is no JSON."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Load the body, or refuse it."""
        try:
            return super().load_json(req, schema)
        except (ValueError, RecursionError):  # an integer of thousands of digits; nested thousands deep
            raise problem(400, "The body is no JSON that can be read.") from None


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # flask_smorest has no types
    """A flask-smorest blueprint with our own reading of bodies."""

    ARGUMENTS_PARSER = JsonParser()


blueprint = ApiBlueprint(
    "installations",
    __name__,
    url_prefix="/api/v1",
    description="Register Slack apps for customers and see how the installations stand.",
)


@blueprint.before_request
def guard() -> None:
    """Let nobody in without a key, and no body that is not JSON."""
    require_install_api_key()
    if request.method == "POST" and not request.is_json:
        raise problem(415, "The body must be application/json.")


@blueprint.route("/installations")
class InstallationsView(MethodView):
    """All installations."""

    @blueprint.arguments(InstallationRequestSchema)
    @blueprint.response(201, InstallationSchema)
    @blueprint.alt_response(400, schema="Error", description="The body is not JSON")
    @blueprint.alt_response(401, schema="Error", description="No or a wrong install API key")
    @blueprint.alt_response(413, schema="Error", description="The body is larger than 1 MiB")
    @blueprint.alt_response(415, schema="Error", description="The body is not `application/json`")
    @blueprint.alt_response(503, schema="Error", description="The store is away; try again")
    def post(self, asked: InstallRequest) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Register an installation.

        Answers with the link that a person of the customer follows to consent at Slack. The token and
        the workspace are checked with SectorFlow first.
        """
        try:
            pending = current_services.installs.register(asked)
        except InstallRefused as refusal:
            raise problem(422, refusal.message, errors={"json": {refusal.field: [refusal.message]}}) from None
        location = f"{current_settings.public_url}/api/v1/installations/{pending.terms.id}"
        return _show(pending), 201, {"Location": location}


@blueprint.route("/installations/<uuid:installation_id>")
class InstallationView(MethodView):
    """One installation."""

    @blueprint.response(200, InstallationSchema)
    @blueprint.alt_response(401, schema="Error", description="No or a wrong install API key")
    @blueprint.alt_response(404, schema="Error", description="There is no such installation")
    @blueprint.alt_response(503, schema="Error", description="The store is away; try again")
    def get(self, installation_id: object) -> dict[str, Any]:
        """Show an installation.

        One that failed or expired is shown for seven days.
        """
        found = current_services.installs.find(str(installation_id))
        if found is not None:
            return _show(found)
        raise problem(404, "There is no such installation.")


def _show(installation: Installation | PendingInstallation) -> dict[str, Any]:
    if isinstance(installation, Installation):
        return _show_terms(installation.terms) | {
            "status": "installed",
            "teamId": installation.bot.tenant_id,
            "teamName": installation.bot.team_name,
            "botUserId": installation.bot.bot_user_id,
            "installedAt": _time(installation.installed_at),
        }
    status = installation.status(current_services.installs.clock())
    shown = _show_terms(installation.terms) | {
        "status": status,
        "teamId": installation.team_id,
        "failure": installation.failure,
    }
    if status == "pending":
        shown["installUrl"] = f"{current_settings.public_url}{INSTALL_PATH}/{installation.link}"
        shown["expiresAt"] = _time(installation.expires_at)
    return shown


def _show_terms(terms: Terms) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("teamId", "teamName", "botUserId", "installedAt", "installUrl", "expiresAt", "failure")
    )
    return nothing | {
        "id": terms.id,
        "appName": terms.app_name,
        "appId": terms.app_id,
        "customerId": terms.customer_id,
        "allowExternalUsers": terms.allow_external_users,
        "workspaceId": terms.sectorflow.workspace_id,
        "modelIds": list(terms.sectorflow.model_ids),
        "plusId": terms.sectorflow.plus_id,
        "display": terms.display,
        "createdAt": _time(terms.created_at),
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
