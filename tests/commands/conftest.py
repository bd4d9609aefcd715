"""An application for commands, with fakes of Slack and SectorFlow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import fakeredis
import pytest

from tests.fakes import FakeSectorFlowClient, FakeSlackClient, Script
from tests.values import MODEL_IDS, WORKSPACE_ID


@dataclass
class FakeSlack(FakeSlackClient):
    """Slack with a clock."""

    skew: float | None = 0.4
    probes: Script = field(default_factory=Script)

    def probe(self):
        self.probes.play()
        return self.skew


@dataclass
class FakeSectorFlow(FakeSectorFlowClient):
    """SectorFlow with the calls of the commands."""

    status: int = 401
    probes: Script = field(default_factory=Script)
    tokens: list[str] = field(default_factory=list)
    saved: list[tuple[str | None, Mapping[str, Any]]] = field(default_factory=list)

    def probe(self):
        self.probes.play()
        return self.status

    def list_models(self, api_token, timeout=10.0):
        self.lists.play()
        self.tokens.append(api_token)
        return [
            {"id": MODEL_IDS[0], "name": "Ada", "baseModel": "ada-1", "chatCredits": 2, "hasVision": True}
        ]

    def list_workspaces(self, api_token):
        return [{"id": WORKSPACE_ID, "name": "Team", "models": [{"modelId": MODEL_IDS[0], "name": "Ada"}]}]

    def create_workspace(self, api_token, workspace):
        return self.update_workspace(api_token, None, workspace)

    def update_workspace(self, api_token, workspace_id, workspace):
        self.saved.append((workspace_id, workspace))
        return {"id": workspace_id or WORKSPACE_ID, **workspace}


@pytest.fixture
def store():
    return fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True)


@pytest.fixture
def slack():
    return FakeSlack()


@pytest.fixture
def sectorflow():
    return FakeSectorFlow()


@pytest.fixture
def services(services, slack, sectorflow):
    registration = replace(
        services.registration,
        sectorflow=sectorflow,
        app_creator=replace(services.registration.app_creator, slack=slack),
        revocations=replace(services.registration.revocations, slack=slack),
    )
    return replace(services, slack=slack, sectorflow=sectorflow, registration=registration)


@pytest.fixture
def run(app):
    """Run a command as an operator does: ``run("installations list", "--json")``."""
    return runner(app)


def runner(app):
    def run(command, *arguments, typed=None):
        return app.test_cli_runner().invoke(args=[*command.split(), *arguments], input=typed)

    return run


def documents(result):
    """Return the JSON documents that a command printed, one a line."""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def terminal(monkeypatch):
    """Let the output be a terminal."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
