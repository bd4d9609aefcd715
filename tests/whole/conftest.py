"""The service and the sandbox as real processes, shared by the tests of whole paths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from sandbox.sectorflow.models import PLUS_ID
from sandbox.slack import seed
from sandbox.stage import Stage, running_stage
from tests.chromium import running_chromium
from tests.whole.helpers import install_url
from tests.whole.pages import forget_installations, forget_rates, window

#: One person asks nearly everything here.
ASK_OFTEN = {"QUESTIONS_PER_PERSON": "10000 per minute"}
QUICK = ("--sectorflow-latency", "0.1", "--no-rate-limits")


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A running service whose app is installed and in #general and #random."""
    log = tmp_path_factory.mktemp("stage") / "stage.log"
    with running_stage(log, environ=ASK_OFTEN, sandbox_options=QUICK) as running:
        running.consent(install_url(running, plusId=PLUS_ID))
        for channel in (seed.GENERAL_ID, seed.RANDOM_ID):
            running.control("invite", {"channel": channel})
        yield running


@pytest.fixture(scope="session")
def bare_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A running service that logs everything, without an installed app."""
    log = tmp_path_factory.mktemp("bare") / "stage.log"
    environ = {"RETURN_URL_HOSTS": "platform.example.com", "LOG_LEVEL": "DEBUG", **ASK_OFTEN}
    with running_stage(log, environ=environ, sandbox_options=QUICK) as running:
        yield running


@pytest.fixture
def limited_stage(tmp_path: Path) -> Iterator[Stage]:
    """A running service in which a person may ask three questions an hour."""
    environ = {"QUESTIONS_PER_PERSON": "3 per hour"}
    with running_stage(tmp_path / "stage.log", environ=environ, sandbox_options=QUICK) as running:
        running.consent(install_url(running))
        running.control("invite", {"channel": seed.GENERAL_ID})
        yield running


# A second driver cannot start while this one runs: the tests of other packages have their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with running_chromium() as running:
        yield running


@pytest.fixture
def site(bare_stage: Stage) -> Iterator[Stage]:
    """A running service without an app, whose rates nothing has used up."""
    forget_installations(bare_stage)
    forget_rates(bare_stage)
    yield bare_stage
    forget_installations(bare_stage)


@pytest.fixture
def page(browser: Browser, site: Stage) -> Iterator[Page]:
    with window(browser, site) as page:
        yield page
