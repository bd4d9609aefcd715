"""The scenes of the pictures: each asks, presses or injects a fault, and takes its pictures."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
import requests
from playwright.sync_api import Page

from sandbox.pictures.camera import ALONE, WIDE, Camera, box
from sandbox.sectorflow.models import CLAUDE, COMMAND_R, GPT, MODELS, TOKEN
from sandbox.slack import seed
from sandbox.stage import Stage

ANSWER_SECONDS = 40.0
THREAD = ".pane.thread"
CHANNEL = ".pane.channel"
TABLE = "Compare our last three quarters in a table"
JOKE = "Tell me a joke"
REFUND = "What is our refund policy?"
LONG = "Tell me a long story"


@dataclass(frozen=True)
class Scene:
    """The stage, the camera, and the installation whose settings scenes change."""

    stage: Stage
    camera: Camera
    installation_id: str

    def begin(self) -> None:
        """Reset the settings, faults and models."""
        self.change(display="separated")
        self.stage.control("settings", {"sectorflow_latency": 0.3})
        requests.delete(f"{self.stage.sandbox_url}/_control/faults", timeout=10).raise_for_status()
        for model in MODELS:
            self.stage.control("model", {"model_id": model.id})

    def change(self, **settings: Any) -> None:
        """Change the installation, as SectorFlow's platform does."""
        url = f"{self.stage.service_url}/api/v1/installations/{self.installation_id}"
        answer = requests.patch(url, json=settings, headers=self.stage.headers, timeout=10)
        answer.raise_for_status()

    def ask(self, text: str, **rest: Any) -> dict[str, Any]:
        """Ask in #general as Maya and wait for the answer; return her message."""
        said = self.stage.ask(f"{{bot}} {text}".strip(), **rest)
        self.stage.wait_for_answer(said, ANSWER_SECONDS)
        return said

    def thread(
        self, name: str, text: str, *, last: int = 0, dark: bool = False, **rest: Any
    ) -> dict[str, Any]:
        """Ask, and take a picture of the thread with its answer."""
        said = self.ask(text, **rest)
        self.camera.both(name, thread_of(said), THREAD, last=last, dark=dark)
        return said

    def click(self, said: dict[str, Any], *labels: str) -> None:
        """Click the elements with these labels in a question's thread, one after the other."""
        with self.camera.page(thread_of(said), WIDE) as page:
            for label in labels:
                found = page.locator(THREAD).locator("summary, button").filter(has_text=label)
                found.first.click()
                page.wait_for_timeout(1500)

    @property
    def direct(self) -> str:
        """Return the path of Maya's DM with the app."""
        url = f"{self.stage.service_url}/api/v1/installations/{self.installation_id}"
        found = requests.get(url, headers=self.stage.headers, timeout=10).json()
        return f"channel/with/{found['botUserId']}"


def thread_of(said: dict[str, Any]) -> str:
    """Return the path of a message's thread."""
    return f"channel/{seed.GENERAL_ID}?thread={said['ts']}"


def _working(scene: Scene) -> None:
    scene.stage.control("settings", {"sectorflow_latency": 32.0})
    said = scene.stage.ask(f"{{bot}} {JOKE}")
    place = f"sessions?channel={seed.GENERAL_ID}&thread_ts={said['ts']}"
    while not scene.stage.control(place)["sessions"]:
        time.sleep(0.2)
    scene.camera.part("status", thread_of(said), "Stop", above=150, below=40)
    scene.stage.control("stop", {"user": seed.MAYA_ID, "channel": seed.GENERAL_ID, "thread_ts": said["ts"]})
    scene.stage.wait_for_answer(said, ANSWER_SECONDS)
    scene.camera.both("stopped", thread_of(said), THREAD)


def _tabs(scene: Scene) -> None:
    scene.change(display="tabs")
    scene.thread("tabs", TABLE, dark=True)
    said = scene.ask(LONG)
    scene.click(said, "Page 2")
    scene.camera.part("paged-tab", thread_of(said), "Page 2 of", above=330, below=250, dark=True)


def _folded(scene: Scene) -> None:
    scene.change(display="folded")
    scene.thread("folded", TABLE, dark=True)
    scene.stage.control("model", {"model_id": GPT.id, "fault": "error"})
    scene.thread("failed-folded", JOKE, dark=True)
    scene.stage.control("model", {"model_id": GPT.id})
    said = scene.ask(LONG)
    scene.camera.part("long-folded", thread_of(said), "(continued)", above=260, below=260, dark=True)


def _compare(scene: Scene) -> None:
    said = scene.ask(REFUND)
    scene.click(said, "Compare")
    scene.camera.dialog("compare-dialog", thread_of(said))
    (modal,) = scene.stage.control("modals")["modals"]
    scene.stage.submit(modal["view"]["id"], {"model": CLAUDE.id})
    while "Compared by" not in json.dumps(scene.stage.replies(said)):
        time.sleep(0.2)
    scene.camera.both("compare", thread_of(said), THREAD, last=1, dark=True)


def _models(scene: Scene) -> None:
    said = scene.ask(JOKE)
    scene.click(said, "Models…")
    scene.camera.dialog("models-dialog", thread_of(said))
    scene.stage.press_in_view(seed.MAYA_ID, "go_on", CLAUDE.id)
    while "will answer here" not in json.dumps(scene.stage.replies(said)):
        time.sleep(0.2)
    (modal,) = scene.stage.control("modals")["modals"]
    scene.stage.control("close-modal", {"view_id": modal["view"]["id"]})
    scene.stage.ask("{bot} Another joke, please", thread_ts=said["ts"])
    while len(scene.stage.replies(said)) < 3:
        time.sleep(0.2)
    scene.camera.both("models", thread_of(said), THREAD, last=3)


def _readme(scene: Scene) -> None:
    threads = []
    for display, question in (("tabs", TABLE), ("folded", JOKE)):
        scene.change(display=display)
        threads.append(thread_of(scene.ask(question)))
    scene.camera.beside("readme", *threads)


def _failed_model(scene: Scene) -> None:
    scene.stage.control("model", {"model_id": GPT.id, "fault": "error"})
    scene.thread("failed-model", JOKE, dark=True)
    scene.stage.control("model", {"model_id": GPT.id})
    scene.stage.control("model", {"model_id": COMMAND_R.id, "fault": "error"})
    scene.change(display="tabs")
    scene.thread("failed-tab", JOKE, dark=True)


def _long(scene: Scene) -> None:
    said = scene.ask(LONG)
    scene.camera.part("long-answer", thread_of(said), "(continued)", above=260, below=260, dark=True)


def _no_answer(scene: Scene) -> None:
    for name, status in (("refused", 401), ("too-long", 413)):
        fault = {"service": "sectorflow", "target": "completions", "status": status}
        scene.stage.control("faults", fault)
        scene.thread(name, JOKE)


def _follow_up(scene: Scene) -> None:
    said = scene.ask(JOKE)
    scene.click(said, "⋯", "Follow up")
    scene.camera.dialog("follow-up-dialog", thread_of(said))
    (modal,) = scene.stage.control("modals")["modals"]
    question = "Can you explain that one?\nI am not sure that I understood why the road had to be crossed."
    scene.stage.submit(modal["view"]["id"], {"follow_up": question})
    scene.stage.wait_for_answer(said, ANSWER_SECONDS)
    scene.camera.both("follow-up", thread_of(said), THREAD, last=1)


def _plain_text(scene: Scene) -> None:
    said = scene.ask(TABLE)
    scene.click(said, "⋯", "Plain text")
    scene.camera.both("plain-text", thread_of(said), THREAD, last=1)


def _expired(scene: Scene) -> None:
    scene.change(display="tabs")
    said = scene.ask(JOKE)
    key_file = scene.stage.install_api_key_file
    store = redis.Redis(unix_socket_path=str(key_file.parent / "store.sock") if key_file else "")
    for key in store.scan_iter("answer:*"):
        store.delete(key)
    scene.click(said, "GPT")
    scene.camera.both("expired", thread_of(said), THREAD)


def _files(scene: Scene) -> None:
    scene.change(display="tabs")
    scene.thread("file", "What is in this?", files=["figures.pdf"])
    scene.thread("file-only", "", files=["figures.pdf"])


def _uninvited(scene: Scene) -> None:
    (install,) = scene.stage.control("installs")["installs"]
    ts = f"{time.time():.6f}"
    text = f"<@{install['bot_user_id']}> {JOKE}"
    event = {"type": "app_mention", "user": seed.MAYA_ID, "channel": seed.RANDOM_ID, "text": text, "ts": ts}
    scene.stage.control("event", {"event": {**event, "event_ts": ts}})
    dm = scene.stage.control("open-dm", {"user": seed.MAYA_ID})["channel"]
    while "can't write" not in json.dumps(scene.stage.messages(dm)):
        time.sleep(0.2)
    scene.camera.both("uninvited", scene.direct, CHANNEL)


def _own_pages(scene: Scene) -> None:
    # On the first opening the app publishes its Home tab and prompts.
    for name, tab in (("dm", ""), ("home-tab", "?tab=home")):
        with scene.camera.page(f"{scene.direct}{tab}", WIDE) as page:
            page.wait_for_timeout(3000)
        scene.camera.both(name, f"{scene.direct}{tab}", CHANNEL)


def _install_page(scene: Scene) -> None:
    with scene.camera.page("", ALONE) as page:
        page.set_viewport_size({"width": ALONE, "height": 3000})
        page.goto(f"{scene.stage.service_url}/install")
        page.get_by_label("SectorFlow API token").fill(TOKEN)
        page.get_by_role("button", name="Continue").click()
        page.goto(f"{scene.stage.service_url}/install/new")
        end = box(page.locator("#step-app"))["y"] - 45
        scene.camera.save(page, "install-page", {"x": 60.0, "y": 0.0, "width": ALONE - 120.0, "height": end})


def _sandbox(scene: Scene) -> None:
    said = scene.ask(REFUND)

    def open_panel(page: Page) -> None:
        page.get_by_role("button", name="Developer panel").click()
        page.locator(".exchange").last.wait_for()

    scene.camera.screens("sandbox", thread_of(said), open_panel)


def _first_steps(scene: Scene) -> None:
    scene.stage.control("uninstall", {})
    scene.camera.screens("first-steps", "", lambda page: page.locator(".guide").wait_for())


#: Every scene by its name, in an order in which none affects another.
SCENES: dict[str, Callable[[Scene], object]] = {
    "own-pages": _own_pages,
    "readme": _readme,
    "working": _working,
    "separated": lambda scene: scene.thread("separated", JOKE, dark=True),
    "tabs": _tabs,
    "folded": _folded,
    "compare": _compare,
    "models": _models,
    "failed-model": _failed_model,
    "long-answer": _long,
    "no-answer": _no_answer,
    "follow-up": _follow_up,
    "plain-text": _plain_text,
    "expired": _expired,
    "help": lambda scene: scene.thread("help", ""),
    "files": _files,
    "uninvited": _uninvited,
    "install-page": _install_page,
    "sandbox": _sandbox,
    "first-steps": _first_steps,
}
