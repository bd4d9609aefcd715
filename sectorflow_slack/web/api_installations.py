"""The install API: SectorFlow's platform registers installations, and lists, changes and deletes them."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, request
from flask.views import MethodView
from marshmallow import RAISE

from sectorflow_slack.domain.installations import (
    IdempotencyKey,
    InstallationQuery,
    InstallRequest,
    SettingsChange,
)
from sectorflow_slack.services.idempotency import fingerprint
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
from sectorflow_slack.web.serializers import AnyInstallation, serialize, version

blueprint = ApiBlueprint(
    "installations",
    __name__,
    description="Register Slack apps for customers, see how the installations stand, change and end them.",
)

ETAG = {"ETag": {"description": "The version of the installation.", "schema": {"type": "string"}}}
LOCATION = {"Location": {"description": "Where the installation is shown.", "schema": {"type": "string"}}}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": "The `ETag` of the version that this is for; with any other, nothing is done.",
    "schema": {"type": "string"},
}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": "The `ETag` of the version that you have; 304 says that it is still the one.",
    "schema": {"type": "string"},
}
MISSING = "There is no such installation."

Answer = tuple[dict[str, Any], int, dict[str, str]]


@blueprint.route("/installations")
class InstallationsView(MethodView):
    """All installations."""

    @blueprint.doc(operationId="registerInstallation")
    @blueprint.arguments(InstallationRequestSchema, examples=examples.REQUESTS)
    @blueprint.arguments(IdempotencyKeySchema, location="headers")
    @blueprint.response(201, InstallationSchema, example=examples.PENDING, headers={**LOCATION, **ETAG})
    @blueprint.can_fail(400, 413, 415, 422, 502)
    def post(self, asked: InstallRequest, key: str | None) -> Answer:
        """Register an installation.

        Answers with the link that a person of the customer follows to consent at Slack. The token and
        the workspace are checked with SectorFlow first.
        """
        once = None if key is None else IdempotencyKey(key, _fingerprint())
        return _versioned(current_services.registration.register(asked, once), 201)

    @blueprint.doc(operationId="listInstallations")
    @blueprint.arguments(InstallationQuerySchema, location="query", unknown=RAISE)
    @blueprint.response(200, InstallationPageSchema, example=examples.PAGE)
    @blueprint.can_fail(422)
    def get(self, query: InstallationQuery) -> dict[str, Any]:
        """List installations, oldest first.

        Those that fit every filter that is given. One that failed or expired is listed for seven days.
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
    @blueprint.alt_response(304, description="It is the version that you have", headers=ETAG)
    @blueprint.can_fail(404)
    def get(self, installation_id: object) -> Answer | Response:
        """Show an installation.

        One that failed or expired is shown for seven days.
        """
        found = _find(installation_id)
        return not_modified(version(found)) or _versioned(found, 200)

    @blueprint.doc(operationId="changeInstallation", parameters=[IF_MATCH])
    @blueprint.arguments(SettingsChangeSchema, example=examples.CHANGE)
    @blueprint.response(200, InstallationSchema, example=examples.INSTALLED, headers=ETAG)
    @blueprint.can_fail(400, 404, 412, 413, 415, 422)
    def patch(self, change: SettingsChange, installation_id: object) -> Answer:
        """Change an installation's settings.

        Takes effect with the next question. What is left out stays; a new token or workspace is checked
        with SectorFlow first. With `If-Match`, only the version that you have seen is changed.
        """
        found = _find(installation_id)
        revision = found.settings.revision if require_match(version(found)) else None
        changed = current_services.registration.change(str(installation_id), change, revision)
        if changed is None:
            raise problem(404, MISSING)
        return _versioned(changed, 200)

    @blueprint.doc(operationId="deleteInstallation", parameters=[IF_MATCH])
    @blueprint.response(204, description="It is gone")
    @blueprint.can_fail(404, 412)
    def delete(self, installation_id: object) -> None:
        """Delete an installation.

        Its bot token is revoked at Slack and every secret forgotten. An app of its own stays at Slack.
        """
        found = _find(installation_id)
        revision = found.settings.revision if require_match(version(found)) else None
        if not current_services.registration.delete(str(installation_id), revision):
            raise problem(404, MISSING)


def _find(installation_id: object) -> AnyInstallation:
    found = current_services.registration.find(str(installation_id))
    if found is None:
        raise problem(404, MISSING)
    return found


def _versioned(installation: AnyInstallation, status: int) -> Answer:
    headers = {"ETag": f'"{version(installation)}"'}
    if status == 201:
        headers["Location"] = f"{current_settings.public_url}/api/v1/installations/{installation.settings.id}"
    return serialize(installation), status, headers


def _fingerprint() -> str:
    """Give the digest of the body as it came: a schema would fill in what was left out."""
    return fingerprint(json.loads(request.get_data()))
