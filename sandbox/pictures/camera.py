"""A browser that takes each picture of the channel page wide and narrow."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, FloatRect, Locator, Page

CHROMIUM = "/usr/bin/chromium"
#: The width of a page with a thread, of which the thread has 605 pixels.
WIDE = 1400
#: The width of a page without a thread, of which the channel has 690 pixels.
ALONE = 900
PHONE = 380
#: The maximum height of a page; longer answers are cut off.
_HIGHEST = 16_000
_MARGIN = 14
_SMALLER = (
    *("-strip", "+dither", "-colors", "64"),
    *("-define", "png:compression-level=9", "-define", "png:compression-filter=1"),
)


class Camera:
    """Takes pictures of pages into a folder: ``name.png`` wide, ``name-narrow.png`` on a phone.

    ``name-dark.png``, if requested, is the wide one in the dark theme.
    """

    def __init__(self, browser: Browser, url: str, folder: Path) -> None:
        """Store the browser, the sandbox's URL and the pictures' folder."""
        self._browser = browser
        self._url = url
        self._folder = folder

    @contextmanager
    def page(self, path: str, width: int, *, dark: bool = False) -> Iterator[Page]:
        """Open a page so high that nothing on it scrolls."""
        theme: Literal["dark", "light"] = "dark" if dark else "light"
        page = self._browser.new_page(viewport={"width": width, "height": 700}, color_scheme=theme)
        page.goto(f"{self._url}/{path}")
        page.wait_for_timeout(500)
        inner = page.evaluate(
            "Math.max(...[...document.querySelectorAll('.messages')].map(each => each.scrollHeight))"
        )
        page.set_viewport_size({"width": width, "height": min(_HIGHEST, int(inner) + 260)})
        page.wait_for_timeout(200)
        yield page
        page.close()

    def both(self, name: str, path: str, pane: str, *, last: int = 0, dark: bool = False) -> None:
        """Take a picture of a pane, or of only its ``last`` messages; with ``dark`` in the dark theme too."""
        for width, named, is_dark in _shots(name, WIDE if "thread=" in path else ALONE, dark=dark):
            with self.page(path, width, dark=is_dark) as page:
                shown = page.locator(f"{pane} .messages > *")
                first = shown.nth(shown.count() - last) if last else None
                self.save(page, named, area(page.locator(pane), shown.last, first))

    def beside(self, name: str, *paths: str) -> None:
        """Take one picture of several threads, side by side."""
        images = []
        for path in paths:
            with self.page(path, WIDE) as page:
                pane = page.locator(".pane.thread")
                shot = page.screenshot(clip=area(pane, pane.locator(".messages > *").last, None))
                images.append(f'<img src="data:image/png;base64,{base64.b64encode(shot).decode()}">')
        page = self._browser.new_page(viewport={"width": WIDE, "height": 1000})
        page.set_content(
            f'<main style="display: inline-flex; align-items: start; gap: 24px">{"".join(images)}</main>'
        )
        self.save(page, name, box(page.locator("main")))
        page.close()

    def part(
        self, name: str, path: str, around: str, *, above: float, below: float, dark: bool = False
    ) -> None:
        """Take a picture of a thread, from ``above`` to ``below`` pixels around the first match of a text."""
        for width, named, is_dark in _shots(name, WIDE, dark=dark):
            with self.page(path, width, dark=is_dark) as page:
                page.set_viewport_size({"width": width, "height": int(above + below) + 500})
                text = page.locator(".pane.thread").get_by_text(around).first
                text.evaluate("each => each.scrollIntoView({block: 'center'})")
                top = box(text)["y"] - above
                self.save(
                    page, named, {**box(page.locator(".pane.thread")), "y": top, "height": above + below}
                )

    def form(self, name: str, url: str, fill: Callable[[Page], None], *, height: float) -> None:
        """Take a picture of a page of the service, from its top, once it is filled in."""
        page = self._browser.new_page(viewport={"width": ALONE, "height": int(height)}, color_scheme="light")
        page.goto(url)
        fill(page)
        self.save(page, name, {"x": 0, "y": 0, "width": ALONE, "height": height})
        page.close()

    def dialog(self, name: str, path: str) -> None:
        """Take a picture of the dialog that is open on a page."""
        for width, named in ((WIDE, name), (PHONE, f"{name}-narrow")):
            with self.page(path, width) as page:
                page.set_viewport_size({"width": width, "height": 700})
                shown = box(page.locator("dialog.modal[open]"))
                x, y = max(0.0, shown["x"] - 40), max(0.0, shown["y"] - 40)
                right = min(float(width), shown["x"] + shown["width"] + 40)
                self.save(page, named, {"x": x, "y": y, "width": right - x, "height": shown["height"] + 80})

    def screens(self, name: str, path: str, prepare: Callable[[Page], None]) -> None:
        """Take pictures of the whole window, light and dark, once it is prepared."""
        themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for theme in themes:
            page = self._browser.new_page(viewport={"width": WIDE, "height": 860}, color_scheme=theme)
            page.goto(f"{self._url}/{path}")
            prepare(page)
            page.wait_for_timeout(500)
            named = name if theme == "light" else f"{name}-dark"
            self.save(page, named, {"x": 0, "y": 0, "width": WIDE, "height": 860})
            page.close()

    def save(self, page: Page, name: str, clip: FloatRect) -> None:
        """Save a picture, with a reduced palette if ImageMagick is installed."""
        path = self._folder / f"{name}.png"
        page.screenshot(path=path, clip=clip)
        if convert := shutil.which("convert"):
            command = [convert, str(path), *_SMALLER, f"PNG8:{path}"]
            subprocess.run(command, check=True)  # noqa: S603 - a file of our own


def _shots(name: str, wide: int, *, dark: bool) -> list[tuple[int, str, bool]]:
    """Return the width, the name and the theme (dark or not) of each picture of a scene."""
    shots = [(wide, name, False), (PHONE, f"{name}-narrow", False), (wide, f"{name}-dark", True)]
    return shots if dark else shots[:2]


def box(shown: Locator) -> FloatRect:
    """Return the bounding box of an element; LookupError if it is not visible."""
    found = shown.bounding_box()
    if found is None:
        raise LookupError("it is not on the page")
    return found


def area(pane: Locator, last: Locator, first: Locator | None) -> FloatRect:
    """Return a pane's area from its top, or from a message, to the end of the last one."""
    whole, end = box(pane), box(last)
    top = box(first or pane)["y"]
    return {**whole, "y": top, "height": end["y"] + end["height"] + _MARGIN - top}
