"""The service and the sandbox as real processes, shared by the tests of whole paths."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.sectorflow.models import MODELS, PLUS_ID, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.stage import Stage, running_stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A running service in whose Slack the app is installed and sits in #general."""
    log = tmp_path_factory.mktemp("stage") / "stage.log"
    with running_stage(log, sandbox_options=("--sectorflow-latency", "0.1", "--no-rate-limits")) as running:
        registered = running.register(
            {
                "appName": "SectorFlow",
                "apiToken": TOKEN,
                "workspaceId": WORKSPACE_ID,
                "modelIds": [model.id for model in MODELS],
                "plusId": PLUS_ID,
            }
        )
        running.consent(registered.json()["installUrl"])
        running.control("invite", {"channel": seed.GENERAL_ID})
        yield running
