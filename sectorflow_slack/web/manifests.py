"""The app manifest, to create a Slack app by hand."""

from __future__ import annotations

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import RAISE

from sectorflow_slack.services.manifests import app_manifest, creation_link
from sectorflow_slack.web import current_settings
from sectorflow_slack.web.api import ApiBlueprint
from sectorflow_slack.web.request_schemas import ManifestQuerySchema

blueprint = ApiBlueprint("manifest", __name__, description="The manifest of a Slack app for this service.")

LINK = {
    "Link": {
        "description": 'With `rel="create-form"`: the page at Slack that creates an app from this manifest.',
        "schema": {"type": "string"},
    }
}


@blueprint.route("/manifest")
class ManifestView(MethodView):
    """The manifest of an app."""

    @blueprint.doc(operationId="getManifest")
    @blueprint.arguments(ManifestQuerySchema, location="query", unknown=RAISE)
    @blueprint.response(
        200,
        {"type": "object", "additionalProperties": True},
        description="The manifest",
        example=app_manifest("Acme Assistant", "https://slack.example.com"),
        headers=LINK,
    )
    @blueprint.can_fail(422)
    def get(self, app_name: str) -> Response:
        """Return the manifest to create an app by hand.

        Register the credentials of the created app as `slackApp`.
        """
        manifest = app_manifest(app_name, current_settings.public_url)
        response = jsonify(manifest)
        link = creation_link(manifest, current_settings.slack_base_url)
        response.headers["Link"] = f'<{link}>; rel="create-form"'
        return response
