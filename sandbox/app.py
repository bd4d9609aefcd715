"""The sandbox as one Flask app: the fake Slack, the fake SectorFlow, the channel page and the control API."""

from __future__ import annotations

from contextlib import suppress

from flask import Flask

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
    for blueprint in (web_api, consent, sectorflow, control, page):
        app.register_blueprint(blueprint)
    return app


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
