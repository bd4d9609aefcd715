"""What all routes under ``/api/v1`` share: the guard, how bodies are read, how errors are documented."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, cast

from flask import Request, Response, g, request
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, missing
from webargs.flaskparser import FlaskParser

from sectorflow_slack.web import current_services
from sectorflow_slack.web.errors import problem, retry_after
from sectorflow_slack.web.guards import require_install_api_key

View = TypeVar("View", bound=Callable[..., Any])

#: How each error comes about, for the OpenAPI document.
ERRORS = {
    400: "The body is no JSON",
    401: "No or a wrong install API key",
    404: "There is no such installation",
    412: "The installation is not the version that `If-Match` names",
    413: "The body is larger than 1 MiB",
    415: "The body is not `application/json`",
    422: "A field is wrong; each is named",
    429: "The key was used too often; nothing was done",
    502: "Slack made no app, or did not say whether it did; its own messages are in `errors.slack`",
    503: "The service can't do it just now; try again",
}
RETRY_AFTER = {
    "Retry-After": {
        "description": "How many seconds to wait before asking again.",
        "schema": {"type": "integer", "minimum": 1},
    }
}


class RequestParser(FlaskParser):
    """Reads the parts of a request: a JSON body, its query, its headers.

    What Python's own limits refuse is as unreadable as what is no JSON. A part that can be read and is wrong
    waits until the others have been looked at (``ApiBlueprint.arguments``).
    """

    def parse(self, *args: Any, **options: Any) -> Any:
        """Read one part of a request; None where it is wrong, which is kept for ``refuse_faults``."""
        try:
            return super().parse(*args, **options)
        except ValidationError as error:
            g.setdefault("faults", {}).update(error.messages)
            return None

    def handle_error(self, error: ValidationError, *_: Any, **__: Any) -> NoReturn:
        """Give the faults of a part on, under its name."""
        raise error

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Load the body, or refuse it."""
        try:
            loaded = super().load_json(req, schema)
        except (ValueError, RecursionError):  # an integer of thousands of digits; nested thousands deep
            raise problem(400) from None
        if loaded is missing:  # an empty body, which webargs takes for an empty object
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
        """Take in a part of the request; a view is called once nothing is wrong with any that it takes in."""
        take_in = super().arguments(schema, **options)

        def decorate(view: View) -> View:
            taking: View = take_in(view if hasattr(view, "refuses_faults") else refuse_faults(view))
            return taking

        return decorate

    def can_fail(self, *statuses: int) -> Callable[[View], View]:
        """Document the errors that a view may answer, beside those that every one may."""

        def decorate(view: View) -> View:
            for status in sorted({401, 429, 503, *statuses}):
                headers = RETRY_AFTER if status in {429, 502, 503} else None
                documented = self.alt_response(
                    status, schema="Error", description=ERRORS[status], headers=headers
                )
                view = documented(view)
            return view

        return decorate


def refuse_faults(view: View) -> View:
    """Refuse a request for all that is wrong with its parts, in place of calling the view with them."""

    @functools.wraps(view)
    def refusing(*args: Any, **options: Any) -> Any:
        faults = g.pop("faults", None)
        if faults:
            raise problem(422, errors=faults)
        return view(*args, **options)

    # Every part that is taken in wraps the view once more, and hands this mark on.
    refusing.refuses_faults = True  # type: ignore[attr-defined]
    return cast("View", refusing)


def guard() -> None:
    """Let nobody in without a key or too often, and no body that is not JSON."""
    wait = current_services.rate_limit.hit(require_install_api_key())
    if wait is not None:
        raise problem(429, headers=retry_after(wait))
    if request.method in {"POST", "PATCH"} and not request.is_json:
        raise problem(415)


def require_match(tag: str) -> bool:
    """Refuse a request whose ``If-Match`` names another version; says whether it names this one.

    A weak tag never matches, and neither does what is no tag. ``*`` takes any version and names none.
    """
    if "If-Match" not in request.headers:
        return False
    if not request.if_match.contains(tag):
        raise problem(412)
    return not request.if_match.star_tag


def not_modified(tag: str) -> Response | None:
    """Give the 304 for somebody who has this version already, as ``If-None-Match`` says; else None."""
    if "If-None-Match" not in request.headers or not request.if_none_match.contains_weak(tag):
        return None
    response = Response(status=304)
    response.set_etag(tag)
    return response
