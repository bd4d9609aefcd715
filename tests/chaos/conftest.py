"""The sites that the proofs break, and the table at the end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.chaos.harness import Site
from tests.chaos.site_setup import running_site
from tests.chaos.verdicts import ROWS, table
from tests.chaos.worker_deaths import Deaths, kill_and_stop


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ROWS:
        terminalreporter.section("faults and what became of the questions")
        for line in table():
            terminalreporter.write_line(line)


@pytest.fixture(scope="package", autouse=True)
def dying(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Future[Deaths] | None]:
    """Dying takes most of a minute, nearly all of it waiting: it goes on beside the other tests."""
    if not any("deaths" in getattr(item, "fixturenames", ()) for item in request.session.items):
        yield None
        return
    home = tmp_path_factory.mktemp("deaths")
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(kill_and_stop, home)


@pytest.fixture(scope="package")
def whole_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two web and two worker processes; SectorFlow has ten seconds to answer."""
    home = tmp_path_factory.mktemp("site")
    with running_site(home, webs=2, workers=2, environ={"SECTORFLOW_TIMEOUT_SECONDS": "10"}) as site:
        yield site
        # Looked at once more when all is quiet: a duplicate may come after the test that it belongs to.
        assert not {"twice", "stuck"} & set(site.verdicts(site.asked))


@pytest.fixture
def site(whole_site: Site) -> Iterator[Site]:
    """The site, put right again after each test."""
    yield whole_site
    whole_site.mend()
