"""Commands run in an application whose Slack and SectorFlow do what a test tells them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import fakeredis
import pytest
from click.testing import Result

from tests.fakes import FakeSectorFlowClient, FakeSlackClient, Script
from tests.values import MODEL_IDS, WORKSPACE_ID

Run = Callable[..., Result]


@dataclass
class FakeProbe:
    """Slack, asked whether it is there and what time it is."""

    skew: float | None = 0.4
    probes: Script = field(default_factory=Script)

    def probe(self):
        self.probes.play()
        return self.skew


@dataclass
class FakeDesk(FakeSectorFlowClient):
    """SectorFlow, as operators try it."""

    status: int = 401
    calls: Script = field(default_factory=Script)
    tokens: list[str] = field(default_factory=list)
    saved: list[tuple[str | None, Mapping[str, Any]]] = field(default_factory=list)

    def probe(self):
        self.calls.play()
        return self.status

    def list_models(self, api_token):
        self.tokens.append(api_token)
        return [
            {"id": MODEL_IDS[0], "name": "Ada", "baseModel": "ada-1", "chatCredits": 2, "hasVision": True}
        ]

    def list_workspaces(self, api_token):
        return [{"id": WORKSPACE_ID, "name": "Team", "models": [{"modelId": MODEL_IDS[0], "name": "Ada"}]}]

    def create_workspace(self, api_token, workspace):
        self.saved.append((None, workspace))
        return {"id": WORKSPACE_ID, **workspace}

    def update_workspace(self, api_token, workspace_id, workspace):
        self.saved.append((workspace_id, workspace))
        return {"id": workspace_id, **workspace}


@pytest.fixture
def store():
    """The fake alone: the stores' own tests show that the real one does the same."""
    return fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True)


@pytest.fixture
def probe():
    return FakeProbe()


@pytest.fixture
def desk():
    return FakeDesk()


@pytest.fixture
def slack():
    return FakeSlackClient()


@pytest.fixture
def services(services, probe, desk, slack):
    installs = replace(
        services.registration,
        sectorflow=desk,
        app_creator=replace(services.registration.app_creator, slack=slack),
        revocations=replace(services.registration.revocations, slack=slack),
    )
    return replace(services, slack=probe, sectorflow=desk, registration=installs)


@pytest.fixture
def run(app):
    """Call a command as an operator would: ``run("installations list", "--json")``."""
    return running(app)


def running(app):
    def run(command, *arguments, typed=None):
        return app.test_cli_runner().invoke(args=[*command.split(), *arguments], input=typed)

    return run


def documents(result):
    """The JSON documents that a command printed, one a line."""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def terminal(monkeypatch):
    """Commands believe that they write to a terminal."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
