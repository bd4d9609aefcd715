"""The headers that every answer carries."""

from __future__ import annotations

from flask import Response, request

#: Nothing runs in our pages, and nothing frames them.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
#: Swagger UI sets styles from its script and calls the API that it shows.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def set_security_headers(response: Response) -> Response:
    """Tell browsers to run, frame, sniff, keep and pass on as little as can be."""
    response.headers["Content-Security-Policy"] = DOCS_POLICY if request.path == "/docs" else PAGE_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if not request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response
