"""The state of the sandbox, and access to it from a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Flask, current_app

from sandbox.faults import FaultPlan
from sandbox.sectorflow.service import SectorFlow
from sandbox.slack.codes import Codes
from sandbox.slack.config_tokens import ConfigTokens
from sandbox.slack.events import EventSender
from sandbox.slack.limits import RateLimits
from sandbox.slack.world import World


@dataclass
class SandboxSettings:
    """How the sandbox behaves; ``/_control/settings`` may change it while it runs."""

    #: Where the seeded apps' events go.
    events_url: str = "http://localhost:8000/slack/events"
    #: How long the fake SectorFlow takes to answer, in seconds.
    sectorflow_latency: float = 0.6
    #: A factor for the delays before Slack's retries.
    retry_scale: float = 1.0
    #: How long Slack waits for an answer to an event (docs.slack.dev, Events API), in seconds.
    event_timeout: float = 3.0
    #: Whether the Web API counts calls and answers 429.
    rate_limits: bool = True
    #: Whether a message with two tables is refused; reports of real workspaces differ.
    one_table: bool = False
    #: Whether a repeated ``client_msg_id`` is recognised; Slack's docs name its errors and promise nothing.
    knows_client_msg_ids: bool = False


@dataclass
class Sandbox:
    """The state of the sandbox."""

    settings: SandboxSettings
    world: World
    events: EventSender
    codes: Codes
    config_tokens: ConfigTokens
    limits: RateLimits
    sectorflow: SectorFlow
    slack_faults: FaultPlan
    sectorflow_faults: FaultPlan
    #: The actions of a process that also runs the service, by name: ``install``, ``kill-worker`` …
    stage_actions: dict[str, Callable[[], object]] = field(default_factory=dict)


def current_sandbox() -> Sandbox:
    """Return the sandbox of the current request."""
    return sandbox_of(current_app)


def sandbox_of(app: Flask) -> Sandbox:
    """Return the sandbox of an app that ``create_sandbox`` built."""
    sandbox: Sandbox = app.extensions["sandbox"]
    return sandbox
