"""Slack's interactivity (block actions and view submissions), one URL for every app."""

from __future__ import annotations

from urllib.parse import parse_qs

from flask import Blueprint, Response, g, request

from sectorflow_slack.domain.slack import INTERACTIONS_PATH
from sectorflow_slack.web import current_services
from sectorflow_slack.web.guards import signed_payload, unauthorized

blueprint = Blueprint("interactions", __name__)


@blueprint.before_request
def guard() -> Response | None:
    """Return 401 unless Slack signed the request."""
    # Not request.form: it would consume the raw body, which the signature covers.
    g.payload = signed_payload(request, current_services.events, _payload_field)
    return None if g.payload is not None else unauthorized()


@blueprint.post(INTERACTIONS_PATH, provide_automatic_options=False)
def receive_interaction() -> Response:
    """Accept an interaction; Slack expects an empty 200 and does not retry."""
    current_services.interactions.accept(g.payload)
    return Response(status=200)


def _payload_field(body: bytes) -> str:
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        return ""
    return "".join(fields.get("payload", ()))
