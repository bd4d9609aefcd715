"""Take the documentation's pictures again: ``python -m sandbox.pictures``, or only those of the named scenes.

The service and the sandbox run as in the demo; only ``docs/images`` remains.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from sandbox.demo import add_stage_actions
from sandbox.pictures.camera import CHROMIUM, Camera
from sandbox.pictures.scenes import SCENES, Scene
from sandbox.sectorflow.models import CLAUDE, COMMAND_R, GPT, PLUS_ID, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.stage import ROOT, Stage, running_stage

FOLDER = ROOT / "docs" / "images"


def main() -> None:
    """Take the pictures of the wanted scenes."""
    wanted = _parse().names or list(SCENES)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stage(Path(folder, "log"), sandbox_inside=True) as stage,
        sync_playwright() as playwright,
    ):
        add_stage_actions(stage)
        stage.control("settings", {"sectorflow_latency": 0.3, "rate_limits": False})
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        scene = Scene(stage, Camera(browser, stage.sandbox_url, FOLDER), _install(stage))
        for name in wanted:
            scene.begin()
            SCENES[name](scene)
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()
        browser.close()


def _install(stage: Stage) -> str:
    """Install the app with three models; return the installation's id."""
    body = {
        "appName": "SectorFlow",
        "apiToken": TOKEN,
        "workspaceId": WORKSPACE_ID,
        "modelIds": [model.id for model in (COMMAND_R, GPT, CLAUDE)],
        "plusId": PLUS_ID,
    }
    registered = stage.register(body).json()
    stage.consent(registered["installUrl"])
    stage.control("invite", {"channel": seed.GENERAL_ID})
    return str(registered["id"])


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.pictures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCENES))
    return parser.parse_args()


if __name__ == "__main__":
    main()
