"""The documentation's pictures are those that its script takes."""

from __future__ import annotations

import re

import pytest

from sandbox.pictures.__main__ import FOLDER
from sandbox.stage import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = {name for page in PAGES for name in re.findall(r"images/([\w-]+\.png)", page.read_text())}
SCRIPT = (ROOT / "sandbox" / "pictures" / "scenes.py").read_text()


def test_every_picture_that_is_shown_is_there_and_every_other_one_gone() -> None:
    assert {path.name for path in FOLDER.iterdir()} == SHOWN


@pytest.mark.parametrize(
    "name", sorted({name.removesuffix(".png").removesuffix("-narrow") for name in SHOWN})
)
def test_every_picture_can_be_taken_again(name: str) -> None:
    assert f'"{name}"' in SCRIPT


def test_no_picture_makes_the_page_slow() -> None:
    assert {path.name: size for path in FOLDER.iterdir() if (size := path.stat().st_size) > 80_000} == {}
