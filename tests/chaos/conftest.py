"""The sites that the tests break, and the table at the end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.chaos.site import Site, running_site
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
    """The deaths of workers, which take most of a minute of waiting, beside the other tests."""
    if not any("deaths" in getattr(item, "fixturenames", ()) for item in request.session.items):
        yield None
        return
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(kill_and_stop, tmp_path_factory.mktemp("deaths"))


@pytest.fixture(scope="package")
def whole_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two web and two worker processes; SectorFlow has ten seconds to answer."""
    home = tmp_path_factory.mktemp("site")
    with running_site(home, webs=2, workers=2, SECTORFLOW_TIMEOUT_SECONDS="10") as site:
        yield site
        # Checked again at the end: a duplicate may come after its test.
        assert not {"twice", "stuck"} & set(site.verdicts(site.asked))
        assert not site.stuck(site.asked)


@pytest.fixture
def site(whole_site: Site) -> Iterator[Site]:
    """The site, mended after each test."""
    yield whole_site
    whole_site.mend()
