"""Slack's Events API, one URL for every app: acknowledged once the question is stored."""

from __future__ import annotations

import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import Rule
from werkzeug.wrappers import Request

from sectorflow_slack.domain.metrics import ACKNOWLEDGE_SECONDS
from sectorflow_slack.domain.slack import EVENTS_PATH
from sectorflow_slack.services import Services
from sectorflow_slack.web.guards import (
    MAX_BODY_BYTES,
    read_json,
    request_id_of,
    security_headers,
    set_request_id,
    signed_payload,
)

#: Slack's challenges have about 50 characters; longer or unprintable ones are not echoed.
CHALLENGE_MAX_LENGTH = 512
#: The largest body that is read without a valid signature.
CHALLENGE_MAX_BYTES = 4096

_PATH = EVENTS_PATH.lstrip("/")
#: Names the endpoint in the log of an unexpected error.
_RULE = Rule(EVENTS_PATH, endpoint="events")


class _Request(Request):
    """A request whose body is bounded as those of Flask's are."""

    max_content_length = MAX_BODY_BYTES


class EventsEndpoint:
    """A WSGI middleware that responds to Slack's events, and passes every other request on to Flask.

    An event needs no routing, context or session, and Flask took a third of an acknowledgement's processor
    time (docs/performance.md). Errors are handled by Flask, so that they look the same everywhere.
    """

    def __init__(self, app: Flask, *, serves_https: bool) -> None:
        self._flask = app
        self._pass_on = app.wsgi_app
        self._headers = list(security_headers(EVENTS_PATH, serves_https=serves_https).items())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond as WSGI demands."""
        # As in Flask, slashes that a proxy has doubled at the start do not count.
        if environ.get("PATH_INFO", "").lstrip("/") != _PATH:
            return self._pass_on(environ, start_response)
        request = _Request(environ)
        try:
            status, text = self._respond(request)
        except Exception as error:
            return self._handle_error(error, environ, start_response)
        body = text.encode()
        headers = [("X-Request-Id", request_id_of(request)), ("Content-Length", str(len(body)))]
        if text:
            headers.append(("Content-Type", "text/plain; charset=utf-8"))
        start_response(status, headers + self._headers)
        return [body]

    def _respond(self, request: Request) -> tuple[str, str]:
        """Return the status and the text of the response.

        It is 200 for every signed event, also for one that is ignored: Slack disables URLs that fail too
        often. Only while Redis is down it is 503 (``web.errors``), so that Slack sends the event again. Each
        refusal is the same empty 401, so that a stranger learns nothing from it.
        """
        started = time.perf_counter()
        if request.method != "POST":
            raise MethodNotAllowed(["POST"])
        services: Services = self._flask.extensions["sectorflow_slack"]
        payload = signed_payload(request, services.events)
        if payload is None or payload.get("type") == "url_verification":
            # Slack checks an app's URL while it creates the app, when we have no signing secret of it yet.
            challenge = _challenge_of(request)
            return ("200 OK", challenge) if challenge else ("401 UNAUTHORIZED", "")
        services.events.accept(payload)
        services.metrics.observe(ACKNOWLEDGE_SECONDS, time.perf_counter() - started)
        return "200 OK", ""

    def _handle_error(
        self, error: Exception, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        app = self._flask
        with app.request_context(environ) as context:
            context.request.url_rule = _RULE
            set_request_id()
            try:
                response = app.finalize_request(app.handle_user_exception(error))
            except Exception as unexpected:
                response = app.handle_exception(unexpected)
            return response(environ, start_response)


def _challenge_of(request: Request) -> str:
    """Return the challenge of a small ``url_verification``; "" of any other request."""
    # A body without a length is not read: it may be of any size.
    if not 0 < (request.content_length or 0) <= CHALLENGE_MAX_BYTES:
        return ""
    payload = read_json(request.get_data()) or {}
    challenge = payload.get("challenge")
    if (
        payload.get("type") != "url_verification"
        or not isinstance(challenge, str)
        or len(challenge) > CHALLENGE_MAX_LENGTH
        or not (challenge.isascii() and challenge.isprintable())
    ):
        return ""
    return challenge
