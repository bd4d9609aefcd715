"""How large a request's body may be."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

MAX_BODY_BYTES = 1024 * 1024


def refuse_cut_off_bodies() -> None:
    """Refuse a body that comes in chunks and is too large.

    Where there is a Content-Length, werkzeug refuses by it. Where there is none, it reads up to the limit
    and hands on what it has as if it were all.
    """
    if request.content_length is None and request.environ.get("wsgi.input_terminated"):
        request.get_data()
        if request.environ["wsgi.input"].read(1):
            raise RequestEntityTooLarge
