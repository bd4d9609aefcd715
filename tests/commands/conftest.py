"""Commands run in an application whose Slack and SectorFlow do what a test tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, Script
from tests.values import MODEL_IDS, WORKSPACE_ID


@dataclass
class FakeProbe:
    """Slack, asked whether it is there and what time it is."""

    skew: float | None = 0.4
    probes: Script = field(default_factory=Script)

    def probe(self) -> float | None:
        self.probes.play()
        return self.skew


@dataclass
class FakeDesk(FakeSectorFlowClient):
    """SectorFlow, as operators try it."""

    status: int = 401
    calls: Script = field(default_factory=Script)
    tokens: list[str] = field(default_factory=list)
    saved: list[tuple[str | None, Mapping[str, Any]]] = field(default_factory=list)

    def probe(self) -> int:
        self.calls.play()
        return self.status

    def list_models(self, api_token: str) -> Sequence[Mapping[str, Any]]:
        self._take(api_token)
        return [
            {"id": MODEL_IDS[0], "name": "Ada", "baseModel": "ada-1", "chatCredits": 2, "hasVision": True}
        ]

    def list_workspaces(self, api_token: str) -> Sequence[Mapping[str, Any]]:
        self._take(api_token)
        return [{"id": WORKSPACE_ID, "name": "Team", "models": [{"modelId": MODEL_IDS[0], "name": "Ada"}]}]

    def create_workspace(self, api_token: str, workspace: Mapping[str, Any]) -> Mapping[str, Any]:
        self._take(api_token)
        self.saved.append((None, workspace))
        return {"id": WORKSPACE_ID, **workspace}

    def update_workspace(
        self, api_token: str, workspace_id: str, workspace: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        self._take(api_token)
        self.saved.append((workspace_id, workspace))
        return {"id": workspace_id, **workspace}

    def _take(self, api_token: str) -> None:
        self.tokens.append(api_token)
        self.calls.play()


@pytest.fixture
def probe() -> FakeProbe:
    return FakeProbe()


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def slack() -> FakeSlackClient:
    return FakeSlackClient()


@pytest.fixture
def services(services: Services, probe: FakeProbe, desk: FakeDesk, slack: FakeSlackClient) -> Services:
    revocations = replace(services.installs.revocations, slack=slack)
    installs = replace(services.installs, revocations=revocations)
    return replace(services, slack=probe, sectorflow=desk, installs=installs)


@pytest.fixture
def app(settings: Settings, services: Services) -> Flask:
    return create_app(settings, services)


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands believe that somebody looks."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
