"""Errors as HTTP responses: JSON in one shape for programs, an HTML page for people."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any, cast

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Api
from werkzeug.exceptions import HTTPException, MethodNotAllowed, default_exceptions

from sectorflow_slack.domain.errors import (
    AppNotCreated,
    CannotDecrypt,
    InstallRefused,
    RequestInProgress,
    RevisionConflict,
    StorageUnavailable,
)
from sectorflow_slack.domain.slack import INSTALL_PATH, OAUTH_REDIRECT_PATH
from sectorflow_slack.services.idempotency import FIELD as IDEMPOTENCY_KEY
from sectorflow_slack.web.pages import refusal_page
from sectorflow_slack.web.response_schemas import ErrorSchema

logger = logging.getLogger(__name__)

#: Errors under these paths are HTML pages.
PAGE_PATHS = (INSTALL_PATH, OAUTH_REDIRECT_PATH, "/install", "/docs")
RETRY_SECONDS = "5"

#: The message of an error that has none of its own.
MESSAGES = {
    400: "The body is not valid JSON.",
    404: "There is nothing at this address.",
    405: "This address does not support that method; the Allow header names those that it does.",
    412: "The installation is not the version that If-Match names; get it again.",
    413: "The body is larger than 1 MiB.",
    415: "The body must be application/json.",
    422: "The request is wrong; errors names each fault.",
    429: "Too many requests; Retry-After says how long to wait.",
    500: "Something went wrong on our side.",
    503: "That can't be done just now; try again.",
}


class InstallApi(Api):  # type: ignore[misc]  # flask_smorest has no types
    """flask-smorest with our error schema, HTML error pages and error headers."""

    ERROR_SCHEMA = ErrorSchema

    def _register_pagination_header(self) -> None:
        """Leave the pagination header, which no response has, out of the document."""

    def handle_http_exception(self, error: HTTPException) -> ResponseReturnValue:
        """Return an HTTP error as a page or as JSON."""
        if request.path.startswith(PAGE_PATHS) or request.path == "/":
            return _page(error)
        payload, code, headers = super().handle_http_exception(error)
        headers = {**(headers or {}), **_allow(error)}
        if error.code == 503:
            headers["Retry-After"] = RETRY_SECONDS
        payload.setdefault("message", MESSAGES.get(code) or error.description or "")
        response: tuple[dict[str, Any], int, dict[str, str]] = (payload, code, headers)
        return response


def problem(status: int, message: str | None = None, **details: Any) -> HTTPException:
    """Return an HTTP error to raise; ``details`` are ``errors`` by field and ``headers``."""
    error: Any = default_exceptions[status]()
    error.data = details if message is None else {"message": message, **details}
    return cast(HTTPException, error)


def retry_after(seconds: float) -> dict[str, str]:
    """Return the Retry-After header, in whole seconds and at least one."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def register_error_handlers(app: Flask) -> None:
    """Convert the domain's errors to HTTP errors, which flask-smorest handles."""

    def handler(convert: Callable[[Any], HTTPException]) -> Callable[[Any], ResponseReturnValue]:
        return lambda error: app.handle_http_exception(convert(error))

    for kind, convert in _HTTP_ERRORS.items():
        app.register_error_handler(kind, handler(convert))


def _storage_unavailable(error: StorageUnavailable) -> HTTPException:
    logger.warning("storage unavailable: %s", error)
    return problem(503, "Redis is unavailable; try again.")


def _cannot_decrypt(error: CannotDecrypt) -> HTTPException:
    logger.error("cannot decrypt: %s", error.location)
    return problem(503, "A stored secret cannot be read.")


def _install_refused(refusal: InstallRefused) -> HTTPException:
    part = "headers" if refusal.field == IDEMPOTENCY_KEY else "json"
    faults: dict[str, Any] = {}
    for field, message in refusal.faults.items():
        *outer, last = field.split(".")
        place = faults
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = [message]
    return problem(422, refusal.message, errors={part: faults})


def _app_not_created(error: AppNotCreated) -> HTTPException:
    if error.retry_after is not None:
        return problem(502, error.message, headers=retry_after(error.retry_after))
    if not error.faults:
        return problem(502, error.message)
    faults = {pointer: list(messages) for pointer, messages in error.faults.items()}
    return problem(502, error.message, errors={"slack": faults})


def _request_in_progress(_: RequestInProgress) -> HTTPException:
    return problem(503, "The same request is in progress; try again in a moment.")


def _revision_conflict(_: RevisionConflict) -> HTTPException:
    if "If-Match" in request.headers:
        return problem(412)
    return problem(503, "Another request is changing this installation; try again.")


_HTTP_ERRORS: dict[type[Exception], Callable[[Any], HTTPException]] = {
    StorageUnavailable: _storage_unavailable,
    CannotDecrypt: _cannot_decrypt,
    InstallRefused: _install_refused,
    AppNotCreated: _app_not_created,
    RequestInProgress: _request_in_progress,
    RevisionConflict: _revision_conflict,
}


def _allow(error: HTTPException) -> dict[str, str]:
    methods = error.valid_methods if isinstance(error, MethodNotAllowed) else None
    return {"Allow": ", ".join(sorted(methods))} if methods else {}


def _page(error: HTTPException) -> Response:
    if error.code == 503:
        return refusal_page("store_away")
    page = refusal_page("broken" if (error.code or 500) >= 500 else "not_found")
    page.status_code = error.code or 500
    page.headers.update(_allow(error))
    return page
