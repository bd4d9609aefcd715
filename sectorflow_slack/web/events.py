"""Slack's Events API, one URL for every app: acknowledged once the question is stored."""

from __future__ import annotations

import time

from flask import Blueprint, Response, after_this_request, g, request

from sectorflow_slack.domain.metrics import ACKNOWLEDGE_SECONDS
from sectorflow_slack.domain.slack import EVENTS_PATH
from sectorflow_slack.web import current_services
from sectorflow_slack.web.guards import read_json, signed_payload, unauthorized

blueprint = Blueprint("events", __name__)

#: Slack's challenges have about 50 characters; longer or unprintable ones are not echoed.
CHALLENGE_MAX_LENGTH = 512
#: The largest body that is read without a valid signature.
CHALLENGE_MAX_BYTES = 4096


@blueprint.before_request
def guard() -> Response | None:
    """Return 401 unless Slack signed the request; answer the ``url_verification`` challenge.

    Slack checks an app's URL while the app is being created, when we have no signing secret of it yet.
    """
    _measure_acknowledgement()
    g.payload = signed_payload()
    if g.payload is None or g.payload.get("type") == "url_verification":
        return _answer_challenge()
    return None


@blueprint.post(EVENTS_PATH, provide_automatic_options=False)
def receive_event() -> Response:
    """Return 200 for every signed event, also for one that is ignored.

    Slack disables URLs that fail too often. Only while Redis is down the response is a 503 (``web.errors``),
    so that Slack sends the event again.
    """
    g.is_signed_event = True
    current_services.events.accept(g.payload)
    return Response(status=200)


def _answer_challenge() -> Response:
    """Return the challenge of a small ``url_verification``, 401 for any other request."""
    # A body without a length is not read: it may be of any size.
    if not 0 < (request.content_length or 0) <= CHALLENGE_MAX_BYTES:
        return unauthorized()
    payload = read_json(request.get_data()) or {}
    challenge = payload.get("challenge")
    if (
        payload.get("type") != "url_verification"
        or not isinstance(challenge, str)
        or not 0 < len(challenge) <= CHALLENGE_MAX_LENGTH
        or not (challenge.isascii() and challenge.isprintable())
    ):
        return unauthorized()
    return Response(challenge, mimetype="text/plain")


def _measure_acknowledgement() -> None:
    started, metrics = time.perf_counter(), current_services.metrics

    @after_this_request
    def observe(response: Response) -> Response:
        seconds = time.perf_counter() - started
        if response.status_code == 200 and "is_signed_event" in g:
            # Recorded after the response is sent: while Redis hangs, Slack must not wait for a metric.
            response.call_on_close(lambda: metrics.observe(ACKNOWLEDGE_SECONDS, seconds))
        return response
