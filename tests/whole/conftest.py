"""The service and the sandbox as real processes, shared by the tests of whole paths."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.sectorflow.models import PLUS_ID
from sandbox.slack import seed
from sandbox.stage import Stage, running_stage
from tests.whole.helpers import install_url

QUICK = ("--sectorflow-latency", "0.1", "--no-rate-limits")


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A running service whose app is installed and in #general and #random."""
    log = tmp_path_factory.mktemp("stage") / "stage.log"
    with running_stage(log, sandbox_options=QUICK) as running:
        running.consent(install_url(running, plusId=PLUS_ID))
        for channel in (seed.GENERAL_ID, seed.RANDOM_ID):
            running.control("invite", {"channel": channel})
        yield running


@pytest.fixture(scope="session")
def bare_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A running service that logs everything, without an installed app."""
    log = tmp_path_factory.mktemp("bare") / "stage.log"
    environ = {"RETURN_URL_HOSTS": "platform.example.com", "LOG_LEVEL": "DEBUG"}
    with running_stage(log, environ=environ, sandbox_options=QUICK) as running:
        yield running
