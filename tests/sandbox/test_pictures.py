"""The docs' pictures: each one exists, is small, and has a scene."""

import re

from sandbox.pictures.__main__ import FOLDER
from sandbox.stage import ROOT


def test_every_picture_of_the_docs_exists_is_small_and_has_a_scene():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {name for page in pages for name in re.findall(r"images/([\w-]+\.png)", page.read_text())}
    scenes = (ROOT / "sandbox" / "pictures" / "scenes.py").read_text()
    names = {name.removesuffix(".png").removesuffix("-narrow").removesuffix("-dark") for name in shown}

    assert {path.name for path in FOLDER.iterdir()} == shown
    assert {path.name for path in FOLDER.iterdir() if path.stat().st_size > 80_000} == set()
    assert {name for name in names if f'"{name}"' not in scenes} == set()
