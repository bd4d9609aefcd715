"""Button presses in Slack, one URL for every app: signed as events are, one form field of JSON."""

from __future__ import annotations

from urllib.parse import parse_qs

from flask import Blueprint, Response, g, request

from sectorflow_slack.domain.slack import INTERACTIONS_PATH
from sectorflow_slack.web import current_services
from sectorflow_slack.web.guards import read_json, refuse, verified_app_id

blueprint = Blueprint("interactions", __name__)


@blueprint.before_request
def guard() -> Response | None:
    """Let in what Slack signed."""
    # Not request.form: reading that would take the raw body away, which the signature is over.
    g.payload = read_json(_payload(request.get_data()))
    if g.payload is None or verified_app_id(g.payload.get("api_app_id")) is None:
        return refuse()
    return None


@blueprint.post(INTERACTIONS_PATH, provide_automatic_options=False)
def receive_interaction() -> Response:
    """Take in a press; Slack wants an empty 200 and does not send it again."""
    current_services.interactions.accept(g.payload)
    return Response(status=200)


def _payload(body: bytes) -> str:
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        return ""
    return "".join(fields.get("payload", ()))
