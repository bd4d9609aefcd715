"""The service and the sandbox as real processes, shared by the tests of whole paths."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.slack import seed
from sandbox.stage import Stage, running_stage
from tests.whole.looking import install

QUICK = ("--sectorflow-latency", "0.1", "--no-rate-limits")


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A running service in whose Slack the app is installed and sits in #general."""
    log = tmp_path_factory.mktemp("stage") / "stage.log"
    with running_stage(log, sandbox_options=QUICK) as running:
        install(running)
        running.control("invite", {"channel": seed.GENERAL_ID})
        yield running
