"""The manifest of a Slack app, for who makes one by hand."""

from __future__ import annotations

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import RAISE

from sectorflow_slack.services.manifests import app_manifest, creation_link
from sectorflow_slack.web import current_settings
from sectorflow_slack.web.api import ApiBlueprint
from sectorflow_slack.web.request_schemas import ManifestQuerySchema

blueprint = ApiBlueprint("manifest", __name__, description="What a Slack app for this service looks like.")

LINK = {
    "Link": {
        "description": 'With `rel="create-form"`: the page at Slack that makes an app of this manifest.',
        "schema": {"type": "string"},
    }
}


@blueprint.route("/manifest")
class ManifestView(MethodView):
    """The manifest of an app."""

    @blueprint.doc(operationId="getManifest")
    @blueprint.arguments(ManifestQuerySchema, location="query", unknown=RAISE)
    @blueprint.response(
        200, {"type": "object", "additionalProperties": True}, description="The manifest", headers=LINK
    )
    @blueprint.can_fail(422)
    def get(self, app_name: str) -> Response:
        """Give the manifest for making an app by hand.

        The credentials of the app that Slack makes of it are then registered as `slackApp`.
        """
        manifest = app_manifest(app_name, current_settings.public_url)
        response = jsonify(manifest)
        link = creation_link(manifest, current_settings.slack_base_url)
        response.headers["Link"] = f'<{link}>; rel="create-form"'
        return response
