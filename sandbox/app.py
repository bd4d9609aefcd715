"""The sandbox as one Flask app: the fake Slack, the fake SectorFlow, the channel page and the control API."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from flask import Flask, Response, g, request

from sandbox.channel.developer import developer
from sandbox.channel.page import Opened, channel_blueprint
from sandbox.control import control
from sandbox.faults import FaultPlan
from sandbox.sectorflow.api import sectorflow
from sandbox.sectorflow.service import SectorFlow
from sandbox.slack.codes import Codes
from sandbox.slack.config_tokens import ConfigTokens
from sandbox.slack.consent import consent
from sandbox.slack.events import EventSender
from sandbox.slack.limits import RateLimits
from sandbox.slack.seed import TEAM_ID, seed
from sandbox.slack.web_api import web_api
from sandbox.slack.world import World
from sandbox.state import Sandbox, SandboxSettings, current_sandbox, sandbox_of

__all__ = ["Sandbox", "SandboxSettings", "build_sandbox", "create_sandbox", "current_sandbox", "sandbox_of"]


def create_sandbox(settings: SandboxSettings | None = None) -> Flask:
    """Build the Flask app of a sandbox."""
    app = Flask(__name__, static_folder=None)
    sandbox = build_sandbox(settings or SandboxSettings())
    app.extensions["sandbox"] = sandbox
    page = channel_blueprint(sandbox.world, opened=_opener(sandbox), stopped=sandbox.events.stop_session)
    for blueprint in (web_api, consent, sectorflow, control, developer, page):
        app.register_blueprint(blueprint)
    _record_traffic(app, sandbox)
    return app


def _record_traffic(app: Flask, sandbox: Sandbox) -> None:
    """Record the calls of Slack's and SectorFlow's API."""
    traffic = sandbox.world.traffic

    @app.before_request
    def begin() -> None:
        route, name = _route_of(request.path)
        if route is not None:
            name = f"{request.method} {name}" if route == "sectorflow" else name
            body, kind = request.get_data(), request.content_type or ""
            g.exchange = traffic.begin(route, name, body, content_type=kind)

    @app.after_request
    def end(response: Response) -> Response:
        if "exchange" in g:
            is_lost = "has_no_answer" in g
            body = response.get_data() if response.is_sequence and not is_lost else b""
            error = _error_in(response) if body and request.path.startswith("/api/") else ""
            status = None if is_lost else response.status_code
            traffic.end(g.exchange, status=status, response=body, error=error)
        return response


def _route_of(path: str) -> tuple[Literal["slack", "sectorflow"] | None, str]:
    """Return which API a path belongs to, and the method's name."""
    if path.startswith("/api/"):
        return "slack", path.removeprefix("/api/")
    if path.startswith(sectorflow.url_prefix or ""):
        return "sectorflow", path.removeprefix(sectorflow.url_prefix or "")
    return None, ""


def _error_in(response: Response) -> str:
    """Return the error that Slack names in an answer with status 200."""
    body = response.get_json(silent=True)
    return str(body.get("error", "")) if isinstance(body, dict) else ""


def _opener(sandbox: Sandbox) -> Opened:
    """Return the callback that sends ``app_home_opened`` when a user opens an app's tab on the page."""

    def opened(bot_user_id: str, user_id: str, tab: str) -> None:
        for install in sandbox.world.installs.all():
            if install.bot_user_id == bot_user_id and install.is_active:
                with suppress(LookupError):
                    sandbox.events.open_home(install, user_id, tab)

    return opened


def build_sandbox(settings: SandboxSettings) -> Sandbox:
    """Build a fresh sandbox: the seeded world, with no messages yet."""
    world = seed(World(), settings.events_url)
    events = EventSender(world, settings)
    world.listen(events.announce)
    return Sandbox(
        settings=settings,
        world=world,
        events=events,
        codes=Codes(world.clock),
        config_tokens=ConfigTokens(TEAM_ID, world.clock),
        limits=RateLimits(),
        sectorflow=SectorFlow(),
        slack_faults=FaultPlan(),
        sectorflow_faults=FaultPlan(),
    )
