"""Chromium, for the tests that need a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

from tests.conftest import skip_or_fail

#: Debian's build without windows does the same for 40% of the CPU time.
PROGRAMS = ("chromium-headless-shell", "chromium")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run Chromium while the block lasts; a second driver cannot start meanwhile."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        skip_or_fail("Chromium is not there")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()
