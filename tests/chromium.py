"""Chromium, for the tests that need a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.conftest import skip_or_fail

CHROMIUM = "/usr/bin/chromium"


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run Chromium while the block lasts; a second driver cannot start meanwhile."""
    if not Path(CHROMIUM).exists():
        skip_or_fail("Chromium is not there")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()
