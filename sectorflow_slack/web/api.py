"""Shared by all routes under ``/api/v1``: the guard, request parsing, preconditions, documented errors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, cast

from flask import Request, Response, g, request
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, missing
from webargs.flaskparser import FlaskParser

from sectorflow_slack.web import current_services, examples
from sectorflow_slack.web.errors import problem, retry_after
from sectorflow_slack.web.guards import require_install_api_key

View = TypeVar("View", bound=Callable[..., Any])

#: The description of each error in the OpenAPI document.
ERRORS = {
    400: "The body is not JSON",
    401: "No or a wrong install API key",
    404: "There is no such installation",
    412: "The installation is not the version that `If-Match` names",
    413: "The body is larger than 1 MiB",
    415: "The body is not `application/json`",
    422: "A field is wrong; each is named",
    429: "The key was used too often; nothing was done",
    502: "Slack created no app, or did not say whether it did; its own messages are in `errors.slack`",
    503: "The service can't do it just now; try again",
}
RETRY_AFTER = {
    "Retry-After": {
        "description": "How many seconds to wait before the next request.",
        "schema": {"type": "integer", "minimum": 1},
    }
}


class RequestParser(FlaskParser):
    """Collects the faults of all parts of a request, so that one 422 names every wrong field."""

    def parse(self, *args: Any, **options: Any) -> Any:
        """Parse one part of a request; return None and store its faults if it is wrong."""
        try:
            return super().parse(*args, **options)
        except ValidationError as error:
            g.setdefault("faults", {}).update(error.messages)
            return None

    def handle_error(self, error: ValidationError, *_: Any, **__: Any) -> NoReturn:
        """Raise the validation error unchanged."""
        raise error

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Load the body; raise 400 if it is not JSON."""
        try:
            loaded = super().load_json(req, schema)
        except (ValueError, RecursionError):  # an integer of thousands of digits; nesting thousands deep
            raise problem(400) from None
        if loaded is missing:  # webargs would treat an empty body as an empty object
            raise problem(400)
        return loaded

    def _handle_invalid_json_error(self, error: Exception, req: Request, *_: Any, **__: Any) -> Any:
        raise problem(400) from None


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # flask_smorest has no types
    """A flask-smorest blueprint under ``/api/v1``, behind the install API's guard."""

    ARGUMENTS_PARSER = RequestParser()

    def __init__(self, name: str, import_name: str, *, description: str) -> None:
        super().__init__(name, import_name, url_prefix="/api/v1", description=description)
        self.before_request(guard)

    def arguments(self, schema: type[Schema], **options: Any) -> Callable[[View], View]:
        """Parse a part of the request; the view is called only if no part has a fault."""
        parse = super().arguments(schema, **options)

        def decorate(view: View) -> View:
            decorated: View = parse(view if hasattr(view, "refuses_faults") else refuse_faults(view))
            return decorated

        return decorate

    def can_fail(self, *statuses: int) -> Callable[[View], View]:
        """Document the view's own errors, and those that every view may return."""

        def decorate(view: View) -> View:
            for status in sorted({401, 429, 503, *statuses}):
                headers = RETRY_AFTER if status in {429, 502, 503} else None
                documented = self.alt_response(
                    status,
                    schema="Error",
                    description=ERRORS[status],
                    example=examples.ERRORS[status],
                    headers=headers,
                )
                view = documented(view)
            return view

        return decorate


def guard() -> None:
    """Check the install API key, its rate limit and the content type."""
    g.api_key = require_install_api_key()
    wait = current_services.rate_limit.hit(current_services.registration.digests.of(g.api_key))
    if wait is not None:
        raise problem(429, headers=retry_after(wait))
    if request.method in {"POST", "PATCH"} and not request.is_json:
        raise problem(415)


def refuse_faults(view: View) -> View:
    """Raise 422 with the faults of every part of the request before the view is called."""

    @functools.wraps(view)
    def wrapper(*args: Any, **options: Any) -> Any:
        faults = g.pop("faults", None)
        if faults:
            raise problem(422, errors=faults)
        return view(*args, **options)

    # Each further ``arguments`` wraps the view again; functools.wraps copies this mark.
    wrapper.refuses_faults = True  # type: ignore[attr-defined]
    return cast("View", wrapper)


def require_match(tag: str) -> bool:
    """Raise 412 if ``If-Match`` names another version; return whether it names this one.

    A weak or malformed tag never matches. ``*`` accepts any version and names none.
    """
    if "If-Match" not in request.headers:
        return False
    if not request.if_match.contains(tag):
        raise problem(412)
    return not request.if_match.star_tag


def not_modified(tag: str) -> Response | None:
    """Return a 304 response if the client's ETag is current, else None."""
    if "If-None-Match" not in request.headers or not request.if_none_match.contains_weak(tag):
        return None
    response = Response(status=304)
    response.set_etag(tag)
    return response
