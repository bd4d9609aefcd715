"""The browsable page of the install API; its assets come from here, none from an outside host."""

from __future__ import annotations

from flask import Blueprint, render_template

blueprint = Blueprint("docs", __name__, static_folder="static", static_url_path="/static")


@blueprint.get("/docs")
def show() -> str:
    """Show Swagger UI over ``/openapi.json``."""
    return render_template("docs.html")
