"""Slack's events, one URL for every app: acknowledged once what they ask for is stored."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response, after_this_request, g, request

from sectorflow_slack.domain.metrics import ACKNOWLEDGE_SECONDS
from sectorflow_slack.domain.slack import EVENTS_PATH
from sectorflow_slack.web import current_services
from sectorflow_slack.web.guards import read_json, refuse, verified_app_id

blueprint = Blueprint("events", __name__)

#: Slack's challenges are some 50 characters; nothing longer, and nothing odd, is echoed.
CHALLENGE_MAX_LENGTH = 512


@blueprint.before_request
def guard() -> Response | None:
    """Let in what Slack signed, and answer its challenge.

    The challenge comes before Slack has told anybody the app's secret, so it needs no signature.
    """
    _time_acknowledgement()
    g.payload = read_json(request.get_data())
    if g.payload is not None and g.payload.get("type") == "url_verification":
        return _answer_challenge(g.payload.get("challenge"))
    if g.payload is None or verified_app_id(g.payload.get("api_app_id")) is None:
        return refuse()
    return None


@blueprint.post(EVENTS_PATH, provide_automatic_options=False)
def receive_event() -> Response:
    """Take in an event. Whatever is signed is acknowledged: Slack disables URLs that refuse too much."""
    g.event_seen = True
    current_services.events.accept(g.payload)
    return Response(status=200)


def _answer_challenge(challenge: Any) -> Response:
    if (
        not isinstance(challenge, str)
        or not 0 < len(challenge) <= CHALLENGE_MAX_LENGTH
        or not (challenge.isascii() and challenge.isprintable())
    ):
        return refuse()
    return Response(challenge, mimetype="text/plain")


def _time_acknowledgement() -> None:
    arrived, metrics = time.perf_counter(), current_services.metrics

    @after_this_request
    def observe(response: Response) -> Response:
        took = time.perf_counter() - arrived
        if response.status_code == 200 and "event_seen" in g:
            # After Slack has its answer. While the store hangs it would keep this thread from other events.
            response.call_on_close(lambda: metrics.observe(ACKNOWLEDGE_SECONDS, took))
        return response
