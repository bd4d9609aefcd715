"""Errors as answers: JSON in one shape for programs, a page for people. One table."""

from __future__ import annotations

import logging
from typing import Any, cast

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Api
from werkzeug.exceptions import HTTPException, MethodNotAllowed, ServiceUnavailable, default_exceptions

from sectorflow_slack.domain.errors import CannotDecrypt, StorageUnavailable
from sectorflow_slack.domain.slack import INSTALL_PATH, OAUTH_REDIRECT_PATH
from sectorflow_slack.web.pages import refusal_page

logger = logging.getLogger(__name__)

#: What people see, where others see JSON.
PAGE_PATHS = (INSTALL_PATH, OAUTH_REDIRECT_PATH)
RETRY_SECONDS = "5"


class InstallApi(Api):  # type: ignore[misc]  # flask_smorest has no types
    """flask-smorest's error shape (``code``, ``status``, ``message``, ``errors``), and pages for people."""

    def handle_http_exception(self, error: HTTPException) -> ResponseReturnValue:
        """Answer an HTTP error."""
        if request.path.startswith(PAGE_PATHS):
            return _page(error)
        payload, code, headers = super().handle_http_exception(error)
        headers = {**(headers or {}), **_allow(error)}
        if error.code == 503:
            headers["Retry-After"] = RETRY_SECONDS
        payload.setdefault("message", error.description or "")
        answer: tuple[dict[str, Any], int, dict[str, str]] = (payload, code, headers)
        return answer


def problem(status: int, message: str, **details: Any) -> HTTPException:
    """Make an HTTP error to raise; ``details`` are ``errors`` by field and ``headers``."""
    error: Any = default_exceptions[status]()
    error.data = {"message": message, **details}
    return cast(HTTPException, error)


def register_error_handlers(app: Flask) -> None:
    """Answer our own errors; flask-smorest answers HTTP's."""

    @app.errorhandler(StorageUnavailable)
    def storage_unavailable(error: StorageUnavailable) -> ResponseReturnValue:
        logger.warning("storage unavailable: %s", error)
        return app.handle_http_exception(ServiceUnavailable("The store is away; try again."))

    @app.errorhandler(CannotDecrypt)
    def cannot_decrypt(error: CannotDecrypt) -> ResponseReturnValue:
        logger.error("cannot decrypt: %s", error.place)
        return app.handle_http_exception(ServiceUnavailable("A stored secret cannot be read."))


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
