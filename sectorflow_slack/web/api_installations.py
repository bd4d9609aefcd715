"""The install API: register, list, show, change and delete installations."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, g, request
from flask.views import MethodView
from marshmallow import RAISE

from sectorflow_slack.domain.installations import (
    AnyInstallation,
    InstallationQuery,
    InstallRequest,
    SettingsChange,
)
from sectorflow_slack.web import current_services, current_settings, examples
from sectorflow_slack.web.api import ApiBlueprint, not_modified, require_match
from sectorflow_slack.web.errors import problem
from sectorflow_slack.web.request_schemas import (
    IdempotencyKeySchema,
    InstallationQuerySchema,
    InstallationRequestSchema,
    SettingsChangeSchema,
)
from sectorflow_slack.web.response_schemas import InstallationPageSchema, InstallationSchema
from sectorflow_slack.web.serializers import serialize, version

blueprint = ApiBlueprint(
    "installations",
    __name__,
    description="Register Slack apps for customers; list, change and delete their installations.",
)

ETAG = {"ETag": {"description": "The version of the installation.", "schema": {"type": "string"}}}
LOCATION = {"Location": {"description": "The URL of the installation.", "schema": {"type": "string"}}}
_HEADER = {"in": "header", "schema": {"type": "string"}}
_YOUR_ETAG = "The `ETag` of the version that you have"
IF_MATCH = {**_HEADER, "name": "If-Match", "description": f"{_YOUR_ETAG}; with another, nothing is done."}
IF_NONE_MATCH = {**_HEADER, "name": "If-None-Match", "description": f"{_YOUR_ETAG}; 304 if it is current."}
NOT_FOUND = "There is no such installation."

ViewResponse = tuple[dict[str, Any], int, dict[str, str]]


@blueprint.route("/installations")
class InstallationsView(MethodView):
    """All installations."""

    @blueprint.doc(operationId="registerInstallation")
    @blueprint.arguments(InstallationRequestSchema, examples=examples.REQUESTS)
    @blueprint.arguments(IdempotencyKeySchema, location="headers")
    @blueprint.response(201, InstallationSchema, example=examples.PENDING, headers={**LOCATION, **ETAG})
    @blueprint.can_fail(400, 413, 415, 422, 502)
    def post(self, install_request: InstallRequest, key: str | None) -> ViewResponse:
        """Register an installation.

        Returns the link for the customer's admin to install the app at Slack. The token and the workspace
        are checked with SectorFlow first.
        """
        # Of the body as it was sent: the schema would fill in defaults.
        body = json.loads(request.get_data())
        registration = current_services.registration
        once = None if key is None else registration.idempotency.make_key(g.api_key, key, body)
        return _versioned(registration.register(install_request, once), 201)

    @blueprint.doc(operationId="listInstallations")
    @blueprint.arguments(InstallationQuerySchema, location="query", unknown=RAISE)
    @blueprint.response(200, InstallationPageSchema, example=examples.PAGE)
    @blueprint.can_fail(422)
    def get(self, query: InstallationQuery) -> dict[str, Any]:
        """List installations, oldest first.

        Only those that match every filter. Failed and expired ones are listed for seven days.
        """
        try:
            page = current_services.registration.list(query)
        except ValueError:
            raise problem(422, errors={"query": {"cursor": ["Not the nextCursor of a page."]}}) from None
        return {"items": [serialize(item) for item in page.items], "nextCursor": page.next_cursor}


@blueprint.route("/installations/<uuid:installation_id>")
class InstallationView(MethodView):
    """One installation."""

    @blueprint.doc(operationId="getInstallation", parameters=[IF_NONE_MATCH])
    @blueprint.response(200, InstallationSchema, example=examples.INSTALLED, headers=ETAG)
    @blueprint.alt_response(304, description="Your version is current", headers=ETAG)
    @blueprint.can_fail(404)
    def get(self, installation_id: object) -> ViewResponse | Response:
        """Return an installation.

        Failed and expired ones are found for seven days.
        """
        found = _find(installation_id)
        return not_modified(version(found)) or _versioned(found, 200)

    @blueprint.doc(operationId="changeInstallation", parameters=[IF_MATCH])
    @blueprint.arguments(SettingsChangeSchema, example=examples.CHANGE)
    @blueprint.response(200, InstallationSchema, example=examples.INSTALLED, headers=ETAG)
    @blueprint.can_fail(400, 404, 412, 413, 415, 422)
    def patch(self, change: SettingsChange, installation_id: object) -> ViewResponse:
        """Change an installation's settings.

        Takes effect with the next question. Settings left out stay; a new token or workspace is checked with
        SectorFlow first. With `If-Match`, nothing is changed if the installation has another version.
        """
        found = _find(installation_id)
        revision = found.settings.revision if require_match(version(found)) else None
        changed = current_services.registration.change(str(installation_id), change, revision)
        if changed is None:
            raise problem(404, NOT_FOUND)
        return _versioned(changed, 200)

    @blueprint.doc(operationId="deleteInstallation", parameters=[IF_MATCH])
    @blueprint.response(204, description="Deleted")
    @blueprint.can_fail(404, 412)
    def delete(self, installation_id: object) -> None:
        """Delete an installation.

        Its bot token is revoked at Slack and every secret deleted. The customer's own app stays at Slack.
        """
        found = _find(installation_id)
        revision = found.settings.revision if require_match(version(found)) else None
        if not current_services.registration.delete(str(installation_id), revision):
            raise problem(404, NOT_FOUND)


def _find(installation_id: object) -> AnyInstallation:
    found = current_services.registration.find(str(installation_id))
    if found is None:
        raise problem(404, NOT_FOUND)
    return found


def _versioned(installation: AnyInstallation, status: int) -> ViewResponse:
    headers = {"ETag": f'"{version(installation)}"'}
    if status == 201:
        headers["Location"] = f"{current_settings.public_url}/api/v1/installations/{installation.settings.id}"
    return serialize(installation), status, headers
