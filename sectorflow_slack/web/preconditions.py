"""Preconditions of HTTP (RFC 9110, section 13): only what one has seen is changed, only news is sent."""

from __future__ import annotations

from flask import Response, request

from sectorflow_slack.web.errors import problem


def require_match(tag: str) -> bool:
    """Refuse a request whose ``If-Match`` names another version; says whether it names this one.

    A weak tag never matches, and neither does what is no tag. ``*`` takes any version and names none.
    """
    if "If-Match" not in request.headers:
        return False
    if not request.if_match.contains(tag):
        raise problem(412)
    return not request.if_match.star_tag


def nothing_new(tag: str) -> Response | None:
    """Give the 304 for somebody who has this version already, as ``If-None-Match`` says; else None."""
    if "If-None-Match" not in request.headers or not request.if_none_match.contains_weak(tag):
        return None
    response = Response(status=304)
    response.set_etag(tag)
    return response
